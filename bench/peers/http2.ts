/**
 * node:http2 over TLS without a framework: a POST for each call, a request body for a bulk transfer.
 *
 * @module
 */
import { once } from "node:events";
import { type ClientHttp2Stream, connect, createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { selfSignedCertificate } from "./certificate.ts";
import { BULK_FRAME_BYTES, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";

/** Enough for a bulk transfer not to wait for window updates; Node's default is 64 KiB. */
const WINDOW_BYTES = 4 << 20;
const SETTINGS = { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: 1_000 };

/** node:http2. */
export const http2: Peer = {
  async serve(host): Promise<PeerServer> {
    const server = createSecureServer({ ...selfSignedCertificate(host), minVersion: "TLSv1.3", settings: SETTINGS });
    server.on("session", (session) => session.setLocalWindowSize(WINDOW_BYTES));
    server.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      if (headers[":path"] === "/echo") echo(stream);
      else if (headers[":path"] === "/bulk") swallow(stream);
      else download(stream, Number(headers["content-bytes"]));
    });
    server.listen(0, host);
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, close: () => Promise.resolve(void server.close()) };
  },

  async connect({ host, port }: PeerAddress): Promise<PeerClient> {
    const session = connect(`https://${host}:${port}`, {
      rejectUnauthorized: false,
      settings: { initialWindowSize: WINDOW_BYTES },
    });
    await once(session, "connect");
    session.setLocalWindowSize(WINDOW_BYTES);
    const post = (path: string, headers = {}): ClientHttp2Stream =>
      session.request({ ":method": "POST", ":path": path, ...headers });
    return {
      hasStreams: true,
      call(payload, done): void {
        const stream = post("/echo");
        let bytes = 0;
        stream.on("data", (chunk: Uint8Array) => bytes += chunk.length);
        stream.on("end", () => done(bytes));
        stream.end(payload);
      },
      async bulk(totalBytes): Promise<void> {
        const frame = new Uint8Array(BULK_FRAME_BYTES);
        const stream = post("/bulk");
        const answered = once(stream.resume(), "end");
        for (let sent = 0; sent < totalBytes; sent += frame.length) {
          if (!stream.write(frame)) await once(stream, "drain");
        }
        stream.end();
        await answered;
      },
      async download(totalBytes): Promise<number> {
        const stream = post("/download", { "content-bytes": totalBytes });
        stream.end();
        let bytes = 0;
        stream.on("data", (chunk: Uint8Array) => bytes += chunk.length);
        await once(stream, "end");
        return bytes;
      },
      close: () => new Promise((resolve) => session.close(resolve)),
    };
  },
};

function echo(stream: ServerHttp2Stream): void {
  const chunks: Uint8Array[] = [];
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  stream.on("end", () => {
    stream.respond({ ":status": 200 });
    stream.end(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
  });
}

function swallow(stream: ServerHttp2Stream): void {
  stream.on("data", () => {});
  stream.on("end", () => {
    stream.respond({ ":status": 200 });
    stream.end();
  });
}

async function download(stream: ServerHttp2Stream, totalBytes: number): Promise<void> {
  const frame = new Uint8Array(BULK_FRAME_BYTES);
  stream.respond({ ":status": 200 });
  for (let sent = 0; sent < totalBytes; sent += frame.length) {
    if (!stream.write(frame)) await once(stream, "drain");
  }
  stream.end();
}
