/**
 * What a playout policy costs on a trace: mean delay in milliseconds, plus a price for each percent of media that is late, held
 * or skipped. Moving the offset is free up to a quarter of the media's pace (a token bucket of 20 ms, what a time-scaling
 * player does unheard); what goes beyond is impaired media. The measure for comparison is the best fixed delay, chosen in hindsight.
 *
 * @module
 */

/** One run of a network: media units in order, and when they arrived. */
export interface NetworkTrace {
  readonly name: string;
  readonly kind: string;
  /** Nominal distance of two units, in microseconds. */
  readonly periodUs: number;
  /** When each was sent, on the sender's clock. */
  readonly sentUs: Float64Array;
  /** When each arrived, on the receiver's clock; `NaN` for a unit that was lost. */
  readonly arrivedUs: Float64Array;
  /** A longer path between two moments of media time. */
  readonly step?: { readonly fromUs: number; readonly toUs: number };
}

/** Decides the offset at which units play: the unit sent at `t` at local time `t + offset`; `NaN` before it knows. */
export interface PlayoutPolicy {
  observe(sequence: number, mediaUs: number, arrivalUs: number): number;
  advance(nowUs: number): number;
}

/** What a policy did on a trace. */
export interface PlayoutScore {
  /** Mean delay above the fastest path, in milliseconds. */
  readonly delayMs: number;
  /** Percent of units that arrived after they were due. */
  readonly latePercent: number;
  /** Percent of media that was late, held or skipped. */
  readonly badPercent: number;
  /** `delayMs + costPerLatePercent * badPercent`. */
  readonly cost: number;
  /** Milliseconds of time scaling per second. */
  readonly scalingMsPerS: number;
  /** Of a trace with a step: impaired media in the ten seconds after the path became longer, in milliseconds. */
  readonly stepImpairedMs: number;
  /** Of a trace with a step: seconds until the delay was within 20 ms of what it had been before. */
  readonly stepSettledS: number;
}

/** Play `trace` by `policy`, which sees arrivals and a tick every ten milliseconds, and nothing ahead of them. */
export function scorePlayout(trace: NetworkTrace, policy: PlayoutPolicy, costPerLatePercent = 20): PlayoutScore {
  const { sentUs, arrivedUs } = trace;
  const { playedUs, wasInTime } = play(trace, policy);
  const baseUs = fastestPath(trace);
  const durationUs = durations(trace);
  const impairedUs = new Float64Array(sentUs.length);
  let creditUs = CREDIT_LIMIT_US;
  let scoredUs = 0;
  let scored = 0;
  let late = 0;
  let delaySumUs = 0;
  let badUs = 0;
  let scaledUs = 0;
  for (let i = 0; i < sentUs.length; i++) {
    const isScored = sentUs[i]! - sentUs[0]! >= UNSCORED_US;
    const isLost = Number.isNaN(arrivedUs[i]!);
    const isLate = wasInTime[i] === 0 && !isLost;
    let impaired = isLate ? durationUs[i]! : 0;
    if (i > 0) {
      const movedUs = playedUs[i]! - playedUs[i - 1]! - (sentUs[i]! - sentUs[i - 1]!);
      creditUs = Math.min(CREDIT_LIMIT_US, creditUs + SCALING_LIMIT * durationUs[i - 1]!);
      const freeUs = Math.min(Math.abs(movedUs), creditUs);
      const jumpedUs = Math.abs(movedUs) - freeUs;
      creditUs -= freeUs;
      if (isScored) scaledUs += freeUs;
      if (jumpedUs > 0) impaired = movedUs > 0 ? impaired + jumpedUs : Math.max(impaired, isLost ? 0 : jumpedUs);
    }
    impairedUs[i] = impaired;
    if (!isScored) continue;
    scored++;
    scoredUs += durationUs[i]!;
    if (isLate) late++;
    delaySumUs += playedUs[i]! - sentUs[i]! - baseUs[i]!;
    badUs += impaired;
  }
  const delayMs = delaySumUs / scored / 1000;
  const badPercent = (badUs / scoredUs) * 100;
  return {
    delayMs,
    badPercent,
    latePercent: (late / scored) * 100,
    cost: delayMs + costPerLatePercent * badPercent,
    scalingMsPerS: scaledUs / 1000 / (scoredUs / 1e6),
    ...scoreStep(trace, playedUs, impairedUs),
  };
}

