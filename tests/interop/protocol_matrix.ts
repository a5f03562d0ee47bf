import { testPair } from "./pairs.ts";
import { aioquic, quicGo } from "./peers.ts";

/** What docs/protocol.md says, case by case; quic-go's end speaks calls and events only. */
const CALLS = [
  "unary",
  "unary-large",
  "failures",
  "metadata",
  "deadline",
  "cancel",
  "server-stream",
  "client-stream",
  "channel",
  "cancel-stream",
  "datagram",
  "goaway",
  "client-drain",
];
const ALL = [
  ...CALLS,
  "values",
  "event",
  "media-reliable",
  "media-expiring",
  "media-datagram",
  "media-parity",
  "callback",
];

for (const [peer, names] of [[aioquic, ALL], [quicGo, CALLS]] as const) {
  for (const name of names) {
    for (const role of ["peer calls", "we call"] as const) testPair(name, peer, role, (pair) => pair.run(name));
  }
}
testPair("early-cancels", aioquic, "peer calls", (pair) => pair.run("early-cancels"));
