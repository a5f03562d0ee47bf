/**
 * What a bad network does to each packet of one direction, decided from its time and a seed: delay that changes, jitter, loss, reordering.
 *
 * @module
 */
import { seededRandom } from "../../src/connection/memory_link.ts";

/** How bad it is. */
export interface ImpairmentOptions {
  readonly seed: number;
  /** One way, in milliseconds at a time in milliseconds. */
  readonly delayMsAt: (ms: number) => number;
  /** Mean of what queues add to the delay; the same for all packets of a moment, since they wait in the same queue. */
  readonly jitterMs: number;
  /** Share of packets that are lost, 0 to 1, one or a few in a row. */
  readonly loss: number;
  /** Share of packets that later ones overtake, 0 to 1. */
  readonly reorder: number;
}

/** One direction of a network. Ask it in the order of time. */
export class Impairment {
  readonly #options: ImpairmentOptions;
  readonly #random: () => number;
  #slot = -1;
  #jitterMs = 0;
  #isLosing = false;
  #lastDueMs = 0;

  constructor(options: ImpairmentOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  /** When a packet that enters at `nowMs` leaves, in milliseconds; `undefined` when it is lost. */
  dueMs(nowMs: number): number | undefined {
    const { delayMsAt, jitterMs, loss, reorder } = this.#options;
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot !== this.#slot) {
      this.#slot = slot;
      this.#jitterMs = -jitterMs * Math.log(1 - this.#random());
    }
    if (this.#loses(loss)) return undefined;
    const dueMs = nowMs + delayMsAt(nowMs) + this.#jitterMs;
    if (this.#random() < reorder) return dueMs + HELD_BACK_MS;
    // A queue is left in the order in which it was entered.
    this.#lastDueMs = Math.max(this.#lastDueMs, dueMs);
    return this.#lastDueMs;
  }

  /** Two states, after Gilbert (1960): in the one everything passes, in the other nothing; two packets in a row are lost on average. */
  #loses(loss: number): boolean {
    const change = this.#isLosing ? 1 / MEAN_BURST : loss / (1 - loss) / MEAN_BURST;
    if (this.#random() < change) this.#isLosing = !this.#isLosing;
    return this.#isLosing;
  }
}

/** How long the queues of a network stay as they are. */
const SLOT_MS = 10;
/** How much later a packet leaves that others overtake. */
const HELD_BACK_MS = 12;
const MEAN_BURST = 2;
