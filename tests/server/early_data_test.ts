/**
 * Calls that go with a client's first packet (0-RTT), and all that must wait for the handshake.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import type { RpcServer } from "../../src/server/server.ts";
import { ConnectionCode } from "../../src/protocol/error.ts";
import { encodeSettings, Feature } from "../../src/protocol/settings.ts";
import { encodeStreamKind, StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { Authority } from "../support/certificates.ts";
import { Network } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { openSocket, UdpProxy } from "../support/udp_proxy.ts";

const authority = new Authority("Test authority");
const certificate = authority.issue();
const EARLY = { earlyData: true };
const BYTES = Uint8Array.of(1, 2, 3);

/** Servers behind one proxy, what has run on them, and clients with tickets of theirs. */
class Scene {
  readonly network = new Network();
  readonly ran: string[] = [];
  proxy!: UdpProxy;
  ticket: Uint8Array | undefined;

  async serve(name: string, tuning: object = EARLY): Promise<{ server: RpcServer; address: SocketAddress }> {
    const note = (what: string) => (_session: unknown, bytes: Uint8Array): Uint8Array => {
      this.ran.push(`${name} ${what}`);
      return bytes;
    };
    const server = this.network.server().tls(certificate).options({ tuning })
      .handler("read", { idempotent: true }, note("read"))
      .handler("write", note("write"))
      .listener("event", (session, bytes) => void note("event")(session, bytes as Uint8Array))
      .build() as unknown as RpcServer;
    return { server, address: await this.network.start(server) };
  }

  /** Connect by way of the proxy; with the ticket of the client before, if there was one. */
  async connect(tuning: object = EARLY, options: object = {}): Promise<RpcClient> {
    const ticket = this.ticket;
    this.ticket = undefined;
    const onTicket = (next: Uint8Array): void => void (this.ticket = next);
    return await this.network.connect(this.proxy.address, {
      tuning,
      tls: { ca: authority.ca, serverName: "localhost", onTicket, ...(ticket && { ticket }) },
      ...options,
    }) as RpcClient;
  }

  /** A client has been here, and was given a ticket. */
  async visit(tuning: object = EARLY): Promise<void> {
    const client = await this.connect(tuning);
    await this.network.until(() => this.ticket !== undefined);
    await client.close();
  }
}

function sceneTest(name: string, body: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    const scene = new Scene();
    try {
      await body(scene);
    } finally {
      await scene.network.close();
      await scene.proxy.close();
    }
  });
}

sceneTest("Idempotent calls are carried out before the server can be heard, all else after", async (scene) => {
  const { server, address } = await scene.serve("one");
  scene.proxy = await UdpProxy.open(address);
  await scene.visit();
  scene.proxy.back.cut = true;
  const client = await scene.connect();
  const written = client.request("write", BYTES);
  const emitted = client.emit("event", BYTES);
  const read = client.request("read", BYTES, { idempotent: true });
  await scene.network.until(() => scene.ran.length > 0);
  assert.deepEqual(scene.ran, ["one read"]);
  assert.equal(client.session.stats.connection.earlyDataAccepted, false);
  scene.proxy.back.cut = false;
  assert.deepEqual([await read, await written, await emitted], [BYTES, BYTES, undefined]);
  await scene.network.until(() => scene.ran.length === 3);
  assert.deepEqual(scene.ran.toSorted(), ["one event", "one read", "one write"]);
  const [session] = server.sessions;
  for (const { stats } of [client.session, session!]) {
    assert.deepEqual([stats.connection.resumed, stats.connection.earlyDataAccepted], [true, true]);
  }
  assert.deepEqual(await client.request("write", BYTES), BYTES);
});

sceneTest("A server decides what may be early: others are tried again after the handshake", async (scene) => {
  const { address } = await scene.serve("one");
  scene.proxy = await UdpProxy.open(address);
  await scene.visit();
  scene.proxy.back.cut = true;
  const client = await scene.connect(EARLY, { retry: true });
  const written = client.request("write", BYTES, { idempotent: true });
  const read = client.request("read", BYTES, { idempotent: true });
  await scene.network.until(() => scene.ran.length > 0);
  scene.proxy.back.cut = false;
  assert.deepEqual([await written, await read], [BYTES, BYTES]);
  assert.deepEqual(scene.ran.toSorted(), ["one read", "one write"]);
});

