import assert from "node:assert/strict";
import { test } from "node:test";
import { plotsOf } from "../../demo/stream/plots.ts";
import { renderReport } from "../../demo/stream/report.ts";
import { madeUpRun } from "./made_up_run.ts";
import { type DrawnChart, NO_BROWSER, openReport } from "./report_probe.ts";

test(`the report draws every plot in Chromium, with no message on its console${NO_BROWSER}`, {
  skip: NO_BROWSER !== "",
}, async () => {
  const run = madeUpRun(3);
  const { charts, consoleLines } = await openReport(renderReport(run));
  assert.deepEqual(consoleLines, []);
  assertDrawn(charts, plotsOf(run).flatMap((plot) => plot.charts.map((chart) => ({ ...chart, title: plot.title }))));
});

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
      if (one.kind !== "bars") {
        assert.ok(one.widthPx > 0.3 * widthPx, `${where}: ${one.kind} is ${one.widthPx} px wide`);
      } else {
        // Fates that never came about have bars of no height, thus nothing to draw.
        assert.equal(one.widthPx > 0 && one.heightPx > 0, one.marks > 0, `${where}: ${JSON.stringify(one)}`);
      }
      assert.doesNotMatch(one.stroke, /^(none none|rgba\(0, 0, 0, 0\).*)$/, where);
    }
    const isReadOut = chart.series.some(({ readoutDecimals, points }) =>
      readoutDecimals !== undefined && points.length > 0
    );
    if (isReadOut) assert.match(readout, /^10\.0\d s: .* −?-?\d/, where);
  }
}
