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
  /** SIGKILL, by default; resolves when it is gone. */
  kill(signal?: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
}

/** Start a script of this repository that prints the port it listens on. */
export async function startServer(source: string): Promise<ServerProcess> {
  const before = "Deno" in globalThis ? ["run", "--no-check", "--quiet", "--allow-all"] : [];
  const child = spawn(process.execPath, [...before, runnablePath(source)], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk) => errors += chunk);
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`${source} ended with ${code}: ${errors}`)));
  });
  return {
    port: Number(port),
    errors: () => errors,
    alive: () => child.exitCode === null && child.signalCode === null,
    async kill(signal = "SIGKILL") {
      child.kill(signal);
      if (signal === "SIGKILL") await gone;
    },
  };
}