/** The fixed delay of least cost, known in hindsight: its cost and delay in milliseconds, and the percentage of late units. */
export function bestFixedDelay(
  trace: NetworkTrace,
  costPerLatePercent = 20,
): { cost: number; delayMs: number; latePercent: number } {
  const { sentUs, arrivedUs } = trace;
  const baseUs = fastestPath(trace);
  const delays: number[] = [];
  let scored = 0;
  for (let i = 0; i < sentUs.length; i++) {
    if (sentUs[i]! - sentUs[0]! < UNSCORED_US) continue;
    scored++;
    if (!Number.isNaN(arrivedUs[i]!)) delays.push((arrivedUs[i]! - sentUs[i]! - baseUs[i]!) / 1000);
  }
  delays.sort((a, b) => a - b);
  let best = { cost: Infinity, delayMs: 0, latePercent: 0 };
  for (const [i, delayMs] of delays.entries()) {
    const latePercent = (100 * (delays.length - i - 1)) / scored;
    const cost = delayMs + costPerLatePercent * latePercent;
    if (cost < best.cost) best = { cost, delayMs, latePercent };
  }
  return best;
}

/** When each unit played, and whether it had arrived by then. */
function play(trace: NetworkTrace, policy: PlayoutPolicy): { playedUs: Float64Array; wasInTime: Uint8Array } {
  const { sentUs, arrivedUs } = trace;
  const order = arrivals(arrivedUs);
  const playedUs = new Float64Array(sentUs.length);
  const wasInTime = new Uint8Array(sentUs.length);
  const hasArrived = new Uint8Array(sentUs.length);
  let due = 0;
  let offsetUs = NaN;
  let sinceUs = 0;
  let tickUs = (Math.floor(arrivedUs[order[0]!]! / TICK_US) + 1) * TICK_US;
  const endUs = arrivedUs[order.at(-1)!]! + 2_000_000;
  for (let next = 0; due < sentUs.length && (tickUs <= endUs || next < order.length);) {
    const isArrival = next < order.length && arrivedUs[order[next]!]! <= tickUs;
    const nowUs = isArrival ? arrivedUs[order[next]!]! : tickUs;
    for (; due < sentUs.length; due++) {
      const dueUs = Math.max(sentUs[due]! + offsetUs, sinceUs);
      if (!(dueUs < nowUs)) break;
      playedUs[due] = dueUs;
      wasInTime[due] = hasArrived[due]!;
    }
    let wantedUs: number;
    if (isArrival) {
      const unit = order[next++]!;
      if (due <= unit) hasArrived[unit] = 1;
      wantedUs = policy.observe(unit, sentUs[unit]!, nowUs);
    } else {
      tickUs += TICK_US;
      wantedUs = policy.advance(nowUs);
    }
    const roundedUs = Math.round(wantedUs);
    if (!Number.isNaN(roundedUs) && roundedUs !== offsetUs) {
      offsetUs = roundedUs;
      sinceUs = nowUs;
    }
  }
  for (; due < sentUs.length; due++) {
    playedUs[due] = Math.max(sentUs[due]! + offsetUs, sinceUs);
    wasInTime[due] = hasArrived[due]!;
  }
  return { playedUs, wasInTime };
}

/** Units in the order of their arrival, those that were lost left out. */
function arrivals(arrivedUs: Float64Array): number[] {
  const order: number[] = [];
  for (const [unit, atUs] of arrivedUs.entries()) if (!Number.isNaN(atUs)) order.push(unit);
  return order.sort((a, b) => arrivedUs[a]! - arrivedUs[b]! || a - b);
}

