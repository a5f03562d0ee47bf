import assert from "node:assert/strict";
import { test } from "node:test";
import { GapReports } from "./gap_reports.ts";

test("GapReports joins a gap to the one it follows directly", () => {
  const gaps = new GapReports();
  gaps.add("discarded", 0xffff_ffff, 1);
  gaps.add("discarded", 0, 2);
  gaps.add("lost", 2, 1);
  gaps.add("lost", 4, 1);
  const reports = [gaps.take(), gaps.take(), gaps.take(), gaps.take()];
  assert.deepEqual(
    reports.map((gap) => gap && [gap.reason, gap.sequence, gap.count]),
    [["discarded", 0xffff_ffff, 3], ["lost", 2, 1], ["lost", 4, 1], undefined],
  );
});

test("GapReports keeps the newest 64", () => {
  const gaps = new GapReports();
  for (let n = 0; n < 1_000; n++) gaps.add("lost", 2 * n, 1);
  assert.equal(gaps.length, 64);
  assert.equal(gaps.take()?.sequence, 2 * (1_000 - 64));
});
