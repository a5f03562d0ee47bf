/**
 * Our own server in the place of another implementation's, for what our client has to show against both.
 *
 * @module
 */

import { Network } from "../support/networks.ts";
import type { Peer } from "./peers.ts";
import { interopServer } from "./service.ts";

/** Ours; it has no client program, since ours is what calls. */
export const ours: Peer = {
  name: "echostream",
  run: () => Promise.reject(new TypeError("Our client runs in the process of the test")),
  async serve({ certPath: cert, keyPath: key }, host) {
    const network = new Network();
    const { port } = await network.start(interopServer(network, { host, cert, key }));
    return { port, closed: [], close: () => network.close() };
  },
};
