/**
 * The server processes of the soaks: on the runtime of whoever starts them, with the same flags.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Flags of V8: collections on demand, and a young generation of a fixed size, so that a process stays as large as what it holds. */
export const COLLECTING: readonly string[] = [
  "--expose-gc",
  "--min-semi-space-size=16",
  "--max-semi-space-size=16",
];

/** A server that runs. */
export interface ServerProcess {
  /** Where it listens. */
  readonly address: string;
  /** Shut it down; resolves when its process has ended. */
  stop(): Promise<void>;
}

/** Start `name` of this folder; it prints its port, and shuts down when its standard input closes. */
export async function startServer(name: string): Promise<ServerProcess> {
  const script = fileURLToPath(import.meta.url).replace(/server_process(\.\w+)$/, `${name}$1`);
  const flags = "Deno" in globalThis
    ? ["run", "--allow-all", "--no-check", "--quiet", `--v8-flags=${COLLECTING.join()}`]
    : process.execArgv;
  const child = spawn(process.execPath, [...flags, script], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await once(child.stdout, "data");
  return {
    address: `127.0.0.1:${String(port).trim()}`,
    async stop(): Promise<void> {
      child.stdin.end();
      await once(child, "close");
    },
  };
}
