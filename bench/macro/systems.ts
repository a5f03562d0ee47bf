/**
 * The systems the macro bench can measure, loaded one at a time so that none pays for the others' modules.
 *
 * @module
 */
import type { Peer } from "../peers/peer.ts";

/** Names of the systems. */
export const SYSTEMS = ["echostream", "tls-floor", "tls-gathered", "grpc-js", "socket.io"] as const;

/** @throws {RangeError} when no system has this name. */
export async function loadSystem(name: string): Promise<Peer> {
  switch (name) {
    case "echostream":
      return (await import("../peers/echostream.ts")).echostream;
    case "tls-floor":
      return (await import("../peers/tls_floor.ts")).tlsFloor;
    case "tls-gathered":
      return (await import("../peers/tls_floor.ts")).tlsGathered;
    case "grpc-js":
      return (await import("../peers/grpc.ts")).grpcJs;
    case "socket.io":
      return (await import("../peers/socket_io.ts")).socketIo;
    default:
      throw new RangeError(`Unknown system "${name}": one of ${SYSTEMS.join(", ")}`);
  }
}
