/**
 * Gaps that are known and wait to be handed out: a run of them is one report, and whoever does not ask loses the oldest.
 *
 * @module
 */

import { type GapReason, MediaGap } from "./media_gap.ts";

/** A bounded queue of gaps. */
export class GapReports {
  readonly #gaps: MediaGap[] = [];

  /** Gaps that wait. */
  get length(): number {
    return this.#gaps.length;
  }

  /** `count` packets from `sequence` on are missing; what follows directly on the newest report becomes part of it. */
  add(reason: GapReason, sequence: number, count: number): void {
    const gaps = this.#gaps;
    const last = gaps.at(-1);
    if (last?.reason === reason && count > 0 && (last.sequence + last.count) >>> 0 === sequence >>> 0) {
      gaps[gaps.length - 1] = new MediaGap(reason, last.sequence, last.count + count, 0);
      return;
    }
    if (gaps.length === MOST_REPORTS) gaps.shift();
    gaps.push(new MediaGap(reason, sequence, count, 0));
  }

  /** The oldest gap, which waits no longer. */
  take(): MediaGap | undefined {
    return this.#gaps.shift();
  }
}

const MOST_REPORTS = 64;