/**
 * Transit time of the fastest path for each unit, the line below all transit times at the middle of the trace: unknown offset and drift
 * of the two clocks cancel out.
 */
function fastestPath({ sentUs, arrivedUs }: NetworkTrace): Float64Array {
  const hull: number[] = [];
  const transitUs = (unit: number): number => arrivedUs[unit]! - sentUs[unit]!;
  let leastUs = Infinity;
  let first = NaN;
  let last = NaN;
  for (let unit = 0; unit < sentUs.length; unit++) {
    if (Number.isNaN(arrivedUs[unit]!)) continue;
    if (Number.isNaN(first)) first = sentUs[unit]!;
    last = sentUs[unit]!;
    leastUs = Math.min(leastUs, transitUs(unit));
    for (; hull.length >= 2; hull.pop()) {
      const [a, b] = [hull.at(-2)!, hull.at(-1)!];
      const fall = (transitUs(b) - transitUs(a)) * (sentUs[unit]! - sentUs[a]!);
      if (fall < (transitUs(unit) - transitUs(a)) * (sentUs[b]! - sentUs[a]!)) break;
    }
    hull.push(unit);
  }
  const middleUs = (first + last) / 2;
  for (let i = 1; i < hull.length; i++) {
    const [a, b] = [hull[i - 1]!, hull[i]!];
    if (sentUs[a]! > middleUs || sentUs[b]! < middleUs) continue;
    const slope = (transitUs(b) - transitUs(a)) / (sentUs[b]! - sentUs[a]!);
    if (Math.abs(slope) > LARGEST_SLOPE) break;
    return sentUs.map((atUs) => transitUs(a) + slope * (atUs - sentUs[a]!));
  }
  return new Float64Array(sentUs.length).fill(leastUs);
}

function durations({ sentUs, periodUs }: NetworkTrace): Float64Array {
  return sentUs.map((atUs, i) =>
    Math.min(3 * periodUs, Math.max(1, (sentUs[i + 1] ?? sentUs.at(-1)! + periodUs) - atUs))
  );
}

function scoreStep(
  { sentUs, arrivedUs, step }: NetworkTrace,
  playedUs: Float64Array,
  impairedUs: Float64Array,
): { stepImpairedMs: number; stepSettledS: number } {
  if (step === undefined) return { stepImpairedMs: 0, stepSettledS: 0 };
  const { fromUs, toUs } = step;
  let leastUs = Infinity;
  let stepImpairedMs = 0;
  const before: number[] = [];
  for (let i = 0; i < sentUs.length; i++) {
    const mediaUs = sentUs[i]! - sentUs[0]!;
    if (arrivedUs[i]! - sentUs[i]! < leastUs) leastUs = arrivedUs[i]! - sentUs[i]!;
    if (mediaUs >= fromUs && mediaUs < fromUs + STEP_WINDOW_US) stepImpairedMs += impairedUs[i]! / 1000;
    if (mediaUs >= fromUs - STEP_WINDOW_US && mediaUs < fromUs) before.push(playedUs[i]! - sentUs[i]!);
  }
  before.sort((a, b) => a - b);
  const middle = before.length >> 1;
  const medianUs = before.length % 2 === 1 ? before[middle]! : (before[middle - 1]! + before[middle]!) / 2;
  const settled = sentUs.findIndex((atUs, i) =>
    atUs - sentUs[0]! >= toUs && playedUs[i]! - atUs <= medianUs + SETTLED_US
  );
  const stepSettledS = settled < 0 ? Infinity : (sentUs[settled]! - sentUs[0]! - toUs) / 1e6;
  return { stepImpairedMs, stepSettledS };
}

const TICK_US = 10_000;
const SCALING_LIMIT = 0.25;
const CREDIT_LIMIT_US = 20_000;
/** Media of the first seconds shows how a policy starts, not how it does. */
const UNSCORED_US = 2_000_000;
const STEP_WINDOW_US = 10_000_000;
const SETTLED_US = 20_000;
/** Clocks differ by less. */
const LARGEST_SLOPE = 200e-6;
