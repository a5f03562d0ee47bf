/**
 * What a whole run leaves in `bench/results`: figures, the page, and its pictures.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/runtimes.mjs";
import { barChart } from "./pictures.mjs";
import { PICTURES } from "./report.mjs";

/** Write `macro.json`, `macro.md` and a picture for each bench that the page shows one of. */
export function save(rows, summary) {
  const folder = join(root, "bench/results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "macro.json"), `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  writeFileSync(join(folder, "macro.md"), summary);
  for (const { bench, field, title, unit } of PICTURES) {
    const bars = rows.filter((row) => row.bench === bench && row.runtime === "node26" && row[field] !== undefined)
      .map(({ system, [field]: value }) => ({ name: system, value }));
    writeFileSync(join(folder, `macro_${bench}.svg`), barChart(title, unit, bars));
  }
}
