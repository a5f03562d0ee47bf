/**
 * A link whose capacity changes with time, behind a drop-tail queue that media shares with other traffic. Capacity follows the
 * model of Winstein, Sivaraman and Balakrishnan for cellular links ("Stochastic forecasts achieve high throughput and low delay over
 * cellular networks", NSDI 2013): packets leave as a Poisson process whose rate is a Brownian motion, and that stays at zero for
 * an exponential time whenever it gets there. Here the rate is drawn back to its mean, so that a short run is typical of a long one, and
 * comes back from zero at up to half of it.
 *
 * @module
 */

import { Random } from "./random.ts";

/** What a link is like. */
export interface LinkOptions {
  readonly seed: number;
  /** Mean capacity, in kilobits a second. */
  readonly meanKbps: number;
  /** Standard deviation of the rate after a second, as a share of the mean; 0 is a link of constant capacity. */
  readonly volatility?: number;
  /** Mean time the rate stays at zero, in milliseconds. */
  readonly outageMs?: number;
  /** Time after which the rate has come back to its mean, in seconds. */
  readonly returnS?: number;
  /** What the queue holds, in milliseconds at the mean capacity. */
  readonly queueMs: number;
  readonly propagationMs: number;
  /** Share of the mean capacity that other traffic takes; it comes in bursts. */
  readonly crossLoad?: number;
  /** Mean length of a burst of other traffic, in milliseconds at twice the mean capacity. */
  readonly crossBurstMs?: number;
  /** Share of packets that get lost beside those the queue drops. */
  readonly loss?: number;
}

/** When each of the units sent at `sentUs`, in order, has arrived; `NaN` for one that is lost. */
export function transmit(sentUs: Float64Array, bytes: Float64Array, options: LinkOptions): Float64Array {
  const { volatility = 0, outageMs = 300, returnS = 6, crossLoad = 0, crossBurstMs = 300, loss = 0 } = options;
  const random = new Random(options.seed);
  const packetsPerMs = options.meanKbps / 8 / PACKET_BYTES;
  const limitBytes = packetsPerMs * PACKET_BYTES * options.queueMs;
  const arrivedUs = new Float64Array(sentUs.length).fill(NaN);
  const queue: { readonly unit: number; readonly endBytes: number }[] = [];
  let head = 0;
  let queuedBytes = 0;
  let servedBytes = 0;
  let rate = 1;
  let outLeftMs = 0;
  let crossLeftMs = 0;
  const offer = (unit: number, size: number): void => {
    if (queuedBytes + size - servedBytes > Math.max(limitBytes, 2 * PACKET_BYTES)) return;
    queue.push({ unit, endBytes: queuedBytes += size });
  };
  for (let ms = 0, next = 0; next < sentUs.length || head < queue.length; ms++) {
    if (outLeftMs > 0) outLeftMs--;
    else {
      rate += (1 - rate) / (returnS * 1000) + volatility * Math.sqrt(1e-3) * random.normal();
      if (rate <= 0) {
        rate = FIRST_RATE * random.uniform();
        outLeftMs = random.exponential(outageMs);
      }
      rate = Math.min(rate, 4);
    }
    // Other traffic is there for a while and away for a while, as downloads are.
    if (crossLeftMs > 0) crossLeftMs--;
    else if (crossLoad > 0 && random.happens(crossLoad / 2 / crossBurstMs)) {
      crossLeftMs = random.exponential(crossBurstMs);
    }
    if (crossLeftMs > 0) {
      for (let left = random.poisson(packetsPerMs * 2); left > 0; left--) offer(-1, PACKET_BYTES);
    }
    for (; next < sentUs.length && sentUs[next]! < (ms + 1) * 1000; next++) {
      if (!random.happens(loss)) offer(next, bytes[next]! + HEADER_BYTES);
    }
    const packets = volatility === 0 ? packetsPerMs : outLeftMs > 0 ? 0 : random.poisson(packetsPerMs * rate);
    servedBytes = Math.min(queuedBytes, servedBytes + packets * PACKET_BYTES);
    for (; head < queue.length && queue[head]!.endBytes <= servedBytes; head++) {
      const { unit } = queue[head]!;
      // Where within the millisecond is as good as random.
      const atUs = (ms + 1 + options.propagationMs) * 1000 + random.uniform() * 500;
      if (unit >= 0) arrivedUs[unit] = atUs;
    }
  }
  return arrivedUs;
}

/** Share of the mean rate that a link has at most after an outage. */
const FIRST_RATE = 0.5;
const PACKET_BYTES = 1500;
/** IP, UDP and QUIC. */
const HEADER_BYTES = 60;
