/**
 * The peer's clock as an application sees it: the estimate of `synchronized_clock.ts`, waiting until it is good enough, and who is
 * told of its steps. `clock_probing.ts` feeds it.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { SynchronizedClock } from "../protocol/synchronized_clock.ts";
import type { ProbeOutcome } from "../protocol/clock_filter.ts";
import type { TimeProbes } from "../protocol/time_probes.ts";
import type { TimeStamps } from "../protocol/time_sync.ts";

/** What {@link SessionClock.ready} waits for, and how long. */
export interface ClockReadyOptions {
  /** Wait until {@link SessionClock.errorBoundUs} is this or less, in microseconds; it is never less than half a round trip. Default: no matter. */
  readonly maxErrorUs?: number | undefined;
  /** Give up when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Give up after so many milliseconds. Default 10,000. */
  readonly timeoutMs?: number | undefined;
}

/** A jump of the time a {@link SessionClock} shows. */
export interface ClockStep {
  /** How far the time shown jumped, in microseconds; negative: back. */
  readonly stepUs: number;
  /** When it did, in local microseconds. */
  readonly atUs: number;
}

/**
 * The peer's monotonic clock. Its epoch is the peer's own (of a peer that runs this library: the start of its process), local times
 * are microseconds of this end's monotonic clock (`performance.now() * 1000`). Both ends have one of each other.
 *
 * ```ts
 * await session.clock.ready({ maxErrorUs: 5_000 });
 * const thereUs = session.clock.nowUs();
 * ```
 * The time shown may step until `state` is `"synchronized"`. From then on it never runs backwards and is slewed by 500 ppm at
 * most; when a clock was set or a computer slept it steps once, which `steps` counts and {@link SessionClock.onStep} tells.
 * When the session has ended it runs on by the last estimate.
 */
export class SessionClock extends SynchronizedClock {
  readonly #connection: Connection;
  readonly #probes: TimeProbes;
  readonly #waiting = new Set<Waiting>();
  readonly #listeners = new Set<(step: ClockStep) => void>();

  /** @param probes What is sent for this clock: it counts answers to nothing. */
  constructor(connection: Connection, probes: TimeProbes) {
    super(() => connection.clock.nowUs());
    this.#connection = connection;
    this.#probes = probes;
  }

  /** Answers that were not taken in: forged, replayed, to nothing, impossible, or against everything known. */
  override get ignored(): number {
    return super.ignored + this.#probes.ignored;
  }

  /**
   * Resolves when the clock is synchronized and, where asked for, known well enough.
   * @throws {RangeError} (as rejection) when an option is no number above zero.
   * @throws {EchoStreamError} (as rejection) DEADLINE_EXCEEDED when it is not after `timeoutMs`, UNAVAILABLE when the session ends.
   * @throws the reason of `signal` (as rejection) when that aborts.
   */
  async ready(options: ClockReadyOptions = {}): Promise<void> {
    const { maxErrorUs = Infinity, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    if (!(maxErrorUs > 0)) throw new RangeError(`maxErrorUs is ${maxErrorUs}, expected more than zero`);
    if (!(timeoutMs > 0 && timeoutMs < Infinity)) {
      throw new RangeError(`timeoutMs is ${timeoutMs}, expected more than zero`);
    }
    signal?.throwIfAborted();
    if (this.#isReady(maxErrorUs)) return;
    const { closeReason, clock } = this.#connection;
    if (closeReason !== undefined) throw closeReason.error;
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(waiting);
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        maxErrorUs,
        succeed: () => (settle(), resolve()),
        fail: (error) => (settle(), reject(error)),
      };
      const onAbort = (): void => waiting.fail(signal!.reason);
      // Somebody waits: a program that does nothing else must not end meanwhile, as it would over a network in memory.
      const timer = clock.setTimer(() => waiting.fail(this.#timeoutError(maxErrorUs, timeoutMs)), timeoutMs, {
        referenced: true,
      });
      signal?.addEventListener("abort", onAbort);
      this.#waiting.add(waiting);
    });
  }

  /** Call `listener` whenever the clock steps after it had been synchronized. Returns what takes the listener away again. */
  onStep(listener: (step: ClockStep) => void): () => void {
    // A function of its own, so that one listener added twice is two.
    const entry = (step: ClockStep): void => listener(step);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** @internal A probe came back. */
  override insert(stamps: TimeStamps): ProbeOutcome {
    return this.#learn(() => super.insert(stamps));
  }

  /** @internal Media arrived, the fastest of some: see {@link SynchronizedClock.insertTransit}. */
  override insertTransit(departureUs: number, arrivalUs: number): void {
    this.#learn(() => super.insertTransit(departureUs, arrivalUs));
  }

  /** @internal The session has ended: nobody need wait any more. */
  end(error: EchoStreamError): void {
    for (const waiting of this.#waiting) waiting.fail(error);
    this.#listeners.clear();
  }

  /** Take something in, and tell those whom it concerns. */
  #learn<T>(learn: () => T): T {
    const atUs = this.#connection.clock.nowUs();
    const { steps } = this;
    const shownUs = this.toRemoteUs(atUs);
    const outcome = learn();
    if (this.steps > steps) this.#tell({ stepUs: this.toRemoteUs(atUs) - shownUs, atUs });
    for (const waiting of this.#waiting) if (this.#isReady(waiting.maxErrorUs)) waiting.succeed();
    return outcome;
  }

  #isReady(maxErrorUs: number): boolean {
    return this.state === "synchronized" && this.errorBoundUs <= maxErrorUs;
  }

  #tell(step: ClockStep): void {
    for (const listener of this.#listeners) {
      try {
        listener(step);
      } catch (error) {
        this.#connection.log({ level: "error", category: "clock", message: "A listener of onStep failed", error });
      }
    }
  }

  #timeoutError(maxErrorUs: number, timeoutMs: number): EchoStreamError {
    return new EchoStreamError(
      ErrorCode.DEADLINE_EXCEEDED,
      `Clock of the peer is not ready after ${timeoutMs} ms: ${this.#shortcoming(maxErrorUs)}`,
    );
  }

  #shortcoming(maxErrorUs: number): string {
    if (this.probes === 0) {
      return "no probe was answered; check that the path carries QUIC datagrams and that the peer answers them";
    }
    const { state } = this;
    if (state !== "synchronized") return `it is ${state} after ${this.probes} answers; allow it more time`;
    const boundUs = Math.ceil(this.errorBoundUs);
    const tripUs = Math.ceil(this.roundTripTimeUs);
    return `its error bound is ${boundUs} µs, more than ${maxErrorUs}; ` +
      `half of the fastest round trip of ${tripUs} µs is the least that can be promised: allow more error, or use a shorter path`;
  }
}

/** A call of `ready` that has not settled. */
interface Waiting {
  readonly maxErrorUs: number;
  succeed(): void;
  fail(error: unknown): void;
}

/** Long enough for a burst over any path that works, with half of its probes lost. */
const DEFAULT_TIMEOUT_MS = 10_000;
