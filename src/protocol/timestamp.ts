/**
 * Conversion between ticks of a stream's clock rate and microseconds (RTP clock rate, RFC 3550 §5.1), exact to the
 * microsecond for the whole range of timestamps.
 *
 * @module
 */

/** Clock rate of a stream that names none: its timestamps are microseconds. */
export const DEFAULT_CLOCK_RATE_HZ = 1_000_000;

/** Microseconds of `ticks`, rounded to nearest. */
export function ticksToUs(ticks: number, clockRateHz: number): number {
  return rescale(ticks, clockRateHz, 1_000_000);
}

/** Ticks of `us` microseconds, rounded to nearest. */
export function usToTicks(us: number, clockRateHz: number): number {
  return rescale(us, 1_000_000, clockRateHz);
}

function rescale(value: number, fromHz: number, toHz: number): number {
  if (fromHz === toHz) return value;
  // Whole seconds apart, so that the product stays below 2^53.
  const seconds = Math.floor(value / fromHz);
  return seconds * toHz + Math.round(((value - seconds * fromHz) * toHz) / fromHz);
}
