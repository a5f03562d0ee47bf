import assert from "node:assert/strict";
import { transportOptions } from "../../src/connection/options.ts";
import type { ConnectionSink, Transport, TransportClose, TransportConnection } from "../../src/connection/transport.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import { ConnectionCode } from "../../src/protocol/error.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";

/** Streams of one connection, each written whole, that break docs/protocol.md. */
const MALFORMED: Record<string, readonly (readonly number[])[]> = {
  "a message that reaches past the end of its stream": [[StreamKind.MESSAGES, 5, 1]],
  "an empty message": [[StreamKind.MESSAGES, 0]],
  "a request cut short": [[StreamKind.MESSAGES, 2, 0x01, 0x00]],
  "a control stream that does not start with SETTINGS": [[StreamKind.CONTROL, 0x13, 0x01, 0x00]],
  "a control stream that ends": [[StreamKind.CONTROL, 0x10, 0x00]],
  "a second event stream": [[StreamKind.EVENTS], [StreamKind.EVENTS]],
  "a media frame on the event stream": [[StreamKind.EVENTS, 0x30, 0x00]],
  "a media header that is cut short": [[StreamKind.MEDIA, 0x03, 0x01]],
  "a stream of nothing but 0xff": [new Array(64).fill(0xff), [StreamKind.MESSAGES, ...new Array(64).fill(0xff)]],
};

for (const [what, streams] of Object.entries(MALFORMED)) {
  testOverNetworks(`A peer that sends ${what} is cut with PROTOCOL_VIOLATION, others don't notice`, async (network) => {
    const server = network.server().handler("echo", (_session, bytes) => bytes).build();
    const address = await network.start(server);
    const client = await network.connect(address);
    const rogue = await dialRaw(network, address);
    for (const bytes of streams) {
      const stream = rogue.connection.open(false);
      rogue.connection.write(stream, Uint8Array.from(bytes), bytes.length > 1);
    }
    const close = await network.run(rogue.closed);
    assert.equal(close.by, "remote");
    assert.equal(close.application, true);
    assert.equal(close.code, ConnectionCode.PROTOCOL_VIOLATION);
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
  });
}

interface Rogue {
  readonly connection: TransportConnection;
  readonly closed: Promise<TransportClose>;
}

/** A connection without any of our protocol on it. */
async function dialRaw(network: Network, address: SocketAddress): Promise<Rogue> {
  const transport: Transport = await network.transport();
  const ignore = (): void => {};
  let established!: () => void;
  let ended!: (close: TransportClose) => void;
  const closed = new Promise<TransportClose>((resolve) => ended = resolve);
  const handshake = new Promise<void>((resolve) => established = resolve);
  const sink: ConnectionSink = {
    onEstablished: established,
    onOpened: ignore,
    onData: ignore,
    onReset: ignore,
    onStopped: ignore,
    onExpired: ignore,
    onDelivered: ignore,
    onWritten: ignore,
    onMessagesSent: ignore,
    onDatagram: ignore,
    onDatagramSent: ignore,
    onClosed: ended,
  };
  const options = transportOptions({}, StreamKind.MESSAGES);
  const dial = { ...options, address, serverName: "127.0.0.1", verification: { kind: "development" } as const };
  const connection = transport.dial(dial, sink);
  await network.run(Promise.race([handshake, closed]));
  return { connection, closed };
}
