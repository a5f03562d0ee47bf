/**
 * A folder of its own for a program, and processes that know nothing but that folder and a registry on loopback.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** An installation or a program that has not ended by then hangs, and is killed. */
const HANG_MS = 100_000;

/** How a program ended. */
export interface ProjectRun {
  /** Exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A project outside of this repository, with home folder and caches inside. */
export class EmptyProject {
  readonly folder: string;
  readonly #env: Record<string, string>;

  /** `registryUrl` is the only place packages come from. */
  constructor(registryUrl: string) {
    this.folder = mkdtempSync(join(tmpdir(), "echostream-project-"));
    const inside = (name: string) => join(this.folder, ".home", name);
    mkdirSync(inside("."));
    // Whatever is not on loopback goes to a port where nobody listens.
    const nowhere = "http://127.0.0.1:9";
    this.#env = {
      PATH: process.env.PATH ?? "",
      HOME: inside("."),
      NO_COLOR: "1",
      CI: "true",
      npm_config_registry: registryUrl,
      npm_config_cache: inside("npm"),
      npm_config_audit: "false",
      npm_config_fund: "false",
      npm_config_update_notifier: "false",
      BUN_CONFIG_REGISTRY: registryUrl,
      BUN_INSTALL_CACHE_DIR: inside("bun"),
      NPM_CONFIG_REGISTRY: registryUrl,
      DENO_DIR: inside("deno"),
      DENO_NO_UPDATE_CHECK: "1",
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      NO_PROXY: "127.0.0.1",
    };
  }

  /** Write a file. */
  write(name: string, text: string): void {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }

  /** Run a program in the folder, to its end. */
  run(executable: string, parameters: readonly string[], env: Record<string, string> = {}): Promise<ProjectRun> {
    return new Promise((resolve, reject) => {
      const child = spawn(executable, parameters, {
        cwd: this.folder,
        env: { ...this.#env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      let errors = "";
      child.stdout.on("data", (chunk) => output += chunk);
      child.stderr.on("data", (chunk) => errors += chunk);
      const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({ code, output, errors });
      });
    });
  }

  /** Remove all of it. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
