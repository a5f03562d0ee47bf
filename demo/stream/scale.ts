/**
 * Axes: round numbers to label, and where a value lies between the ends.
 *
 * @module
 */

/** An axis from `min` to `max`. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  /** Round numbers within, ascending. */
  readonly ticks: readonly number[];
  /** Digits behind the decimal point that tell the ticks apart. */
  readonly decimals: number;
}

/** An axis that holds `min` and `max`, and ends at a tick on both sides; about `count` steps. It is one unit long where both are the same. */
export function scaleAround(min: number, max: number, count: number): Scale {
  if (max <= min) return scaleAround(min, min + 1, count);
  const step = roundStep((max - min) / count);
  return scaleOf(Math.floor(min / step + SLACK) * step, Math.ceil(max / step - SLACK) * step, step);
}

/** An axis that ends exactly at `min` and `max`, whether or not they are round. */
export function scaleExactly(min: number, max: number, count: number): Scale {
  return scaleOf(min, max, roundStep((max - min) / count));
}

/** How far `value` is along the axis: 0 at its start, 1 at its end. */
export function shareOf(scale: Scale, value: number): number {
  return (value - scale.min) / (scale.max - scale.min);
}

/** A tick as text. */
export function tickText(scale: Scale, value: number): string {
  // Zero has no sign; a true minus is as wide as a digit.
  return (value === 0 ? 0 : value).toFixed(scale.decimals).replace("-", "−");
}

/** The next of 1, 2, 5, 10, … that is no smaller. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((digit) => digit * power >= least * (1 - SLACK)) ?? 10);
}

function scaleOf(min: number, max: number, step: number): Scale {
  const ticks: number[] = [];
  for (let n = Math.ceil(min / step - SLACK); n * step <= max + step * SLACK; n++) ticks.push(n * step);
  return { min, max, ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + SLACK)) };
}

/** Keeps what is a multiple but for rounding from being taken for more than one. */
const SLACK = 1e-9;
