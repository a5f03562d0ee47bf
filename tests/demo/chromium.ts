/**
 * Opens a page in Chromium without a window.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** What a page was once it had loaded. */
export interface DumpedPage {
  /** Its document as HTML. */
  readonly dom: string;
  /** What came onto its console, uncaught errors and refused resources included. */
  readonly consoleLines: readonly string[];
}

/** A page that takes longer hangs; generous, since machines that test are busy. */
const HANG_MS = 60_000;

/** Path of a Chromium that is installed, or `undefined`. */
export function findChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** Load the page at `url` and return what became of it. The browser keeps its files below `folder`. */
export function dumpPage(chromium: string, url: string, folder: string): Promise<DumpedPage> {
  return new Promise((resolve, reject) => {
    const child = spawn(chromium, [...FLAGS, `--user-data-dir=${join(folder, "profile")}`, url], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let dom = "";
    let log = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => dom += chunk);
    child.stderr.setEncoding("utf8").on("data", (chunk) => log += chunk);
    const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve({ dom, consoleLines: log.split("\n").filter((line) => line.includes(":CONSOLE")) });
      else reject(new Error(`${chromium} ended with ${signal ?? `exit code ${code}`}\n${log}`));
    });
  });
}

/** The page is our own file, so it needs no sandbox, which root would not get; and no browser calls home from a test. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-logging=stderr",
  "--window-size=1200,1800",
  "--dump-dom",
];
