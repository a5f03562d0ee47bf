/**
 * \@matrixai/quic, another QUIC for Node, on quiche as well: streams only, so each call is a stream of its own.
 *
 * @module
 */
import { createHmac, randomBytes, webcrypto } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { answer, BULK, bytesOf, type CallStream, ECHO, exchange } from "./call_streams.ts";
import { selfSignedCertificate } from "./certificate.ts";
import { BULK_FRAME_BYTES, fail, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";

/**
 * The part of the package this needs. It is fetched by the bench (`fetched_peers.mjs`) into a folder of its own: as a devDependency its
 * platform packages break `npm ci`.
 */
interface MatrixAiQuic {
  readonly QUICServer: new (options: object) => EventTarget & {
    readonly port: number;
    start(options: { host: string; port: number }): Promise<void>;
    stop(options: { force: boolean }): Promise<void>;
  };
  readonly QUICClient: {
    createQUICClient(options: object): Promise<
      {
        readonly connection: { newStream(type: "bidi"): CallStream };
        destroy(options: { force: boolean }): Promise<void>;
      }
    >;
  };
  readonly events: Readonly<
    Record<"EventQUICServerConnection" | "EventQUICConnectionStream", { readonly name: string }>
  >;
}

const entryOf = (name: string): string =>
  pathToFileURL(
    join(process.env.ECHOSTREAM_BENCH_PEERS ?? "", "@matrixai+quic/node_modules/@matrixai", name, "dist/index.js"),
  ).href;
const { QUICServer, QUICClient, events }: MatrixAiQuic = await import(entryOf("quic"));
const { default: Logger, LogLevel } = await import(entryOf("logger"));
/** Its own default prints every step, which is most of its work. */
const logger = new Logger("bench", LogLevel.WARN);

/** The same limits as ours. */
const CONFIG = {
  verifyPeer: false,
  maxIdleTimeout: 30_000,
  maxSendUdpPayloadSize: 1452,
  initialMaxStreamsBidi: 1024,
  initialMaxStreamDataBidiLocal: 4 << 20,
  initialMaxStreamDataBidiRemote: 4 << 20,
};

/** \@matrixai/quic. */
export const matrixAiQuic: Peer = {
  async serve(host): Promise<PeerServer> {
    const { cert, key } = selfSignedCertificate(host);
    const server = new QUICServer({
      crypto: {
        key: arrayBuffer(randomBytes(32)),
        ops: {
          sign: (secret: ArrayBuffer, data: ArrayBuffer) => Promise.resolve(sign(secret, data)),
          verify: (secret: ArrayBuffer, data: ArrayBuffer, signature: ArrayBuffer) =>
            Promise.resolve(Buffer.from(sign(secret, data)).equals(Buffer.from(signature))),
        },
      },
      config: { ...CONFIG, cert, key },
      logger,
    });
    server.addEventListener(events.EventQUICServerConnection.name, (event: Event) => {
      const connection = (event as CustomEvent<EventTarget>).detail;
      connection.addEventListener(events.EventQUICConnectionStream.name, (event: Event) => {
        answer((event as CustomEvent<CallStream>).detail).catch(() => {});
      });
    });
    await server.start({ host, port: 0 });
    return { port: server.port, close: () => server.stop({ force: true }) };
  },

  async connect({ host, port }: PeerAddress): Promise<PeerClient> {
    const client = await QUICClient.createQUICClient({
      host,
      port,
      localHost: host.includes(":") ? "::" : "0.0.0.0",
      crypto: {
        ops: {
          randomBytes: (data: ArrayBuffer) => Promise.resolve(void webcrypto.getRandomValues(new Uint8Array(data))),
        },
      },
      config: CONFIG,
      logger,
    });
    const send = (kind: number, frames: number, frame: Uint8Array): Promise<Uint8Array[]> =>
      exchange(client.connection.newStream("bidi"), kind, frames, frame);
    return {
      hasStreams: true,
      call(payload, done): void {
        send(ECHO, 1, payload).then((chunks) => done(bytesOf(chunks)), fail);
      },
      async bulk(totalBytes): Promise<void> {
        await send(BULK, Math.ceil(totalBytes / BULK_FRAME_BYTES), new Uint8Array(BULK_FRAME_BYTES));
      },
      close: () => client.destroy({ force: true }),
    };
  },
};

function sign(secret: ArrayBuffer, data: ArrayBuffer): ArrayBuffer {
  return arrayBuffer(createHmac("sha256", new Uint8Array(secret)).update(new Uint8Array(data)).digest());
}

function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
