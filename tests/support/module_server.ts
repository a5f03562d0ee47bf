/**
 * Serves the sources over HTTP as JSR serves a package: packages are imported by the `npm:` specifiers that deno.json has for their names.
 *
 * @module
 */
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { repositoryPath } from "./repository.ts";

/** A server of modules. */
export interface ModuleServer {
  /** Ends in a slash; `mod.ts` lies below it. */
  readonly url: string;
  /** Stop serving; resolves when the port is free. */
  close(): Promise<void>;
}

/** Serve `mod.ts` and what it imports. */
export async function serveModules(): Promise<ModuleServer> {
  const { imports } = JSON.parse(readFileSync(repositoryPath("deno.json"), "utf8")) as {
    imports: Record<string, string>;
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    const isPublished = /^(mod\.ts|src\/[\w/]+\.ts)$/.test(path) && existsSync(repositoryPath(path));
    response.writeHead(isPublished ? 200 : 404, { "content-type": "application/typescript" });
    response.end(isPublished ? unmapped(readFileSync(repositoryPath(path), "utf8"), imports) : "");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A source with the names of deno.json's import map replaced by what they stand for, as publishing does. */
function unmapped(source: string, imports: Record<string, string>): string {
  return Object.entries(imports).filter(([, target]) => target.startsWith("npm:")).reduce(
    (text, [name, target]) =>
      text.replaceAll(new RegExp(`(?<=from |import\\()"${name}(/[\\w-]+)?"`, "g"), `"${target}$1"`),
    source,
  );
}
