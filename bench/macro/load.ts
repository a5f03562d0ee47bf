/**
 * Closed-loop load: so many calls are always in flight, each answer starts the next call, latencies are kept exactly.
 *
 * @module
 */
import type { PeerClient } from "../peers/peer.ts";

/** What one measurement found. */
export interface Measurement {
  /** Calls, frames of the bulk transfer or items per second. */
  readonly ops: number;
  /** Median latency of calls in µs, otherwise 0. */
  readonly p50Us: number;
  /** 99th percentile of the latency of calls in µs, otherwise 0. */
  readonly p99Us: number;
  /** Payload in 10^6 bytes per second, one direction. */
  readonly mbPerS: number;
  /** Processor time of a call in µs, client and server together. */
  readonly cpuUs?: number;
}

/** How long to measure. */
export interface LoadOptions {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** More latencies than this are not kept; a second of the fastest system fits several times. */
const MAX_SAMPLES = 8_000_000;

/** Keep `inFlight` calls of `payloadBytes` going. */
export function measureCalls(
  client: Pick<PeerClient, "call">,
  inFlight: number,
  payloadBytes: number,
  options: LoadOptions,
): Promise<Measurement> {
  const payload = new Uint8Array(payloadBytes).fill(7);
  const latenciesMs = new Float64Array(Math.min(MAX_SAMPLES, options.durationMs * 2000));
  return new Promise((resolve, reject) => {
    const begunMs = performance.now() + options.warmUpMs;
    const endMs = begunMs + options.durationMs;
    let samples = 0;
    let running = inFlight;
    let lastMs = begunMs;
    const start = (startedMs: number): void => {
      client.call(payload, (bytes) => {
        const nowMs = performance.now();
        if (bytes !== payloadBytes) return reject(new Error(`Echo of ${bytes} bytes instead of ${payloadBytes}`));
        if (nowMs >= begunMs && nowMs < endMs && samples < latenciesMs.length) {
          latenciesMs[samples++] = nowMs - startedMs;
          lastMs = nowMs;
        }
        if (nowMs < endMs) start(nowMs);
        else if (--running === 0) resolve(summary());
      });
    };
    const summary = (): Measurement => {
      const sorted = latenciesMs.subarray(0, samples).sort();
      const at = (share: number): number =>
        Math.round(1000 * (sorted[Math.min(samples - 1, Math.floor(samples * share))] ?? 0));
      // A system may be so slow that nothing was answered within the time.
      const ops = samples === 0 ? 0 : samples / ((lastMs - begunMs) / 1000);
      return { ops: Math.round(ops), p50Us: at(0.5), p99Us: at(0.99), mbPerS: round((ops * payloadBytes) / 1e6) };
    };
    for (let i = 0; i < inFlight; i++) start(performance.now());
  });
}

/** Have amounts of `unitBytes` moved by `move`, for about `durationMs` in the end. */
export async function measureFlow(
  move: (amount: number) => Promise<void>,
  firstAmount: number,
  unitBytes: number,
  options: LoadOptions,
): Promise<Measurement> {
  let amount = firstAmount;
  let elapsedMs = 0;
  // Each round is as large as the one before suggests, until one has lasted long enough to count.
  for (let spentMs = 0; spentMs < options.warmUpMs || elapsedMs < options.durationMs / 2; spentMs += elapsedMs) {
    if (elapsedMs > 0) amount = Math.ceil(amount * Math.min(8, options.durationMs / elapsedMs));
    const startedMs = performance.now();
    await move(amount);
    elapsedMs = performance.now() - startedMs;
  }
  const perS = amount / (elapsedMs / 1000);
  return { ops: Math.round(perS), p50Us: 0, p99Us: 0, mbPerS: round(perS * unitBytes / 1e6) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
