/**
 * Whether a stream sends more than arrives in time, for an encoder to adapt to: by what waits at the sender, by what was dropped, and
 * by what the receiver reports. Loss alone counts above 10 % and no longer below 2 %, as for loss-based control of RTP
 * (draft-ietf-rmcat-gcc-02 §6).
 *
 * @module
 */

/** What a {@link CongestionDetector} looks at. */
export interface CongestionSigns {
  /** How long the oldest frame has waited here, in microseconds; 0 when none waits. */
  readonly queueDelayUs: number;
  /** Frames dropped so far, for whatever reason. */
  readonly framesDropped: number;
  /** Share of the frames that were lost on the way, as last reported, 0 to 1. */
  readonly fractionLost: number;
  /** Whether the receiver says that frames come too late. */
  readonly receiverCongested: boolean;
}

/** Decides, with hysteresis: congestion is over when nothing has pointed to it for a second. */
export class CongestionDetector {
  readonly #queueLimitUs: number;
  #congested = false;
  #framesDropped = 0;
  #lastSignUs = -Infinity;

  /** @param maxLatencyUs Age at which frames are of no use; a quarter of it waiting is a sign. */
  constructor(maxLatencyUs: number) {
    this.#queueLimitUs = Math.max(LEAST_QUEUE_LIMIT_US, maxLatencyUs / 4);
  }

  /** The last decision. */
  get congested(): boolean {
    return this.#congested;
  }

  /** Decide at `nowUs`. */
  observe(signs: CongestionSigns, nowUs: number): boolean {
    const hasDropped = signs.framesDropped > this.#framesDropped;
    this.#framesDropped = signs.framesDropped;
    const queueLimitUs = this.#congested ? this.#queueLimitUs / 2 : this.#queueLimitUs;
    const lossLimit = this.#congested ? LOSS_OVER : LOSS_CONGESTED;
    const isSign = hasDropped || signs.queueDelayUs > queueLimitUs || signs.fractionLost > lossLimit ||
      signs.receiverCongested;
    if (isSign) this.#lastSignUs = nowUs;
    this.#congested = isSign || (this.#congested && nowUs - this.#lastSignUs < QUIET_US);
    return this.#congested;
  }
}

/** Waiting for the next turn of the event loop is no congestion. */
const LEAST_QUEUE_LIMIT_US = 20_000;
const LOSS_CONGESTED = 0.1;
const LOSS_OVER = 0.02;
const QUIET_US = 1_000_000;
