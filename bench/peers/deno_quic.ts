/**
 * Deno's built-in QUIC (`--unstable-net`): streams and datagrams, each call a stream of its own.
 *
 * @module
 */
import { answer, BULK, bytesOf, type CallStream, ECHO, exchange } from "./call_streams.ts";
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
  readonly incomingBidirectionalStreams: AsyncIterable<CallStream>;
  createBidirectionalStream(options: { waitUntilAvailable: boolean }): Promise<CallStream>;
  readDatagram(): Promise<Uint8Array>;
  sendDatagram(bytes: Uint8Array): Promise<void>;
  close(): void;
}

const ALPN = ["bench"];
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
    const send = async (kind: number, frames: number, frame: Uint8Array): Promise<Uint8Array[]> =>
      exchange(await connection.createBidirectionalStream({ waitUntilAvailable: true }), kind, frames, frame);
    return {
      hasStreams: true,
      call(payload, done): void {
        send(ECHO, 1, payload).then((chunks) => done(bytesOf(chunks)), fail);
      },
      async bulk(totalBytes): Promise<void> {
        await send(BULK, Math.ceil(totalBytes / BULK_FRAME_BYTES), new Uint8Array(BULK_FRAME_BYTES));
      },
      async datagrams(count): Promise<number> {
        const datagram = new Uint8Array(DATAGRAM_BYTES);
        for (let sent = 0; sent < count; sent++) await connection.sendDatagram(datagram);
        const [answer] = await send(COUNT, 0, datagram);
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
  for await (const stream of connection.incomingBidirectionalStreams) {
    answer(stream, (kind) => kind === COUNT ? countOf(received) : undefined).catch(() => {});
  }
}

/** The number as text; counting begins anew. */
function countOf(received: { datagrams: number }): Uint8Array {
  const { datagrams } = received;
  received.datagrams = 0;
  return new TextEncoder().encode(String(datagrams));
}

function deno(): DenoQuic {
  return (globalThis as unknown as { Deno: DenoQuic }).Deno;
}
