/**
 * Runs a script of this repository as a child process, on the runtime that runs the test.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { COLLECTING } from "../../bench/soak/server_process.ts";
import { isCompiled, repositoryPath, runnablePath } from "./repository.ts";

/** How a child process ended. */
export interface ScriptRun {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** What {@link runScript} may be told. */
export interface RunOptions {
  /** Permissions under Deno. Default: `--allow-all`. */
  readonly permissions?: readonly string[];
  /** Arguments of the script. */
  readonly parameters?: readonly string[];
  /** Whether the script may ask for garbage collections. Default false; Bun always lets it. */
  readonly collects?: boolean;
  /** Added to the environment. */
  readonly env?: Record<string, string>;
  /** A program, and its arguments, that runs the runtime given behind these. Default: none, the runtime runs as it is. */
  readonly within?: readonly string[];
}

/** A child that has not ended by then hangs, and is killed; generous, since machines that test are busy. */
const HANG_MS = 100_000;

/** Run a source file, given from the root, to its end. */
export function runScript(source: string, options: RunOptions = {}): Promise<ScriptRun> {
  const { permissions = ["--allow-all"], parameters = [], collects = false, env = {}, within = [] } = options;
  const isDeno = "Deno" in globalThis;
  const flags = !collects || "Bun" in globalThis ? [] : isDeno ? [`--v8-flags=${COLLECTING.join()}`] : COLLECTING;
  const before = isDeno ? ["run", "--no-check", "--quiet", "--no-prompt", ...permissions, ...flags] : flags;
  const [program, ...rest] = [...within, process.execPath, ...before, runnablePath(source), ...parameters];
  return new Promise((resolve, reject) => {
    const child = spawn(program!, rest, {
      cwd: repositoryPath("."),
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

/**
 * Run a program given as text: JavaScript, and TypeScript too where the test is not compiled. It lies in a folder of the root, so that
 * {@link ENTRY_POINT} is what it imports.
 */
export async function runText(name: string, text: string, options: RunOptions = {}): Promise<ScriptRun> {
  const source = `.run/${name}_${process.pid}.ts`;
  const path = runnablePath(source);
  mkdirSync(repositoryPath(isCompiled ? "dist/.run" : ".run"), { recursive: true });
  writeFileSync(path, text);
  try {
    return await runScript(source, options);
  } finally {
    rmSync(path, { force: true });
  }
}

/** What a program of {@link runText} imports in place of `@echostream/core`. */
export const ENTRY_POINT: string = isCompiled ? "../mod.js" : "../mod.ts";
