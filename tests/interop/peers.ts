/**
 * The other implementations: each a program that runs a client's case against a server of the interop service, and one that serves it.
 * `npm run interop` builds them and says where they are.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { repositoryPath } from "../support/repository.ts";

/** Files that tell who a server is. */
export interface Identity {
  readonly certPath: string;
  readonly keyPath: string;
  readonly caPath: string;
}

/** How a client program reaches servers. */
export interface ClientRun {
  /** Name of the case. */
  readonly name: string;
  /** One run for each port, all at once. */
  readonly ports: readonly number[];
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly caPath: string;
  /** What the case wants to know. */
  readonly options?: Record<string, unknown>;
}

/** A server program that runs. */
export interface PeerServer {
  readonly port: number;
  /** What it said about connections that ended, one JSON object each. */
  readonly closed: readonly { readonly closed: number; readonly reason: string }[];
  /** End it in order. */
  close(): Promise<void>;
}

/** Another implementation. */
export interface Peer {
  readonly name: string;
  /** Run a case; rejects with what the program said when it fails. */
  run(run: ClientRun): Promise<void>;
  /** Start its server on a free port of `host`, told `options`. */
  serve(identity: Identity, host: string, options: Record<string, unknown>): Promise<PeerServer>;
}

/** In Python, on aioquic. */
export const aioquic: Peer = peer("aioquic", "ECHOSTREAM_INTEROP_PYTHON", {
  client: ["-B", repositoryPath("tests/interop/python/client.py")],
  server: ["-B", repositoryPath("tests/interop/python/server.py")],
});

/** In Go, on quic-go. */
export const quicGo: Peer = peer("quic-go", "ECHOSTREAM_INTEROP_GO", { client: ["client"], server: ["server"] });

function peer(name: string, variable: string, programs: Record<"client" | "server", readonly string[]>): Peer {
  const start = (role: "client" | "server", parameters: readonly string[]): ChildProcess => {
    const executable = process.env[variable];
    if (executable === undefined) throw new Error(`${variable} does not say where ${name} is: use npm run interop`);
    return spawn(executable, [...programs[role], ...parameters], { stdio: ["pipe", "pipe", "pipe"] });
  };
  return {
    name,
    async run({ name: caseName, ports, host = "127.0.0.1", caPath, options = {} }) {
      const parameters = ["--host", host, "--ca", caPath, "--options", JSON.stringify(options)];
      const child = start("client", [...parameters, caseName, ports.join()]);
      child.stdin!.end();
      const { code, errors } = await exitOf(child);
      if (code !== 0) throw new Error(`The client of ${name} ended with ${code}: ${errors}`);
    },
    async serve({ certPath, keyPath }, host, options) {
      const parameters = ["--host", host, "--cert", certPath, "--key", keyPath, "--options", JSON.stringify(options)];
      const child = start("server", parameters);
      const exit = exitOf(child);
      const closed: PeerServer["closed"][number][] = [];
      const port = await new Promise<number>((resolve, reject) => {
        createInterface({ input: child.stdout! }).on("line", (line) => {
          if (line.startsWith("{")) closed.push(JSON.parse(line));
          else resolve(Number(line));
        });
        void exit.then(({ code, errors }) => reject(new Error(`The server of ${name} ended with ${code}: ${errors}`)));
      });
      return {
        port,
        closed,
        async close() {
          child.stdin!.end();
          const { code, errors } = await exit;
          if (code !== 0) throw new Error(`The server of ${name} ended with ${code}: ${errors}`);
        },
      };
    },
  };
}

function exitOf(child: ChildProcess): Promise<{ readonly code: number | string | null; readonly errors: string }> {
  let errors = "";
  child.stderr!.setEncoding("utf8").on("data", (chunk) => errors = (errors + chunk).slice(-MAX_ERROR_LENGTH));
  const timer = setTimeout(() => child.kill("SIGKILL"), HANG_MS);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code: code ?? signal, errors });
    });
  });
}

/** The last of what a program wrote tells why it failed. */
const MAX_ERROR_LENGTH = 4_000;
/** A program that runs longer hangs. */
const HANG_MS = 900_000;
