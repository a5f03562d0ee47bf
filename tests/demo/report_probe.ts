/**
 * Opens a report in Chromium without a window and measures what is drawn.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { dumpPage, findChromium } from "./chromium.ts";

/** What the probe saw of a chart: the area that its drawing covers, how many points each of its series has and can show, and where they lie. */
export interface DrawnChart {
  readonly name: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly labels: number;
  readonly readout: string;
  readonly series: readonly DrawnSeries[];
}

/** One series of it. */
export interface DrawnSeries {
  readonly kind: string;
  readonly points: number;
  /** Points that show something, by their values: bars of no height do not. */
  readonly marks: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly stroke: string;
}

/** What a report is in a browser. */
export interface OpenedReport {
  readonly charts: readonly DrawnChart[];
  readonly consoleLines: readonly string[];
}

const chromium = findChromium();

/**
 * Why no report can be opened here, for the name of a test that is left out then; empty when one can, and in continuous integration, which installs
 * a browser: there, that it is missing is a failure.
 */
export const NO_BROWSER: string = chromium === undefined && process.env["CI"] === undefined
  ? " (not run: no chromium, chromium-browser or google-chrome on PATH)"
  : "";

/** Open a report and point at the middle of its first plot. */
export async function openReport(page: string): Promise<OpenedReport> {
  assert.ok(chromium !== undefined, "No chromium, chromium-browser or google-chrome on PATH");
  const folder = mkdtempSync(join(tmpdir(), "echostream-report-"));
  try {
    const path = join(folder, "report.html");
    writeFileSync(path, page.replace("</body>", `<script>${PROBE}</script></body>`));
    const { dom, consoleLines } = await dumpPage(chromium, pathToFileURL(path).href, folder);
    const probed = /<pre id="probe">(.*?)<\/pre>/s.exec(dom)?.[1];
    assert.ok(probed !== undefined, [...consoleLines, dom.slice(-2000)].join("\n"));
    const json = probed.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
    return { charts: JSON.parse(json), consoleLines };
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
      const { points, marks } = path.dataset;
      const stroke = style.stroke + " " + style.fill;
      return { kind, points: Number(points), marks: Number(marks), widthPx: width, heightPx: height, stroke };
    }),
  };
});
const out = document.createElement("pre");
out.id = "probe";
out.textContent = JSON.stringify(found);
document.body.append(out);
`;
