/**
 * socket.io over TLS, as its documentation sets it up: WebSocket transport, binary payloads, acknowledgements as answers.
 *
 * @module
 */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { selfSignedCertificate } from "./certificate.ts";
import { BULK_FRAME_BYTES, ITEM_BYTES, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";

/** Frames of a bulk transfer that may be unacknowledged: socket.io itself has no back-pressure. */
const BULK_WINDOW_FRAMES = 32;
/** Items, sent as events, of which the last is acknowledged before more follow, for the same reason. */
const ITEM_WINDOW = 512;

/** socket.io 4 over https. */
export const socketIo: Peer = {
  async serve(host): Promise<PeerServer> {
    const https = createServer({ ...selfSignedCertificate(host), minVersion: "TLSv1.3" });
    const server = new Server(https, { transports: ["websocket"], maxHttpBufferSize: 1 << 24 });
    server.on("connection", (socket) => {
      socket.on("echo", (payload: Uint8Array, answer: (payload: Uint8Array) => void) => answer(payload));
      socket.on("items", async (count: number, answer: () => void) => {
        const item = new Uint8Array(ITEM_BYTES).fill(7);
        for (let left = count; left > 0; left -= ITEM_WINDOW) {
          for (let n = Math.min(left, ITEM_WINDOW); n > 1; n--) socket.emit("item", item);
          await socket.emitWithAck("last item", item);
        }
        answer();
      });
      socket.on("echo item", (item: Uint8Array) => socket.emit("item", item));
      socket.on("last echo item", (item: Uint8Array, answer: (item: Uint8Array) => void) => answer(item));
      socket.on("bulk", (payload: Uint8Array, answer: (bytes: number) => void) => answer(payload.length));
    });
    https.listen(0, host);
    await once(https, "listening");
    return { port: (https.address() as AddressInfo).port, close: async () => void (await server.close()) };
  },

  async connect({ host, port }: PeerAddress): Promise<PeerClient> {
    const socket = io(`https://${host}:${port}`, {
      transports: ["websocket"],
      rejectUnauthorized: false,
      reconnection: false,
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("connect_error", reject);
    });
    return {
      call(payload, done): void {
        socket.emit("echo", payload, (answer: Uint8Array) => done(answer.byteLength));
      },
      bulk(totalBytes): Promise<void> {
        const frame = new Uint8Array(BULK_FRAME_BYTES);
        let unsent = totalBytes;
        let unacknowledged = 0;
        return new Promise((resolve) => {
          const pump = (): void => {
            while (unsent > 0 && unacknowledged < BULK_WINDOW_FRAMES) {
              unsent -= frame.length;
              unacknowledged++;
              socket.emit("bulk", frame, () => {
                unacknowledged--;
                pump();
              });
            }
            if (unsent <= 0 && unacknowledged === 0) resolve();
          };
          pump();
        });
      },
      async items(count): Promise<number> {
        let received = 0;
        socket.on("item", () => void received++);
        socket.on("last item", (_item: Uint8Array, answer: () => void) => {
          received++;
          answer();
        });
        await socket.emitWithAck("items", count);
        socket.off("item").off("last item");
        return received;
      },
      async echoItems(count): Promise<number> {
        const item = new Uint8Array(ITEM_BYTES).fill(7);
        let received = 0;
        socket.on("item", () => void received++);
        for (let left = count; left > 0; left -= ITEM_WINDOW) {
          for (let n = Math.min(left, ITEM_WINDOW); n > 1; n--) socket.emit("echo item", item);
          await socket.emitWithAck("last echo item", item);
          received++;
        }
        socket.off("item");
        return received;
      },
      close(): Promise<void> {
        socket.disconnect();
        return Promise.resolve();
      },
    };
  },
};
