/**
 * The one delay at which all members of a sync group play what was captured at the same time. Pure: what the members want and what
 * time it is goes in, a delay comes out.
 *
 * Delays are local playout time minus local capture time. Members play at the group's delay, so that their skew is zero, but for one
 * that wants so much more than another that the others would wait too long for it: it plays behind by the rest.
 *
 * @module
 */

/** How a {@link GroupDelay} decides. */
export interface GroupDelayOptions {
  /** Whose delay counts: that of whoever needs most, or the master's. Default `"maxDelay"`. */
  readonly policy?: "maxDelay" | "master";
  /** Longest that a member may hold another one back, in milliseconds. Default 80. */
  readonly maxSkewMs?: number;
}

/** A member as the group sees it. */
export interface DelayedMember {
  /** Delay it would play at by itself, in microseconds; `NaN` when that is not known. */
  wantedUs: number;
  /** By how much it plays behind the group, in microseconds; set by the group. `NaN`: it has just joined. */
  behindUs: number;
}

/** Decides the delay over time; it moves by time scaling only, 25 % of the media's pace at most. */
export class GroupDelay {
  readonly #isMaster: boolean;
  readonly #maxSkewUs: number;
  #delayUs = NaN;
  #nowUs = NaN;

  /** @throws {RangeError} when `maxSkewMs` is negative. @throws {TypeError} when the policy is none. */
  constructor(options: GroupDelayOptions = {}) {
    const { policy = "maxDelay", maxSkewMs = 80 } = options;
    if (policy !== "maxDelay" && policy !== "master") throw new TypeError(`policy is "${policy}"`);
    if (!(maxSkewMs >= 0)) throw new RangeError(`maxSkewMs is ${maxSkewMs}`);
    this.#isMaster = policy === "master";
    this.#maxSkewUs = maxSkewMs * 1000;
  }

  /** The group's delay in microseconds; `NaN` before any member has a wish. */
  get delayUs(): number {
    return this.#delayUs;
  }

  /** The axis of capture times has moved by so much: what plays when stays as it is. */
  rebase(byUs: number): void {
    this.#delayUs -= byUs;
  }

  /** Forget the delay: the next one holds at once. */
  jump(): void {
    this.#delayUs = NaN;
  }

  /** Move to what is wanted at `nowUs`, and set how far each member plays behind; returns the time scaling left over. */
  advance(members: readonly DelayedMember[], master: DelayedMember | undefined, nowUs: number): number {
    let budgetUs = Number.isNaN(this.#nowUs) ? 0 : SCALING_LIMIT * Math.max(0, nowUs - this.#nowUs);
    if (!(nowUs < this.#nowUs)) this.#nowUs = nowUs;
    let leastUs = Infinity;
    let mostUs = -Infinity;
    for (const { wantedUs } of members) {
      if (wantedUs < leastUs) leastUs = wantedUs;
      if (wantedUs > mostUs) mostUs = wantedUs;
    }
    if (leastUs === Infinity) return budgetUs;
    const policyUs = this.#isMaster && master !== undefined && !Number.isNaN(master.wantedUs)
      ? master.wantedUs
      : mostUs;
    const targetUs = Math.min(policyUs, leastUs + this.#maxSkewUs);
    const byUs = Number.isNaN(this.#delayUs) ? 0 : clamp(targetUs - this.#delayUs, budgetUs);
    this.#delayUs = Number.isNaN(this.#delayUs) ? targetUs : this.#delayUs + byUs;
    budgetUs -= Math.abs(byUs);
    for (const member of members) {
      if (Number.isNaN(member.wantedUs)) continue;
      // One that wants no more than the group is going to have waits for it rather than fall behind.
      const behindUs = member === master && this.#isMaster ? 0 : Math.max(0, member.wantedUs - targetUs);
      if (Number.isNaN(member.behindUs)) member.behindUs = behindUs;
      else member.behindUs += clamp(behindUs - member.behindUs, budgetUs);
    }
    return budgetUs;
  }
}

/** Time scaling that is not heard, as in `PlayoutDelay`. */
const SCALING_LIMIT = 0.25;

function clamp(value: number, limit: number): number {
  return Math.min(limit, Math.max(-limit, value));
}
