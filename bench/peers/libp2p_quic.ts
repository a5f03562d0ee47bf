/**
 * \@chainsafe/libp2p-quic, QUIC of Rust (quinn) below libp2p: streams only, so each call is a stream of its own, which is negotiated.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { BULK, ECHO } from "./call_streams.ts";
import { BULK_FRAME_BYTES, fail, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";

/** Bytes as libp2p hands them out: one piece or several. */
type Chunk = Uint8Array | { subarray(): Uint8Array };

/** A stream of libp2p: what `send` says is whether more would be welcome. */
interface Stream extends AsyncIterable<Chunk> {
  send(bytes: Uint8Array): boolean;
  onDrain(): Promise<void>;
  close(): Promise<void>;
}

/** A node of libp2p, as far as this needs one. */
interface Node {
  getMultiaddrs(): { toString(): string }[];
  handle(protocol: string, handler: (stream: Stream) => void, options: object): Promise<void>;
  dial(address: unknown): Promise<{ newStream(protocol: string, options: object): Promise<Stream> }>;
  stop(): Promise<void>;
}

// Fetched by the bench (`fetched_peers.mjs`) into a folder of its own.
const packages = join(process.env.ECHOSTREAM_BENCH_PEERS ?? "", "@chainsafe+libp2p-quic/node_modules");
const load = (name: string): Promise<Record<string, unknown>> =>
  import(pathToFileURL(join(packages, name, "dist/src/index.js")).href);
const { createLibp2p } = await load("libp2p") as { createLibp2p(options: object): Promise<Node> };
const { quic } = await load("@chainsafe/libp2p-quic") as { quic(options: object): unknown };
const { multiaddr } = await load("@multiformats/multiaddr") as { multiaddr(text: string): unknown };

const PROTOCOL = "/bench/1.0.0";
/** As many streams as the bench has in flight. */
const STREAMS = { maxInboundStreams: 4_096, maxOutboundStreams: 4_096, negotiateFully: false };
const LIMITS = { maxConcurrentStreamLimit: 4_096, maxStreamData: 4 << 20, maxConnectionData: 16 << 20 };

/** \@chainsafe/libp2p-quic. */
export const libp2pQuic: Peer = {
  async serve(host): Promise<PeerServer> {
    const listen = [`/${host.includes(":") ? "ip6" : "ip4"}/${host}/udp/0/quic-v1`];
    const node = await createLibp2p({ addresses: { listen }, transports: [quic(LIMITS)] });
    await node.handle(PROTOCOL, (stream) => void answer(stream).catch(() => {}), STREAMS);
    const [, port] = /\/udp\/(\d+)\//.exec(String(node.getMultiaddrs()[0]))!;
    return { port: Number(port), close: () => node.stop() };
  },

  async connect({ host, port }: PeerAddress): Promise<PeerClient> {
    const node = await createLibp2p({ transports: [quic(LIMITS)] });
    const connection = await node.dial(multiaddr(`/${host.includes(":") ? "ip6" : "ip4"}/${host}/udp/${port}/quic-v1`));
    const exchange = async (kind: number, frames: number, frame: Uint8Array): Promise<number> => {
      const stream = await connection.newStream(PROTOCOL, STREAMS);
      const answered = bytesOf(stream);
      await send(stream, Uint8Array.of(kind));
      for (let left = frames; left > 0; left--) await send(stream, frame);
      await stream.close();
      return await answered;
    };
    return {
      hasStreams: true,
      call: (payload, done) => void exchange(ECHO, 1, payload).then(done, fail),
      async bulk(totalBytes): Promise<void> {
        await exchange(BULK, Math.ceil(totalBytes / BULK_FRAME_BYTES), new Uint8Array(BULK_FRAME_BYTES));
      },
      close: () => node.stop(),
    };
  },
};

async function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  if (!stream.send(bytes)) await stream.onDrain();
}

async function answer(stream: Stream): Promise<void> {
  let kind: number | undefined;
  for await (const chunk of stream) {
    const whole = chunk.subarray();
    const bytes = kind === undefined ? whole.subarray(1) : whole;
    kind ??= whole[0];
    if (kind === ECHO && bytes.length > 0) await send(stream, bytes);
  }
  await stream.close();
}

async function bytesOf(stream: Stream): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.subarray().length;
  return bytes;
}
