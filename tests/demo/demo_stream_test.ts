import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { repositoryPath } from "../support/repository.ts";
import { NO_BROWSER, openReport } from "./report_probe.ts";

const runtime = ["deno", "bun"].find((name) => name in process.versions) ?? "node";

test("npm run demo:stream names an option that is wrong, and its value", async () => {
  for (
    const [parameters, text] of [
      [["--seconds", "soon"], '--seconds is "soon", not a whole number from 3 to 600'],
      [["--seconds", "2"], '--seconds is "2", not a whole number from 3 to 600'],
      [["--seed", "1.5"], '--seed is "1.5", not a whole number'],
      [["--out", repositoryPath("no_such_folder/report.html")], "--out: there is no folder"],
      [["--out", repositoryPath("demo")], "is a folder, not a file"],
      [["--speed", "3"], "--speed"],
    ] as const
  ) {
    const { code, output } = await demoStream(...parameters);
    assert.equal(code, 1, output);
    assert.match(output, /^demo:stream: failed: /);
    assert.ok(output.includes(text), output);
  }
});

test(`npm run demo:stream ends well, and Chromium draws every plot of its report${NO_BROWSER}`, {
  skip: NO_BROWSER !== "",
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "echostream-demo-"));
  try {
    const out = join(folder, "report.html");
    const { code, output } = await demoStream("--no-build", "--seconds", "3", "--seed", "2", "--out", out);
    assert.equal(code, 0, output);
    assert.match(output, /^report: .*report\.html$/m);
    const { charts, consoleLines } = await openReport(readFileSync(out, "utf8"));
    assert.deepEqual(consoleLines, []);
    assert.deepEqual(charts.map(({ name }) => name), [
      ...["voicems", "videoms", "posems", "capture to playoutms"],
      ...["voiceframes", "videoframes", "poseframes", "with its boundms", "enlargedµs", "behind voicems"],
    ]);
    for (const { name, series } of charts) {
      const text = `${name}: ${JSON.stringify(series)}`;
      const shown = series.filter(({ marks }) => marks > 0);
      for (const { kind, widthPx, heightPx } of shown) {
        assert.ok(kind !== "bars" || (widthPx > 0 && heightPx > 0), text);
      }
      // Only bars may have nothing to show: those of a stream that missed no frame.
      const isEmpty = series.length > 0 &&
        series.every(({ kind, points, marks }) => kind === "bars" && points > 0 && marks === 0);
      assert.ok(isEmpty || shown.some(({ widthPx }) => widthPx > 0), text);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function demoStream(...parameters: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const before = runtime === "deno" ? ["run", "--allow-all", "--no-check", "--quiet"] : [];
  const command = [...before, repositoryPath("scripts/demo_stream.mjs"), runtime, ...parameters];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env: { ...process.env, NO_COLOR: "1" } }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: `${stdout}${stderr}` });
    });
  });
}
