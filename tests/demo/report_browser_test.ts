/**
 * The report as a browser shows it: Chromium without a window opens it, a probe in the page measures what is drawn.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { plotsOf } from "../../demo/stream/plots.ts";
import { renderReport } from "../../demo/stream/report.ts";
import { dumpPage, findChromium } from "./chromium.ts";
import { madeUpRun } from "./made_up_run.ts";

/** What the probe saw of a chart: the area that its drawing covers, and how many points each of its series has and where they lie. */
interface DrawnChart {
  readonly name: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly labels: number;
  readonly readout: string;
  readonly series: readonly { kind: string; points: number; widthPx: number; heightPx: number; stroke: string }[];
}

const chromium = findChromium();
// Continuous integration installs it: there, that it is missing is a failure.
const cannot = chromium === undefined && process.env["CI"] === undefined
  ? " (not run: no chromium, chromium-browser or google-chrome on PATH)"
  : "";

test(
  `the report draws every plot in Chromium, with no message on its console${cannot}`,
  { skip: cannot !== "" },
  async () => {
    assert.ok(chromium !== undefined, "No chromium, chromium-browser or google-chrome on PATH");
    const run = madeUpRun(3);
    const folder = mkdtempSync(join(tmpdir(), "echostream-report-"));
    try {
      const path = join(folder, "report.html");
      writeFileSync(path, renderReport(run).replace("</body>", `<script>${PROBE}</script></body>`));
      const { dom, consoleLines } = await dumpPage(chromium, pathToFileURL(path).href, folder);
      assert.deepEqual(consoleLines, []);
      const probed = /<pre id="probe">(.*?)<\/pre>/s.exec(dom)?.[1];
      assert.ok(probed !== undefined, dom.slice(-2000));
      const charts: readonly DrawnChart[] = JSON.parse(
        probed.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
      );
      assertDrawn(
        charts,
        plotsOf(run).flatMap((plot) => plot.charts.map((chart) => ({ ...chart, title: plot.title }))),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

function assertDrawn(
  drawn: readonly DrawnChart[],
  charts: readonly (ReturnType<typeof plotsOf>[number]["charts"][number] & { title: string })[],
): void {
  assert.equal(drawn.length, charts.length);
  for (const [n, chart] of charts.entries()) {
    const { widthPx, heightPx, labels, readout, series } = drawn[n]!;
    const where = `${chart.title}, ${chart.name}`;
    assert.ok(widthPx > 800, `${where} is ${widthPx} px wide`);
    assert.equal(heightPx, chart.heightPx, where);
    assert.ok(labels >= chart.y.ticks.length, where);
    const expected = chart.series.filter(({ points }) => points.length > 0);
    assert.deepEqual(
      series.map(({ kind, points }) => [kind, points]),
      expected.map(({ kind, points }) => [kind, points.length]),
      where,
    );
    assert.ok(series.length > 0, `${where} draws nothing`);
    for (const one of series) {
      // Fates that never came about have bars of no height, thus nothing to draw.
      if (one.kind !== "bars") {
        assert.ok(one.widthPx > 0.3 * widthPx, `${where}: ${one.kind} is ${one.widthPx} px wide`);
      }
      assert.doesNotMatch(one.stroke, /^(none none|rgba\(0, 0, 0, 0\).*)$/, where);
    }
    const isReadOut = chart.series.some(({ readoutDecimals, points }) =>
      readoutDecimals !== undefined && points.length > 0
    );
    if (isReadOut) assert.match(readout, /^10\.0\d s: .* −?-?\d/, where);
  }
}

/** Points at the middle of the first plot, then writes down what every chart looks like. */
const PROBE = `
const plot = document.querySelector(".plot");
const box = plot.getBoundingClientRect();
plot.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + box.width / 2 }));
const found = [...document.querySelectorAll(".chart")].map((chart) => {
  const { width, height } = chart.querySelector(".plot").getBoundingClientRect();
  return {
    name: chart.querySelector("b").textContent,
    widthPx: width,
    heightPx: height,
    labels: [...chart.querySelectorAll("span")].filter((span) => span.getBoundingClientRect().width > 0).length,
    readout: chart.querySelector("output").textContent,
    series: [...chart.querySelectorAll("path[data-points]")].map((path) => {
      const { width, height } = path.getBoundingClientRect();
      const style = getComputedStyle(path);
      const kind = path.classList[0];
      return { kind, points: Number(path.dataset.points), widthPx: width, heightPx: height, stroke: style.stroke + " " + style.fill };
    }),
  };
});
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(found);
document.body.append(out);
`;
