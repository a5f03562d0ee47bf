/**
 * What the demos share: building what is missing, and processes that end well, badly or never.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { build } from "./build.mjs";
import { root, scriptPath } from "./runtimes.mjs";

/** Build the addon, and the sources for a runtime that does not run TypeScript. */
export function prepare(runtime) {
  const native = spawnSync(process.execPath, [join(root, "scripts/build-native.mjs")], { stdio: "inherit" });
  if (native.status !== 0) throw new Error("the native addon could not be built");
  if (runtime.runsTypeScript) return;
  const compiled = build();
  if (!compiled.ok) throw new Error(`the sources do not compile:\n${compiled.output}`);
}

/** Arguments of a runtime that runs one of our sources. */
export function command(runtime, source, ...parameters) {
  return [...runtime.scriptArguments, scriptPath(runtime, source), ...parameters];
}

/** Resolves with what follows `prefix` on the first line that begins so; `onLine` gets every line. `exit`: see {@link exitOf}. */
export function lineOf(child, prefix, exit, onLine) {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      onLine(line);
      if (line.startsWith(prefix)) resolve(line.slice(prefix.length));
    });
    void exit.then((failed) => reject(new Error(failed ?? `a process ended without saying "${prefix.trim()}"`)));
  });
}

/** Resolves with what went wrong, or `undefined`. */
export function exitOf(child, name) {
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(`the ${name} could not be started: ${error.message}`));
    child.on(
      "close",
      (code, signal) => resolve(code === 0 ? undefined : `the ${name} ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}

/** As `exit`; a child that has not ended by then is killed. */
export async function within(timeoutMs, child, exit) {
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    child.kill("SIGKILL");
  }, timeoutMs);
  const failed = await exit;
  clearTimeout(timer);
  return hung ? `a process did not end within ${timeoutMs / 1000} s` : failed;
}
