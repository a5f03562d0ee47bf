/**
 * The plots of the report: which charts show a run, and how to read them.
 *
 * @module
 */
import type { Chart, Series, Tone } from "./chart.ts";
import { arrivalDelays, clockErrors, percentile, playoutDelays, type Point, skewAgainst } from "./figures.ts";
import type { Fate, ReportData, StreamRecord } from "./report_data.ts";
import { type Scale, scaleAround, scaleExactly } from "./scale.ts";

/** Charts that belong together. */
export interface Plot {
  readonly title: string;
  /** What is seen, and how to read it. */
  readonly text: string;
  readonly legend: readonly LegendEntry[];
  readonly charts: readonly Chart[];
}

/** What a sign in the charts means. */
export interface LegendEntry {
  readonly name: string;
  readonly kind: Series["kind"];
  /** One sign in each of these. */
  readonly tones: readonly Tone[];
}

/** The time axis of every chart of a run, in seconds. */
export function timeScale(data: ReportData): Scale {
  return scaleExactly(0, data.durationMs / 1000, 12);
}

/** Every plot of a run, in the order in which they tell its story. */
export function plotsOf(data: ReportData): Plot[] {
  return [arrivalAgainstPlayout(data), delayOverTime(data), lateAndLost(data), clockOffset(data), skew(data)];
}

function arrivalAgainstPlayout({ streams }: ReportData): Plot {
  const arrivals = streams.flatMap(arrivalDelays);
  // A few stragglers would press all the rest down: they are drawn at the edge.
  const usualMs = percentile(arrivals.map(([, ms]) => ms), 0.99) || 0;
  const y = scaleFromZero([[0, 1.15 * usualMs], ...streams.flatMap(playoutDelays)], 5);
  return {
    title: "Arrival against playout",
    text:
      "How long after its capture each frame arrived (a dot) and was played (the line). The room between them is what the buffer waits: " +
      "a dot below the line is in time, one above comes too late. Dots beyond the axis are " +
      "drawn at its edge.",
    legend: [
      { name: "arrived", kind: "dots", tones: streams.map((_, n) => TONES[n]!) },
      { name: "played", kind: "steps", tones: ["ink"] },
      { name: "arrived too late", kind: "squares", tones: ["late"] },
      { name: "lost", kind: "rug", tones: ["lost"] },
    ],
    charts: streams.map((stream, n) => ({
      name: stream.name,
      unit: "ms",
      heightPx: 170,
      y,
      hasTimeLabels: n === streams.length - 1,
      hasPhaseLabels: n === 0,
      series: [
        { name: "arrived", kind: "dots", tone: TONES[n]!, points: arrivalDelays(stream), readoutDecimals: 1 },
        { name: "played", kind: "steps", tone: "ink", points: broken(playoutDelays(stream)), readoutDecimals: 1 },
        { name: "too late", kind: "squares", tone: "late", points: arrivalDelays(only(stream, "late")) },
        {
          name: "lost",
          kind: "rug",
          tone: "lost",
          points: only(stream, "lost").frames.map(({ capturedMs }) => [capturedMs, 0]),
        },
      ],
    })),
  };
}

function delayOverTime({ streams, network, durationMs }: ReportData): Plot {
  const path: Point[] = [...network.map(({ fromMs, delayMs }) => [fromMs, delayMs] as const), [
    durationMs,
    network.at(-1)?.delayMs ?? 0,
  ]];
  const delays = streams.map((stream) => broken(playoutDelays(stream)));
  return {
    title: "Delay over time",
    text:
      "From capture to playout, all streams on one axis, above the delay of the network itself. The playout delay follows the path " +
      "when it becomes longer, and comes down again after it.",
    legend: [
      { name: "the network alone, without jitter", kind: "area", tones: ["quiet"] },
      ...streams.map(({ name }, n) => ({ name, kind: "line", tones: [TONES[n]!] } as const)),
    ],
    charts: [{
      name: "capture to playout",
      unit: "ms",
      heightPx: 220,
      y: scaleFromZero([...path, ...delays.flat()], 5),
      hasTimeLabels: true,
      hasPhaseLabels: true,
      series: [
        { name: "network", kind: "area", tone: "quiet", points: path },
        ...delays.map((points, n) => ({
          name: streams[n]!.name,
          kind: "line",
          tone: TONES[n]!,
          points,
          // In a group they are one line: the widest below, so that each is seen.
          strokePx: 1.5 + 2.5 * (streams.length - 1 - n),
          readoutDecimals: 1,
        } as const)),
      ],
    }],
  };
}

function lateAndLost({ streams, durationMs }: ReportData): Plot {
  const widthMs = durationMs <= 30_000 ? 250 : 1000;
  const stacks = streams.map((stream) => stackedCounts(stream, widthMs, durationMs));
  return {
    title: "Late and lost frames",
    text: `Frames in each ${widthMs} ms that were not played in time, by reason. Each stream has its own axis.`,
    legend: [
      { name: "lost", kind: "bars", tones: ["lost"] },
      { name: "late", kind: "bars", tones: ["late"] },
      { name: "discarded", kind: "bars", tones: ["discarded"] },
    ],
    charts: streams.map((stream, n) => ({
      name: stream.name,
      unit: "frames",
      heightPx: 64,
      y: scaleFromZero(stacks[n]!.flatMap(({ points }) => points), 2, 2),
      hasTimeLabels: n === streams.length - 1,
      hasPhaseLabels: n === 0,
      series: stacks[n]!,
    })),
  };
}

