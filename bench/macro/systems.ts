/**
 * The systems the macro bench can measure, loaded one at a time so that none pays for the others' modules.
 *
 * @module
 */
import type { Peer } from "../peers/peer.ts";

const LOADERS: Readonly<Record<string, () => Promise<Peer>>> = {
  "echostream": async () => (await import("../peers/echostream.ts")).echostream,
  "tls-floor": async () => (await import("../peers/tls_floor.ts")).tlsFloor,
  "tls-gathered": async () => (await import("../peers/tls_floor.ts")).tlsGathered,
  "node:http2": async () => (await import("../peers/http2.ts")).http2,
  "grpc-js": async () => (await import("../peers/grpc.ts")).grpcJs,
  "connect": async () => (await import("../peers/connect.ts")).connectRpc,
  "socket.io": async () => (await import("../peers/socket_io.ts")).socketIo,
  "trpc": async () => (await import("../peers/trpc.ts")).trpc,
  "capnweb": async () => (await import("../peers/capnweb.ts")).capnWeb,
  "deno-quic": async () => (await import("../peers/deno_quic.ts")).denoQuic,
  "@chainsafe/libp2p-quic": async () => (await import("../peers/libp2p_quic.ts")).libp2pQuic,
  "@matrixai/quic": async () => (await import("../peers/matrixai_quic.ts")).matrixAiQuic,
};

/** @throws {RangeError} when no system has this name. */
export async function loadSystem(name: string): Promise<Peer> {
  const load = LOADERS[name];
  if (load === undefined) throw new RangeError(`Unknown system "${name}": one of ${Object.keys(LOADERS).join(", ")}`);
  return await load();
}
