/**
 * One chart over time as HTML and SVG: as wide as the page, with labels that keep their size. The drawing is stretched and its strokes are not,
 * so that no script is needed to fit it.
 *
 * @module
 */
import type { Point } from "./figures.ts";
import { html, type Markup } from "./html.ts";
import type { NetworkPhase } from "./report_data.ts";
import { type Scale, shareOf, tickText } from "./scale.ts";

/** A colour of the page's palette, and what it stands for. */
export type Tone = "first" | "second" | "third" | "fourth" | "ink" | "quiet" | "late" | "lost" | "discarded";

/** One thing that is drawn. */
export interface Series {
  /** What the legend and the readout call it. */
  readonly name: string;
  readonly tone: Tone;
  /**
   * How: `line` through the points and `steps` that hold each value until the next, both broken where a value is `NaN`; `dots` and `squares`
   * at the points; `rug`, short lines at the bottom at the points' times; `area` from 0 up to the steps; `bars` as wide as `widthMs`, from
   * `from` (default 0) up to the value; `band` from `from` up to the value.
   */
  readonly kind: "line" | "steps" | "dots" | "squares" | "rug" | "area" | "bars" | "band";
  /** Ascending in time. */
  readonly points: readonly Point[];
  /** Lower ends of bars and of a band, one for each point. */
  readonly from?: readonly number[];
  readonly widthMs?: number;
  /** Of a line; lines that lie on each other are told apart by it. Default as the style sheet says. */
  readonly strokePx?: number;
  /** Digits behind the decimal point in the readout; without it the series is not read out. */
  readonly readoutDecimals?: number;
}

/** A chart. */
export interface Chart {
  /** What stands at its top left. */
  readonly name: string;
  readonly unit: string;
  readonly heightPx: number;
  readonly y: Scale;
  /** Drawn in this order, later ones above. */
  readonly series: readonly Series[];
  /** Labels on the time axis; charts that lie on others that have them can do without. */
  readonly hasTimeLabels: boolean;
  /** Labels on the phases of the network. */
  readonly hasPhaseLabels: boolean;
}

