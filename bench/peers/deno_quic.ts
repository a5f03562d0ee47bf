/**
 * Deno's built-in QUIC (`--unstable-net`): streams and datagrams, each call a stream of its own.
 *
 * @module
 */
import { selfSignedCertificate } from "./certificate.ts";
import {
  BULK_FRAME_BYTES,
  DATAGRAM_BYTES,
  fail,
  type Peer,
  type PeerAddress,
  type PeerClient,
  type PeerServer,
} from "./peer.ts";

/** The part of `Deno` this needs; other runtimes, which check this file as well, have no types for it. */
interface DenoQuic {
  readonly QuicEndpoint: new (options: { hostname: string; port: number }) => {
    readonly addr: { readonly port: number };
    listen(options: { cert: string; key: string; alpnProtocols: string[] }): { accept(): Promise<QuicConnection> };
    close(): void;
  };
  connectQuic(
    options: { hostname: string; port: number; serverName: string; alpnProtocols: string[]; caCerts: string[] },
  ): Promise<QuicConnection>;
}

interface QuicConnection {
  readonly incomingBidirectionalStreams: AsyncIterable<QuicStream>;
  createBidirectionalStream(options: { waitUntilAvailable: boolean }): Promise<QuicStream>;
  readDatagram(): Promise<Uint8Array>;
  sendDatagram(bytes: Uint8Array): Promise<void>;
  close(): void;
}

interface QuicStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

const ALPN = ["bench"];
/** The first byte of a stream says what it is. */
const ECHO = 1;
const BULK = 2;
/** Asks how many datagrams have come since the last time. */
const COUNT = 3;

/** Deno's own. */
export const denoQuic: Peer = {
  serve(host): Promise<PeerServer> {
    const { cert, key } = selfSignedCertificate(host);
    const endpoint = new (deno().QuicEndpoint)({ hostname: host, port: 0 });
    accept(endpoint.listen({ cert, key, alpnProtocols: ALPN })).catch(() => {});
    return Promise.resolve({
      port: endpoint.addr.port,
      certificatePem: cert,
      close: () => Promise.resolve(endpoint.close()),
    });
  },

  async connect({ host, port, certificatePem }: PeerAddress): Promise<PeerClient> {
    const connection = await deno().connectQuic({
      hostname: host,
      port,
      serverName: "localhost",
      alpnProtocols: ALPN,
      caCerts: [certificatePem!],
    });
    const exchange = async (kind: number, frames: number, frame: Uint8Array): Promise<Uint8Array[]> => {
      const stream = await connection.createBidirectionalStream({ waitUntilAvailable: true });
      const writer = stream.writable.getWriter();
      await writer.write(Uint8Array.of(kind));
      const writing = (async () => {
        for (let left = frames; left > 0; left--) await writer.write(frame);
        await writer.close();
      })();
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream.readable) chunks.push(chunk);
      await writing;
      return chunks;
    };
    return {
      hasStreams: true,
      call(payload, done): void {
        exchange(ECHO, 1, payload).then((chunks) => done(chunks.reduce((sum, { length }) => sum + length, 0)), fail);
      },
      async bulk(totalBytes): Promise<void> {
        await exchange(BULK, Math.ceil(totalBytes / BULK_FRAME_BYTES), new Uint8Array(BULK_FRAME_BYTES));
      },
      async datagrams(count): Promise<number> {
        const datagram = new Uint8Array(DATAGRAM_BYTES);
        for (let sent = 0; sent < count; sent++) await connection.sendDatagram(datagram);
        const [answer] = await exchange(COUNT, 0, datagram);
        return Number(new TextDecoder().decode(answer));
      },
      close: () => Promise.resolve(connection.close()),
    };
  },
};

async function accept(listener: { accept(): Promise<QuicConnection> }): Promise<void> {
  for (;;) {
    const connection = await listener.accept();
    const received = { datagrams: 0 };
    count(connection, received).catch(() => {});
    answerAll(connection, received).catch(() => {});
  }
}

async function count(connection: QuicConnection, received: { datagrams: number }): Promise<void> {
  for (;;) {
    await connection.readDatagram();
    received.datagrams++;
  }
}

async function answerAll(connection: QuicConnection, received: { datagrams: number }): Promise<void> {
  for await (const stream of connection.incomingBidirectionalStreams) answer(stream, received).catch(() => {});
}

async function answer(stream: QuicStream, received: { datagrams: number }): Promise<void> {
  const writer = stream.writable.getWriter();
  let kind: number | undefined;
  for await (const chunk of stream.readable) {
    const bytes = kind === undefined ? chunk.subarray(1) : chunk;
    kind ??= chunk[0];
    if (kind === ECHO && bytes.length > 0) await writer.write(bytes);
  }
  if (kind === COUNT) {
    await writer.write(new TextEncoder().encode(String(received.datagrams)));
    received.datagrams = 0;
  }
  await writer.close();
}

function deno(): DenoQuic {
  return (globalThis as unknown as { Deno: DenoQuic }).Deno;
}
