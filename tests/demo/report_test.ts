import assert from "node:assert/strict";
import { test } from "node:test";
import { html, scriptJson } from "../../demo/stream/html.ts";
import { plotsOf } from "../../demo/stream/plots.ts";
import { renderReport } from "../../demo/stream/report.ts";
import type { ReportData } from "../../demo/stream/report_data.ts";
import { madeUpRun } from "./made_up_run.ts";

test("html escapes every value that is not markup", () => {
  assert.equal(
    html`<b title="${'"'}">${"<i>&"}${[1, html`<br>`]}</b>`.text,
    '<b title="&quot;">&lt;i&gt;&amp;1<br></b>',
  );
});

test("scriptJson cannot end the script it stands in", () => {
  assert.equal(scriptJson({ name: "</script><!--" }).text, '{"name":"\\u003c/script>\\u003c!--"}');
});

test("a report is the same for the same data", () => {
  assert.equal(renderReport(madeUpRun(3, 4000)), renderReport(madeUpRun(3, 4000)));
});

test("a report names the figures of each stream", () => {
  const page = renderReport(madeUpRun(3, 4000));
  for (const text of ["voice", "video", "pose", "120", "path +120 ms"]) assert.ok(page.includes(text), text);
});

test("a report refers to nothing outside itself", () => {
  const page = renderReport(madeUpRun(3, 4000));
  assert.doesNotMatch(page, /\b(?:src|href)=|url\(|@import|https?:|\bfetch\(/);
});

test("text of the data cannot become markup of the report", () => {
  const hostile = '"><script>alert(1)</script>';
  const run = madeUpRun(3, 4000);
  const page = renderReport({
    ...run,
    title: hostile,
    facts: [[hostile, hostile]],
    network: run.network.map((phase) => ({ ...phase, label: hostile })),
    streams: run.streams.map((stream) => ({ ...stream, name: hostile, description: hostile })),
  });
  assert.ok(!page.includes("<script>alert"));
});

test("every sign in a legend is drawn in one of its charts", () => {
  for (const { title, legend, charts } of plotsOf(madeUpRun(3))) {
    const drawn = new Set(charts.flatMap(({ series }) => series.map(({ kind, tone }) => `${kind} ${tone}`)));
    for (const { kind, tones } of legend) {
      for (const tone of tones) assert.ok(drawn.has(`${kind} ${tone}`), `${title}: ${kind} ${tone}`);
    }
  }
});

test("a run in which nothing arrived has a report without a broken number", () => {
  const run = madeUpRun(3, 4000);
  const silent: ReportData = {
    ...run,
    clock: [],
    streams: run.streams.map((stream) => ({
      ...stream,
      frames: stream.frames.map(({ capturedMs }) => ({ capturedMs, fate: "lost" })),
    })),
  };
  assert.doesNotMatch(renderReport(silent), /NaN|Infinity|undefined/);
  assert.doesNotMatch(renderReport({ ...run, streams: [], clock: [] }), /NaN|Infinity|undefined/);
});
