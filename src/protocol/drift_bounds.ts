/**
 * How fast two clocks can part at all, as far as the transits of both directions tell: had one gained more between two of them, a
 * packet would have arrived before it left. A fitted curve is narrower, and of few transits quite wrong at times.
 * Source: docs/protocol.md, "Time".
 *
 * @module
 */

import type { LowerEnvelope } from "./lower_envelope.ts";

/** Bounds of the drift between two clocks, in parts per million. */
export class DriftBounds {
  /** The drift is not below. */
  lowestPpm: number = -CRYSTALS_PPM;
  /** The drift is not above. */
  highestPpm: number = CRYSTALS_PPM;

  /** The drift is within `spreadPpm` of `driftPpm`; by default nothing is known but that these are clocks. */
  set(driftPpm = 0, spreadPpm: number = CRYSTALS_PPM): void {
    this.lowestPpm = driftPpm - spreadPpm;
    this.highestPpm = driftPpm + spreadPpm;
  }

  /**
   * The drift is one that two crystals may have, within `spreadPpm` of `driftPpm`, and what the transits leave possible: the offset is
   * below each of those there, and above the negative of each back. `roundTripUs` is the sum of what both are counted from,
   * `wanderPpm` by how much the drift may vary. Takes time quadratic in the slots.
   */
  narrow(
    there: LowerEnvelope,
    back: LowerEnvelope,
    roundTripUs: number,
    driftPpm: number,
    spreadPpm: number,
    wanderPpm: number,
  ): void {
    let lowestPpm = Math.max(-CRYSTALS_PPM, driftPpm - spreadPpm);
    let highestPpm = Math.min(CRYSTALS_PPM, driftPpm + spreadPpm);
    for (let i = 0; i < there.count; i++) {
      for (let k = 0; k < back.count; k++) {
        const elapsedS = there.timesS[i]! - back.timesS[k]!;
        const steepestPpm = (roundTripUs + there.transitsUs[i]! + back.transitsUs[k]!) / elapsedS;
        if (elapsedS > 0) highestPpm = Math.min(highestPpm, steepestPpm);
        else if (elapsedS < 0) lowestPpm = Math.max(lowestPpm, steepestPpm);
      }
    }
    // Nothing may be left, between clocks that are further off than crystals.
    this.lowestPpm = Math.min(lowestPpm, highestPpm) - wanderPpm;
    this.highestPpm = Math.max(lowestPpm, highestPpm) + wanderPpm;
  }

  /** The least transit of an envelope at `nowS`, in microseconds, when the clocks parted from each of its slots as fast as they may. */
  leastUs(envelope: LowerEnvelope, nowS: number): number {
    const partingPpm = envelope.sign > 0 ? this.highestPpm : -this.lowestPpm;
    let leastUs = Infinity;
    for (let k = 0; k < envelope.count; k++) {
      leastUs = Math.min(leastUs, envelope.transitsUs[k]! + partingPpm * Math.max(0, nowS - envelope.timesS[k]!));
    }
    return leastUs;
  }
}

/** Two crystals of ±50 ppm and a bit, of two standard deviations (`DRIFT_SIGMA_PPM` of margin_curve.ts). */
const CRYSTALS_PPM = 120;