sceneTest("A first flight that is sent again is not carried out again, by no server of the process", async (scene) => {
  const [one, two] = [await scene.serve("one"), await scene.serve("two")];
  scene.proxy = await UdpProxy.open(one.address, { capture: 64 });
  await scene.visit();
  // A ticket of one is good for early data at the other.
  scene.proxy.target = two.address;
  scene.proxy.captured.length = 0;
  const client = await scene.connect();
  assert.deepEqual(await client.request("read", BYTES, { idempotent: true }), BYTES);
  assert.equal(client.session.stats.connection.earlyDataAccepted, true);
  assert.deepEqual(scene.ran, ["two read"]);
  const flight = [...scene.proxy.captured];
  await client.close();
  const socket = await openSocket();
  // As long as the connection is remembered its packets begin no other.
  await scene.network.until(() => {
    for (const datagram of flight) socket.send(datagram, one.address.port, one.address.address);
    return one.server.endpointStats.handshakes > 0;
  });
  socket.close();
  assert.ok(one.server.endpointStats.earlyDataRefused > 0);
  scene.proxy.target = one.address;
  await scene.visit();
  assert.deepEqual(scene.ran, ["two read"]);
});

for (
  const [what, tuning] of [
    ["that takes none", {}],
    ["with other limits", { ...EARLY, maxBidirectionalStreams: 7 }],
  ] as const
) {
  sceneTest(`Early data for a server ${what} is sent again after the handshake`, async (scene) => {
    const [one, two] = [await scene.serve("one"), await scene.serve("two", tuning)];
    scene.proxy = await UdpProxy.open(one.address);
    await scene.visit();
    scene.proxy.target = two.address;
    const client = await scene.connect();
    const answers = [client.request("read", BYTES, { idempotent: true }), client.request("write", BYTES)];
    assert.deepEqual(await Promise.all(answers), [BYTES, BYTES]);
    assert.equal(client.session.stats.connection.earlyDataAccepted, false);
    assert.deepEqual(scene.ran.toSorted(), ["two read", "two write"]);
  });
}

const SETTINGS_THAT_RESUME = new Writer();
encodeStreamKind(SETTINGS_THAT_RESUME, StreamKind.CONTROL);
encodeSettings(SETTINGS_THAT_RESUME, { features: Feature.RESUME, resumeToken: new Uint8Array(16) });

for (
  const [what, bidirectional, bytes] of [
    ["a streaming call", true, [0x01, 0x00]],
    ["events", false, [StreamKind.EVENTS]],
    ["a media stream", false, [StreamKind.MEDIA]],
    ["its session of before", false, SETTINGS_THAT_RESUME.view()],
  ] as const
) {
  sceneTest(`A client that begins ${what} with early data is cut`, async (scene) => {
    const { address } = await scene.serve("one");
    scene.proxy = await UdpProxy.open(address);
    await scene.visit();
    scene.proxy.back.cut = true;
    const { network } = scene;
    const peer = await RawPeer.connect(network, scene.proxy.address, EARLY, {
      serverName: "localhost",
      verification: { kind: "authority", pem: authority.ca },
      ticket: scene.ticket,
      wantsTicket: true,
    });
    const stream = peer.connection.open(bidirectional, 3, 0, true);
    peer.connection.write(stream, Uint8Array.from(bytes), false);
    await network.until(() => network.messages("warn").length > 0);
    scene.proxy.back.cut = false;
    await network.until(() => peer.close !== undefined);
    assert.equal(peer.close!.code, ConnectionCode.PROTOCOL_VIOLATION);
    assert.match(peer.close!.reason, /before the handshake is done$/);
  });
}

sceneTest("Nothing is early where the client judges certificates itself", async (scene) => {
  const { address } = await scene.serve("one");
  scene.proxy = await UdpProxy.open(address);
  await scene.visit();
  const { ticket } = scene;
  const seen: string[] = [];
  const client = await scene.network.connect(scene.proxy.address, {
    tuning: EARLY,
    tls: {
      ca: authority.ca,
      serverName: "localhost",
      ticket: ticket!,
      verify: ({ fingerprintSha256 }) => seen.push(fingerprintSha256) > 0,
    },
  });
  assert.deepEqual(await client.request("read", BYTES, { idempotent: true }), BYTES);
  assert.deepEqual([client.session.stats.connection.earlyDataAccepted, seen.length], [false, 1]);
});

sceneTest("Nothing is early where only one end asks for it", async (scene) => {
  const { address } = await scene.serve("one");
  scene.proxy = await UdpProxy.open(address);
  await scene.visit();
  const client = await scene.connect({});
  assert.deepEqual(await client.request("read", BYTES, { idempotent: true }), BYTES);
  const { resumed, earlyDataAccepted } = client.session.stats.connection;
  assert.deepEqual([resumed, earlyDataAccepted], [true, false]);
});

test("earlyData is true or false", () => {
  assert.throws(
    () => new Network().server().options({ tuning: { earlyData: 1 as never } }).build(),
    { name: "TypeError", message: "earlyData is 1, expected true or false" },
  );
});