function clockOffset({ clock, trueOffsetErrorUs }: ReportData): Plot {
  const errors = clockErrors(clock);
  const known = clock.filter(({ errorBoundUs }) => Number.isFinite(errorBoundUs));
  const bounds = known.map(({ errorBoundUs }) => errorBoundUs / 1000);
  const deviations = known.map(({ uncertaintyUs }) => uncertaintyUs);
  const atMs = known.map((sample) => sample.atMs);
  const inMs = errors.map(([ms, errorUs]) => [ms, errorUs / 1000] as const);
  // A clock that has just begun knows little; the axes fit what it knows later.
  const widestMs = percentile(bounds, 0.9) || 1;
  const widestUs =
    Math.max(percentile(errors.map(([, us]) => Math.abs(us)), 0.97), 1.5 * percentile(deviations, 0.9)) ||
    1;
  const line = { name: "error", kind: "line", tone: "first" } as const;
  return {
    title: "Clock offset and its error bound",
    text:
      "The receiver's estimate of the sender's clock minus the truth. Above with the bound that the clock gives for its error, which must " +
      "hold the line at zero; below on a scale that shows the error itself, with one standard deviation as the clock gives it. The truth " +
      `comes from a path without impairment and is known to within ${Math.ceil(trueOffsetErrorUs)} µs.`,
    legend: [
      { name: "estimate minus truth", kind: "line", tones: ["first"] },
      { name: "hard bound (above), one standard deviation (below)", kind: "band", tones: ["first"] },
    ],
    charts: [
      {
        name: "with its bound",
        unit: "ms",
        heightPx: 120,
        y: scaleAround(-widestMs, widestMs, 4),
        hasTimeLabels: false,
        hasPhaseLabels: true,
        series: [
          { ...band("bound", atMs, inMs, bounds), readoutDecimals: 2 },
          { ...line, points: inMs, readoutDecimals: 3 },
        ],
      },
      {
        name: "enlarged",
        unit: "µs",
        heightPx: 150,
        y: scaleAround(-widestUs, widestUs, 4),
        hasTimeLabels: true,
        hasPhaseLabels: false,
        series: [band("deviation", atMs, errors, deviations), { ...line, points: errors, readoutDecimals: 0 }],
      },
    ],
  };
}

function skew({ streams }: ReportData): Plot {
  const [master, ...others] = streams;
  const skews = others.map((stream) => skewAgainst(master!, stream));
  const widest = Math.max(1, percentile(skews.flat().map(([, ms]) => Math.abs(ms)), 0.995) || 0);
  return {
    title: "Skew between streams",
    text:
      `How much later than ${
        master?.name ?? "the first"
      } the same moment of another stream was played, as it was handed to the program, timers of ` +
      "the machine included. A stream that needs much more delay than the others holds them back by maxSkewMs (80) and no more; the rest is seen here.",
    legend: others.map(({ name }, n) => ({
      name: `${name} behind ${master!.name}`,
      kind: "dots",
      tones: [TONES[n + 1]!],
    })),
    charts: [{
      name: `behind ${master?.name ?? ""}`,
      unit: "ms",
      heightPx: 150,
      y: scaleAround(-widest, widest, 4),
      hasTimeLabels: true,
      hasPhaseLabels: true,
      series: others.map(({ name }, n) => ({
        name,
        kind: "dots",
        tone: TONES[n + 1]!,
        points: skews[n]!,
        readoutDecimals: 2,
      })),
    }],
  };
}

function stackedCounts(stream: StreamRecord, widthMs: number, durationMs: number): Series[] {
  const below = new Array<number>(Math.ceil(durationMs / widthMs)).fill(0);
  return (["lost", "late", "discarded"] as const).map((fate) => {
    const from = [...below];
    for (const { capturedMs } of only(stream, fate).frames) {
      const bin = Math.floor(capturedMs / widthMs);
      if (below[bin] !== undefined) below[bin]++;
    }
    const points = below.map((top, bin) => [bin * widthMs, top] as const);
    return { name: fate, kind: "bars", tone: fate, points, from, widthMs };
  });
}

function only(stream: StreamRecord, fate: Fate): StreamRecord {
  return { ...stream, frames: stream.frames.filter((frame) => frame.fate === fate) };
}

function band(name: string, atMs: readonly number[], middle: readonly Point[], halves: readonly number[]): Series {
  return {
    name,
    kind: "band",
    tone: "first",
    points: atMs.map((ms, n) => [ms, middle[n]![1] + halves[n]!] as const),
    from: atMs.map((_, n) => middle[n]![1] - halves[n]!),
  };
}

/** A line over a hole of more than `HOLE_MS` would claim what nobody saw. */
function broken(points: readonly Point[]): Point[] {
  return points.flatMap((point, n) => {
    const before = points[n - 1];
    return before !== undefined && point[0] - before[0] > HOLE_MS ? [[before[0] + 1, NaN] as const, point] : [point];
  });
}

function scaleFromZero(points: readonly Point[], steps: number, least = 1): Scale {
  // Not Math.max(...points): a long run has more points than a call may have arguments.
  return scaleAround(
    0,
    points.reduce((max, [, value]) => Number.isNaN(value) ? max : Math.max(max, value), least),
    steps,
  );
}

const TONES: readonly Tone[] = ["first", "second", "third", "fourth"];
const HOLE_MS = 200;