/** Draw a chart over `time`, an axis in seconds. `phases` with a label are shaded. */
export function drawChart(chart: Chart, time: Scale, phases: readonly NetworkPhase[]): Markup {
  const marked = phases.filter((phase) => phase.label !== "");
  const drawing = new Drawing(chart, time);
  return html`
    <figure class="chart">
      <figcaption><b>${chart.name}<small>${chart.unit}</small></b><output></output></figcaption>
      <div class="y" style="height:${chart.heightPx}px">${chart.y.ticks.map((tick) =>
        html`<span style="top:${percent(1 - shareOf(chart.y, tick))}">${tickText(chart.y, tick)}</span>`
      )}</div>
      <div class="plot" style="height:${chart.heightPx}px">
    <svg viewBox="0 0 ${WIDTH} ${chart.heightPx}" preserveAspectRatio="none" role="img" aria-label="${chart
      .name}, ${chart.unit}">
    ${marked.map((phase) =>
      html`
        <path class="phase" d="${drawing.phase(phase)}" />
      `
    )}
    <path class="grid" d="${drawing.grid()}"/>
    ${chart.series.filter((series) => series.points.length > 0).map((series) =>
      html`
        <path class="${series.kind} ${series.tone}" data-points="${series.points.length}" data-marks="${marksOf(
          series,
        )}" ${series.strokePx === undefined ? "" : html`
          style="stroke-width:${series.strokePx}px"
        `}
          d="${drawing.path(series)}" />\\n
      `
    )}</svg>
    ${chart.hasPhaseLabels
      ? marked.map((phase) => html`<em style="left:${percent(shareOf(time, phase.fromMs / 1000))}">${phase.label}</em>`)
      : ""}<div class="hair"></div></div>
      <div class="x">${chart.hasTimeLabels
        ? time.ticks.map((tick) =>
          html`<span style="left:${percent(shareOf(time, tick))}">${tickText(time, tick)}${
            tick === time.ticks.at(-1) ? " s" : ""
          }</span>`
        )
        : ""}</div>
    </figure>
  `;
}

/** Turns times and values of one chart into SVG path data. */
class Drawing {
  readonly #chart: Chart;
  readonly #time: Scale;

  constructor(chart: Chart, time: Scale) {
    this.#chart = chart;
    this.#time = time;
  }

  grid(): string {
    return this.#chart.y.ticks.map((tick) => `M0 ${this.#y(tick)}H${WIDTH}`).join("") +
      this.#time.ticks.map((tick) => `M${this.#x(tick * 1000)} 0V${this.#chart.heightPx}`).join("");
  }

  phase({ fromMs, toMs }: NetworkPhase): string {
    return `M${this.#x(fromMs)} 0H${this.#x(toMs)}V${this.#chart.heightPx}H${this.#x(fromMs)}Z`;
  }

  path(series: Series): string {
    const { points, from = [], widthMs = 0 } = series;
    switch (series.kind) {
      case "line":
        return this.#line(points);
      case "steps":
        return this.#steps(points);
      case "dots":
      case "squares":
        // A line of no length is drawn as its two caps: round ones make a dot, square ones a square.
        return points.map(([ms, value]) => `M${this.#x(ms)} ${this.#yWithin(value)}h0`).join("");
      case "rug":
        return points.map(([ms]) => `M${this.#x(ms)} ${this.#chart.heightPx}v-${RUG_PX}`).join("");
      case "area":
        return `M${this.#x(points[0]![0])} ${this.#y(0)}${this.#steps(points).replace("M", "L")}V${this.#y(0)}Z`;
      case "bars":
        return points.map(([ms, value], n) =>
          value === (from[n] ?? 0)
            ? ""
            : `M${this.#x(ms)} ${this.#y(from[n] ?? 0)}V${this.#y(value)}H${this.#x(ms + widthMs)}V${
              this.#y(from[n] ?? 0)
            }Z`
        ).join("");
      case "band":
        return `${this.#line(points)}${
          this.#line(points.map(([ms], n) => [ms, from[n]!] as const).reverse()).replace("M", "L")
        }Z`;
    }
  }

  #line(points: readonly Point[]): string {
    let isBroken = true;
    return points.map(([ms, value]) => {
      const command = isBroken ? "M" : "L";
      isBroken = Number.isNaN(value);
      return isBroken ? "" : `${command}${this.#x(ms)} ${this.#y(value)}`;
    }).join("");
  }

  #steps(points: readonly Point[]): string {
    let isBroken = true;
    return points.map(([ms, value]) => {
      const wasBroken = isBroken;
      isBroken = Number.isNaN(value);
      if (isBroken) return wasBroken ? "" : `H${this.#x(ms)}`;
      return wasBroken ? `M${this.#x(ms)} ${this.#y(value)}` : `H${this.#x(ms)}V${this.#y(value)}`;
    }).join("");
  }

  #x(ms: number): number {
    return rounded(shareOf(this.#time, ms / 1000) * WIDTH, 100);
  }

  /** At the edge of the axis for a value that is beyond it: a point that is cut off would be a point that never was. */
  #yWithin(value: number): number {
    return Math.min(this.#chart.heightPx - EDGE_PX, Math.max(EDGE_PX, this.#y(value)));
  }

  /** Values far beyond the axis stay near it: they are cut off by the plot, and renderers dislike huge coordinates. */
  #y(value: number): number {
    const share = Math.min(3, Math.max(-2, shareOf(this.#chart.y, value)));
    return rounded((1 - share) * this.#chart.heightPx, 10);
  }
}

/** How many of its points can be seen: no value shows nothing, and neither does a bar that is as high as its lower end. */
function marksOf({ kind, points, from = [] }: Series): number {
  return points.filter(([, value], n) => !Number.isNaN(value) && !(kind === "bars" && value === (from[n] ?? 0))).length;
}

function percent(share: number): string {
  return `${rounded(share * 100, 100)}%`;
}

function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}

/** Units of the drawing across; it is stretched to the width of the page. */
const WIDTH = 1000;
const RUG_PX = 9;
/** Half of the largest point. */
const EDGE_PX = 2.5;
