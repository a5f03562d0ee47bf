/**
 * When the members of a sync group play: together what was captured at the same time. Pure: what the members want and what time it is
 * goes in, the offset at which each plays comes out.
 *
 * Delays are local playout time minus local capture time. All members play at the group's delay, so that their skew is zero, but for
 * one that needs so much more that the others would wait too long for it: that one plays behind, together with others that do.
 *
 * @module
 */

/** How a {@link GroupDelay} decides. */
export interface GroupDelayOptions {
  /** Whose delay counts: that of whoever needs most, or the master's. Default `"maxDelay"`. */
  readonly policy?: "maxDelay" | "master";
  /**
   * Longest that a member is held back for others, in milliseconds; who needs more than that plays behind. Default 250: with the 150 ms
   * that a conversation bears unnoticed it makes the 400 ms that none should exceed (ITU-T G.114).
   */
  readonly maxSkewMs?: number;
}

/** A member as the group sees it. Offsets lead from media time to local time, in microseconds. */
export interface DelayedMember {
  /** Where it would play by itself; `NaN` when that is not known. */
  wantedUs: number;
  /** Local time at which media time 0 was captured; `NaN` when that is not known. */
  baseUs: number;
  /** Where it plays, which the group moves; `NaN`: it has just joined, and the group says where it begins. */
  offsetUs: number;
}

/** Decides the offsets over time; each moves by time scaling only, 25 % of the media's pace at most, whatever happens to the others. */
export class GroupDelay {
  readonly #isMaster: boolean;
  readonly #maxSkewUs: number;
  #delayUs = NaN;
  #nowUs = NaN;

  /** @throws {RangeError} when `maxSkewMs` is negative. @throws {TypeError} when the policy is none. */
  constructor(options: GroupDelayOptions = {}) {
    const { policy = "maxDelay", maxSkewMs = 250 } = options;
    if (policy !== "maxDelay" && policy !== "master") throw new TypeError(`policy is "${policy}"`);
    if (!(maxSkewMs >= 0)) throw new RangeError(`maxSkewMs is ${maxSkewMs}`);
    this.#isMaster = policy === "master";
    this.#maxSkewUs = maxSkewMs * 1000;
  }

  /** The delay of those who play first, in microseconds; `NaN` before any member has a wish. */
  get delayUs(): number {
    return this.#delayUs;
  }

  /** By how much a member plays behind the group, in microseconds; `NaN` before it plays. */
  behindUs({ offsetUs, baseUs }: DelayedMember): number {
    return offsetUs - baseUs - this.#delayUs;
  }

  /** Let time pass to `nowUs`, and move the members towards where they belong. */
  advance(members: readonly DelayedMember[], master: DelayedMember | undefined, nowUs: number): void {
    const elapsedUs = nowUs - this.#nowUs;
    const limitUs = elapsedUs > 0 ? SCALING_LIMIT * elapsedUs : 0;
    if (!(elapsedUs < 0)) this.#nowUs = nowUs;
    // Anew, as what is known of the senders' clocks may have changed.
    this.#delayUs = leastDelayUs(members);
    const masterUs = this.#isMaster && master !== undefined ? master.wantedUs - master.baseUs : NaN;
    let delayUs = -Infinity;
    for (;;) {
      const beforeUs = delayUs;
      let leastUs = Infinity;
      let mostUs = -Infinity;
      for (const member of members) {
        const wantedUs = member.wantedUs - member.baseUs;
        if (!(wantedUs > beforeUs)) continue;
        if (wantedUs < leastUs) leastUs = wantedUs;
        if (wantedUs > mostUs) mostUs = wantedUs;
      }
      if (leastUs === Infinity) break;
      const isFirst = beforeUs === -Infinity;
      delayUs = Math.min(isFirst && !Number.isNaN(masterUs) ? masterUs : mostUs, leastUs + this.#maxSkewUs);
      for (const member of members) {
        const wantedUs = member.wantedUs - member.baseUs;
        if (wantedUs > beforeUs && wantedUs <= delayUs) this.#move(member, delayUs, isFirst, limitUs);
      }
    }
    this.#delayUs = leastDelayUs(members);
  }

  #move(member: DelayedMember, delayUs: number, isFirst: boolean, limitUs: number): void {
    const goalUs = member.baseUs + delayUs;
    if (Number.isNaN(member.offsetUs)) {
      // Whoever joins while the others are on their way goes the rest of it with them.
      member.offsetUs = isFirst && !Number.isNaN(this.#delayUs) ? member.baseUs + this.#delayUs : goalUs;
    }
    const byUs = goalUs - member.offsetUs;
    if (Math.abs(byUs) <= limitUs) member.offsetUs = goalUs;
    else member.offsetUs += Math.sign(byUs) * limitUs;
  }
}

/** Delay of whoever plays with the least; `NaN` when nobody plays. */
function leastDelayUs(members: readonly DelayedMember[]): number {
  let leastUs = NaN;
  for (const { offsetUs, baseUs } of members) {
    const delayUs = offsetUs - baseUs;
    if (!(delayUs >= leastUs) && !Number.isNaN(delayUs)) leastUs = delayUs;
  }
  return leastUs;
}

/** Time scaling that is not heard, as in `PlayoutDelay`. */
const SCALING_LIMIT = 0.25;
