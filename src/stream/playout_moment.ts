/**
 * What the parts of a jitter buffer tell one another about one moment. One object is filled again for every moment instead of
 * numbers being passed: V8 allocates for each fractional number that goes into or comes out of a function which it does not
 * inline, and nothing may be allocated per packet. What it inlines differs from run to run, by what runs hot first; only functions
 * of a few bytes of code, such as getters, it always does.
 *
 * @module
 */

/** A moment; all times are microseconds, those of frames on the sender's clock and all others on the local one. */
export class PlayoutMoment {
  /** Now. Never steps back. */
  nowUs: number = -Infinity;
  /** Unwrapped sequence of the frame that arrives now. */
  sequence: number = 0;
  /** Its timestamp, in ticks of the stream's clock rate. */
  timestamp: number = 0;
  /** Its media time. */
  mediaUs: number = NaN;
  /** Media time that is played. */
  playedUs: number = NaN;
  /** Media time of each frame missing there, up to the next one that is held; not above 0 when that one's timestamp tells nothing. */
  stepUs: number = NaN;
  /** Its arrival minus its media time; set by `PlayoutDelay`, as is all below. */
  transitUs: number = NaN;
  /** Its transit above that of the fastest path. */
  excessUs: number = NaN;
  /** Delay above the fastest path that is held. */
  delayUs: number = NaN;
  /** By how much the newest frame that has not arrived is overdue over the fastest path, below 0 when it is not. */
  ageUs: number = NaN;
  /** Delay that is worth holding. */
  worthUs: number = NaN;
  /** Delay that is wanted, time scaling and limits apart. */
  wantedUs: number = NaN;
}
