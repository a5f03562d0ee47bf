/**
 * A small npm registry on loopback: what it is given, it serves, and it knows nothing else.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** The part of a package.json that a registry looks at. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
}

interface Published {
  readonly manifest: PackageManifest;
  readonly tarball: Uint8Array;
}

/** Holds one version of each package. */
export class NpmRegistry {
  /** Ends in a slash. */
  readonly url: string;
  readonly #server: Server;
  readonly #packages = new Map<string, Published>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Begin to listen, on a port of the system's choice. */
  static async open(): Promise<NpmRegistry> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const registry = new NpmRegistry(server);
    server.on("request", (request, response) => {
      const path = decodeURIComponent((request.url ?? "").replace(/\?.*/, "")).slice(1);
      const answer = registry.#answer(path);
      response.writeHead(answer === undefined ? 404 : 200, {
        "content-type": typeof answer === "string" ? "application/json" : "application/octet-stream",
      });
      response.end(answer ?? "{}");
    });
    return registry;
  }

  /** Serve a package from now on. */
  publish(manifest: PackageManifest, tarball: Uint8Array): void {
    this.#packages.set(manifest.name, { manifest, tarball });
  }

  /** Stop serving; resolves when the port is free. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(path: string): string | Uint8Array | undefined {
    const name = path.replace(/\/-\/.*$/, "");
    const found = this.#packages.get(name);
    return path === name ? found && this.#packument(found) : found?.tarball;
  }

  #packument({ manifest, tarball }: Published): string {
    const { name, version } = manifest;
    const digest = (algorithm: string) => createHash(algorithm).update(tarball);
    const dist = {
      tarball: `${this.url}${name}/-/${name.replace(/^.*\//, "")}-${version}.tgz`,
      shasum: digest("sha1").digest("hex"),
      integrity: `sha512-${digest("sha512").digest("base64")}`,
    };
    return JSON.stringify({
      name,
      "dist-tags": { latest: version },
      versions: { [version]: { ...manifest, dist } },
      // Long enough ago for installers that leave new versions alone for some days.
      time: { [version]: "2020-01-01T00:00:00.000Z" },
    });
  }
}
