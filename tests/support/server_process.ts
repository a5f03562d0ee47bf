/**
 * A server in a process of its own, which a test may attack or kill.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { runnablePath } from "./repository.ts";

/** A running server. */
export interface ServerProcess {
  readonly port: number;
  /** What it wrote to standard error so far. */
  errors(): string;
  /** Whether it still runs. */
  alive(): boolean;
  /** What it wrote to standard output so far, the port included. */
  output(): string;
  /** SIGKILL, by default; resolves when it is gone. */
  kill(signal?: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Send a signal that it may take its time with. */
  signal(signal: "SIGINT" | "SIGTERM"): void;
  /** Its exit code once it is gone and its output is read; `null` when a signal ended it. */
  readonly exitCode: Promise<number | null>;
}

/** Start a script of this repository that prints the port it listens on. */
export async function startServer(source: string, args: readonly string[] = []): Promise<ServerProcess> {
  const before = "Deno" in globalThis ? ["run", "--no-check", "--quiet", "--allow-all"] : [];
  const child = spawn(process.execPath, [...before, runnablePath(source), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  let output = "";
  child.stderr.on("data", (chunk) => errors += chunk);
  child.stdout.on("data", (chunk) => output += chunk);
  const exitCode = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`${source} ended with ${code}: ${errors}`)));
  });
  return {
    port: Number(port),
    errors: () => errors,
    output: () => output,
    exitCode,
    // Not `child.kill`: Deno takes a child it has sent a signal for one that the signal has ended.
    signal: (signal) => void process.kill(child.pid!, signal),
    alive: () => child.exitCode === null && child.signalCode === null,
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      if (signal === "SIGKILL") await gone;
    },
  };
}
