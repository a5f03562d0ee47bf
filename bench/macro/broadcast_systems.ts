/**
 * The systems of the broadcast bench, loaded one at a time.
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** A server whose clients all get what it broadcasts. */
export interface BroadcastServer {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** Send to everybody. */
  broadcast(value: unknown): void;
}

/** A system under test. */
export interface Broadcaster {
  /** @param once Whether a broadcast is one call, or one for each session. */
  serve(once: boolean): Promise<BroadcastServer>;
  /** Connect a client; `onEvent` is called for each broadcast. */
  connect(port: number, onEvent: () => void): Promise<void>;
}

/** @param name As in the table of results; what stands behind a comma is for `serve`. */
export async function loadBroadcaster(name: string): Promise<Broadcaster> {
  return name === "socket.io" ? await socketIo() : await echostream();
}

async function echostream(): Promise<Broadcaster> {
  const { cbor, RpcClient, RpcServer } = await import("../../mod.ts");
  return {
    async serve(once) {
      const server = RpcServer.builder().bind("127.0.0.1:0").pushes({ event: cbor<unknown>() }).build();
      const { addresses } = await server.start();
      const oneByOne = (value: unknown): void => {
        for (const session of server.sessions) void session.emit("event", value);
      };
      const together = (value: unknown): void => void server.broadcast.emit("event", value);
      return { port: addresses[0]!.port, broadcast: once ? together : oneByOne };
    },
    async connect(port, onEvent) {
      const client = await RpcClient.connect(`127.0.0.1:${port}`);
      client.on("event", onEvent);
    },
  };
}

async function socketIo(): Promise<Broadcaster> {
  const [{ createServer }, { Server }, { io }, { selfSignedCertificate }] = await Promise.all([
    import("node:https"),
    import("socket.io"),
    import("socket.io-client"),
    import("../peers/certificate.ts"),
  ]);
  return {
    async serve() {
      const https = createServer({ ...selfSignedCertificate("127.0.0.1"), minVersion: "TLSv1.3" });
      const server = new Server(https, { transports: ["websocket"] });
      https.listen(0, "127.0.0.1");
      await once(https, "listening");
      return {
        port: (https.address() as AddressInfo).port,
        broadcast: (value) => void server.emit("event", value),
      };
    },
    async connect(port, onEvent) {
      const socket = io(`https://127.0.0.1:${port}`, {
        transports: ["websocket"],
        rejectUnauthorized: false,
        reconnection: false,
        forceNew: true,
      });
      socket.on("event", onEvent);
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("connect_error", reject);
      });
    },
  };
}
