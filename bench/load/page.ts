/**
 * Pages of results, as the loads write them, and a line that says how far they are.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import process from "node:process";
import { repositoryPath, rootUrl } from "../../tests/support/repository.ts";

/** Where this ran. */
export function machine(): string {
  const busy = `${loadavg()[0]!.toFixed(1)} processes ready to run on average`;
  const model = cpus()[0]?.model.trim() ?? "?";
  return `- ${cpus().length} × ${model}, Node ${process.version}, ${process.platform}-${process.arch}; ${busy}`;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Of 1,000,000 bytes. */
export function megabytes(bytes: number): number {
  return bytes / 1e6;
}

/** Show a page, and keep it unless the run was a quick one. */
export function save(name: string, text: string, quick: boolean): void {
  console.log(text);
  if (!quick) writeFileSync(repositoryPath(`bench/results/${name}.md`), text);
}

/** A line that says how far something is; `scripts/progress.mjs` has no declarations. */
export const progressLine: (label: string) => { update(text: string): void; end(text: string): void } =
  (await import(new URL("scripts/progress.mjs", rootUrl).href)).progressLine;
