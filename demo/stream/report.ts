/**
 * The report of a run of the stream demo: one HTML page that needs nothing but itself.
 *
 * @module
 */
import { drawChart } from "./chart.ts";
import { crosshair } from "./crosshair.ts";
import { clockFigures, percentile, skewAgainst, streamFigures } from "./figures.ts";
import { html, Markup } from "./html.ts";
import { PAGE_STYLE } from "./page_style.ts";
import { type LegendEntry, plotsOf, timeScale } from "./plots.ts";
import type { ReportData } from "./report_data.ts";

/** The report as HTML; the same data gives the same text. */
export function renderReport(data: ReportData): string {
  const time = timeScale(data);
  const plots = plotsOf(data);
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
        <title>${data.title}</title>
        <style>${new Markup(PAGE_STYLE)}</style>
      </head>
      <body>
    <h1>${data.title}</h1>
    <dl class="facts">${data.facts.map(([name, value]) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>
      `
    )}</dl>
    ${summary(data)}
    ${streamTable(data)}
    ${plots.map((plot) =>
      html`
        <section>
        <h2>${plot.title}</h2>
        <p>${plot.text}</p>
        <ul class="legend">${plot.legend.map(legendEntry)}</ul>
        ${plot.charts.map((chart) => drawChart(chart, time, data.network))}</section>
      `
    )}${crosshair(plots.flatMap(({ charts }) => charts), time)}
      </body>
    </html>
  `.text;
}

function summary(data: ReportData): Markup {
  const figures = data.streams.map(streamFigures);
  const sent = figures.reduce((sum, one) => sum + one.sent, 0);
  const played = figures.reduce((sum, one) => sum + one.count.played, 0);
  const [master, ...others] = data.streams;
  const skews = others.flatMap((stream) => skewAgainst(master!, stream).map(([, ms]) => Math.abs(ms)));
  const clock = clockFigures(data.clock, data.trueOffsetErrorUs);
  const tiles: readonly (readonly [string, string])[] = [
    [
      `${(sent === 0 ? 0 : (100 * played) / sent).toFixed(1)} %`,
      `of ${sent.toLocaleString("en")} frames played in time`,
    ],
    [
      `${ms(figures[0]?.delayP50Ms, 0)} / ${ms(figures[0]?.delayP99Ms, 0)} ms`,
      `${master?.name ?? ""}, capture to playout, p50 / p99`,
    ],
    [`${ms(percentile(skews, 0.99), 2)} ms`, `skew to ${master?.name ?? ""}, p99`],
    [`${ms(clock.errorP50Us, 0)} / ${ms(clock.errorP99Us, 0)} µs`, "clock error, p50 / p99"],
    [`${ms(100 * clock.boundHolds, 1)} %`, "of the time the clock's bound holds"],
  ];
  return html`<div class="tiles">${
    tiles.map(([value, what]) => html`<div><b>${value}</b><span>${what}</span></div>`)
  }</div>`;
}

function streamTable(data: ReportData): Markup {
  const [master] = data.streams;
  const head = ["sent", "played", "late", "lost", "discarded", "arrival p50", "p99", "playout p50", "p99", "skew p99"];
  const rows = data.streams.map((stream) => {
    const { sent, count, ...delays } = streamFigures(stream);
    const skew = percentile(skewAgainst(master!, stream).map(([, ms]) => Math.abs(ms)), 0.99);
    return [
      ...[sent, count.played, count.late, count.lost, count.discarded].map((n) => n.toLocaleString("en")),
      ...[delays.arrivalP50Ms, delays.arrivalP99Ms, delays.delayP50Ms, delays.delayP99Ms].map((delay) =>
        `${ms(delay)} ms`
      ),
      stream === master ? "" : `${ms(skew, 2)} ms`,
    ];
  });
  return html`
    <div class="scroll">
      <table>
        <thead>
          <tr><th>stream</th>${head.map((name) => html`<th>${name}</th>`)}</tr>
        </thead>
        <tbody>${data.streams.map((stream, n) =>
          html`<tr><td>${stream.name}<small>${stream.description}</small></td>${
            rows[n]!.map((cell) => html`<td>${cell}</td>`)
          }</tr>`
        )}</tbody>
      </table>
    </div>
  `;
}

function legendEntry({ name, kind, tones }: LegendEntry): Markup {
  const width = kind === "dots" ? 6 + 7 * (tones.length - 1) : 22;
  return html`<li><svg viewBox="0 0 ${width} 12" style="width:${width}px" aria-hidden="true">${
    tones.map((tone, n) =>
      html`
        <path class="${kind} ${tone}" d="${legendSign(kind, 3 + 7 * n)}" />
      `
    )
  }</svg>${name}</li>`;
}

function legendSign(kind: LegendEntry["kind"], x: number): string {
  switch (kind) {
    case "line":
    case "steps":
      return "M1 6H21";
    case "dots":
      return `M${x} 6h0`;
    case "squares":
      return "M11 6h0";
    case "rug":
      return "M8 11v-9M13 11v-9";
    default:
      return "M1 1H21V11H1Z";
  }
}

/** A figure that may be missing. */
function ms(value: number | undefined, decimals = 1): string {
  return value === undefined || Number.isNaN(value) ? "–" : value.toFixed(decimals);
}
