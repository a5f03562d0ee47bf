/**
 * How the demo looks: colour and a moving bar on a terminal, plain lines elsewhere.
 *
 * @module
 */
import process from "node:process";

const isTerminal = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const paint = (code: number) => (text: string): string => isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text;

/** Emphasis. */
export const bold: (text: string) => string = paint(1);
/** Less important. */
export const dim: (text: string) => string = paint(2);
const green = paint(32);
const cyan = paint(36);

/** A heading. */
export function section(title: string): void {
  console.log(`\n${bold(cyan(title))}`);
}

/** Something that worked. */
export function done(what: string, result: string): void {
  console.log(`  ${green("✓")} ${what.padEnd(22)} ${result}`);
}

/** A bar for something of `total` steps; on no terminal a line per quarter. */
export function bar(label: string, total: number): (now: number, note: string) => void {
  const width = 30;
  let quarter = 0;
  return (now, note) => {
    const share = total === 0 ? 1 : now / total;
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    if (isTerminal) {
      const filled = Math.round(share * width);
      process.stdout.write(
        `\r\x1b[K  ${label} ${cyan("█".repeat(filled))}${dim("░".repeat(width - filled))} ${percent}  ${note}`,
      );
      if (share >= 1) process.stdout.write("\n");
    } else if (Math.floor(share * 4) > quarter) {
      quarter = Math.floor(share * 4);
      console.log(`  ${label} ${percent}  ${note}`);
    }
  };
}

/** Columns as wide as what is in them; all but the first aligned to the right. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const [n, row] of rows.entries()) {
    const line = row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))
      .join("   ");
    console.log(`  ${n === 0 ? dim(line) : line}`);
  }
}

/** `1.5 MB`, in steps of 1000. */
export function bytesText(bytes: number): string {
  const steps = ["B", "kB", "MB", "GB"];
  let step = 0;
  for (; bytes >= 1000 && step < steps.length - 1; step++) bytes /= 1000;
  return `${step === 0 ? bytes : bytes.toFixed(1)} ${steps[step]}`;
}
