/**
 * Reading values off the report: where the pointer is, every chart shows a line at the same moment and what each series was then.
 * The report is whole without it.
 *
 * @module
 */
import type { Chart } from "./chart.ts";
import { html, Markup, scriptJson } from "./html.ts";
import type { Scale } from "./scale.ts";

/** The script and what it shows, for the end of a page that holds exactly these charts in this order. */
export function crosshair(charts: readonly Chart[], time: Scale): Markup {
  const readouts = charts.map(({ unit, series }) => ({
    unit,
    series: series.filter((one) => one.readoutDecimals !== undefined).map((one) => ({
      name: one.name,
      decimals: one.readoutDecimals,
      x: one.points.map(([ms]) => Math.round(ms)),
      y: one.points.map(([, value]) => Number.isNaN(value) ? null : Number(value.toFixed(one.readoutDecimals))),
    })),
  }));
  return html`<script type="application/json" id="readouts">${scriptJson(readouts)}</script>
<script>${new Markup(script(time.max * 1000))}</script>`;
}

/** Plain script for browsers. A value is shown when it is no older than a second. */
function script(durationMs: number): string {
  return `
const readouts = JSON.parse(document.getElementById("readouts").textContent);
const charts = [...document.querySelectorAll(".chart")];
const last = (x, ms) => {
  let low = 0, high = x.length;
  while (low < high) { const middle = (low + high) >> 1; if (x[middle] <= ms) low = middle + 1; else high = middle; }
  return low - 1;
};
const show = (share) => charts.forEach((chart, n) => {
  const ms = share * ${durationMs};
  chart.classList.toggle("read", share >= 0);
  if (share < 0) return;
  chart.querySelector(".hair").style.left = share * 100 + "%";
  const values = readouts[n].series.flatMap(({ name, decimals, x, y }) => {
    const at = last(x, ms);
    return at < 0 || y[at] === null || ms - x[at] > 1000 ? [] : [name + " " + y[at].toFixed(decimals)];
  });
  chart.querySelector("output").textContent = (ms / 1000).toFixed(2) + " s: " + values.join(", ") + " " + readouts[n].unit;
});
for (const plot of document.querySelectorAll(".plot")) {
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    show(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  });
  plot.addEventListener("pointerleave", () => show(-1));
}
`;
}
