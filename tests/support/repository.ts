/**
 * Where this repository lies, seen from a test that may run from its source or compiled from `dist/`.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Root folder of the repository, ending in a slash. */
export const rootUrl: URL = findRoot(new URL(".", import.meta.url));

/** Whether this test runs compiled from `dist/`. */
export const isCompiled: boolean = import.meta.url.endsWith(".js");

/** The absolute path of a file or folder, given from the root. */
export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(path, rootUrl));
}

/** A source file as the runtime under test can run it: itself, or its compiled form. */
export function runnablePath(source: string): string {
  return repositoryPath(isCompiled ? `dist/${source.replace(/\.ts$/, ".js")}` : source);
}

/** Every `.ts` file below a folder, given and returned from the root, tests excluded. */
export function sourceFiles(folder: string): string[] {
  return readdirSync(repositoryPath(folder), { recursive: true })
    .map((name) => `${folder}/${String(name).replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts") && !path.endsWith("_test.ts"))
    .sort();
}

function findRoot(folder: URL): URL {
  for (let candidate = folder;; candidate = new URL("..", candidate)) {
    if (existsSync(new URL("deno.json", candidate))) return candidate;
    if (candidate.pathname === "/") throw new Error(`No deno.json above ${folder.href}`);
  }
}
