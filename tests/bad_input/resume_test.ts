/**
 * Peers that come back to sessions which are not theirs, that are over, or in ways that are not allowed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import { encodeResumed, type Resumed } from "../../src/protocol/control_frames.ts";
import { ConnectionCode } from "../../src/protocol/error.ts";
import { encodeEvent } from "../../src/protocol/event_frame.ts";
import { FrameType } from "../../src/protocol/frame.ts";
import { encodeRequest } from "../../src/protocol/message.ts";
import { encodeSettings, Feature, type Settings } from "../../src/protocol/settings.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { RpcServer } from "../../src/server/server.ts";
import type { Session } from "../../src/session.ts";
import type { SocketAddress, StreamId } from "../../src/connection/transport.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { World } from "../support/world.ts";

/** A server that keeps sessions, a client of it, and raw peers that try to take its session. */
class Scene {
  readonly world = new World();
  readonly heard: number[] = [];
  readonly log: string[] = [];
  server!: RpcServer;
  address!: SocketAddress;
  client!: RpcClient;
  session!: Session;

  static async open(): Promise<Scene> {
    const scene = new Scene();
    const server = scene.world.server().options({ resume: true })
      .handler("echo", (_session, bytes) => bytes)
      .onConnect(() => void scene.log.push("connect"))
      .onDisconnect((_session, reason) => void scene.log.push(`disconnect ${reason.codeName}`))
      .listener("n", cbor<number>(), (_session, n) => void scene.heard.push(n))
      .build();
    scene.address = await scene.world.start(server);
    scene.server = server as unknown as RpcServer;
    scene.client = await scene.world.connect(scene.address, { random: () => 0.5 });
    await scene.world.clock.advance(10);
    [scene.session] = scene.server.sessions as unknown as [Session];
    return scene;
  }

  get token(): Uint8Array {
    return this.client.session.token!;
  }

  /** A peer that says this in its SETTINGS, and its control stream. */
  async peer(settings: Partial<Settings>): Promise<{ peer: RawPeer; control: StreamId }> {
    const peer = await RawPeer.connect(this.world, this.address);
    const writer = new Writer();
    writer.varint(StreamKind.CONTROL);
    encodeSettings(writer, { features: Feature.RESUME, ...settings });
    const control = peer.stream(writer.view(), false);
    await this.world.clock.advance(10);
    return { peer, control };
  }

  confirm(peer: RawPeer, control: StreamId, resumed: Resumed = { resumed: true, eventSequence: 0 }): void {
    const writer = new Writer();
    encodeResumed(writer, resumed);
    peer.connection.write(control, writer.view(), false);
  }

  async close(): Promise<void> {
    await this.world.close();
    await this.world.clock.advance(60_000);
    assert.equal(this.world.clock.pendingTimers, 0);
  }
}

/** What RESUMED says in what a peer has got, `undefined` when there was none. */
function answerOf(peer: RawPeer): readonly [outcome: number, sequence: number] | undefined {
  const bytes = peer.controlBytes;
  for (let at = 1; at + 2 < bytes.length;) {
    const type = bytes[at]!;
    const length = bytes[at + 1]!;
    if (type === FrameType.RESUMED) return [bytes[at + 2]!, bytes[at + 3]!];
    at += 2 + length;
  }
  return undefined;
}

test("A forged token, and one of the wrong length, begin a session of their own and say no more", async () => {
  const scene = await Scene.open();
  for (const resumeToken of [new Uint8Array(32), Uint8Array.of(1), new Uint8Array(256).fill(7)]) {
    const { peer } = await scene.peer({ resumeToken });
    assert.deepEqual(answerOf(peer), [0, 0]);
    assert.equal(peer.close, undefined);
  }
  assert.equal(scene.server.sessions.size, 4);
  assert.deepEqual(scene.log, ["connect", "connect", "connect", "connect"]);
  assert.equal(scene.session.isConnected, true);
  await scene.close();
});

test("Tokens have 32 bytes, and no two are alike", async () => {
  const scene = await Scene.open();
  const other = await scene.world.connect(scene.address);
  await scene.world.clock.advance(10);
  assert.deepEqual([scene.token.length, other.session.token!.length], [32, 32]);
  assert.notDeepEqual(scene.token, other.session.token);
  await scene.close();
});

test("Whoever comes back while the old connection lives gets the session, and the old connection is closed", async () => {
  const scene = await Scene.open();
  const { token } = scene;
  await scene.world.run(scene.client.emit("n", 1 as never));
  await scene.world.clock.advance(20);
  const { peer, control } = await scene.peer({ resumeToken: token });
  assert.deepEqual(answerOf(peer), [1, 1]);
  assert.equal((await scene.world.run(scene.client.closed)).reason, "The session goes on with another connection");
  assert.equal(scene.session.isConnected, false);
  scene.confirm(peer, control);
  await scene.world.clock.advance(10);
  assert.equal(scene.session.isConnected, true);
  const writer = new Writer();
  writer.varint(StreamKind.EVENTS);
  encodeEvent(writer, { sequence: 2, name: "n", encoding: 1, payload: Uint8Array.of(2) });
  peer.stream(writer.view(), false);
  await scene.world.clock.advance(10);
  assert.deepEqual([scene.heard, scene.log], [[1, 2], ["connect"]]);
  peer.connection.close(0, "");
  await scene.close();
});

test("A token is spent once the client has confirmed; until then it may be used again", async () => {
  const scene = await Scene.open();
  const { token } = scene;
  const first = await scene.peer({ resumeToken: token });
  assert.deepEqual(answerOf(first.peer), [1, 0]);
  const second = await scene.peer({ resumeToken: token });
  assert.deepEqual(answerOf(second.peer), [1, 0]);
  assert.equal(first.peer.close?.code, ConnectionCode.NO_ERROR);
  scene.confirm(second.peer, second.control);
  await scene.world.clock.advance(10);
  const third = await scene.peer({ resumeToken: token });
  assert.deepEqual(answerOf(third.peer), [0, 0]);
  assert.equal(scene.session.isConnected, true);
  for (const { peer } of [second, third]) peer.connection.close(0, "");
  await scene.close();
});

test("The token of a session that has ended is worth nothing", async () => {
  const scene = await Scene.open();
  const { token } = scene;
  await scene.world.run(scene.client.close());
  await scene.world.clock.advance(10);
  const { peer } = await scene.peer({ resumeToken: token });
  assert.deepEqual(answerOf(peer), [0, 0]);
  await scene.close();
});

test("An event nobody sent cannot have been seen; the session goes on", async () => {
  const scene = await Scene.open();
  await scene.world.run(scene.session.emit("n", 1));
  await scene.world.clock.advance(20);
  const { token } = scene;
  for (const resumeEventSequence of [2, 2 ** 40]) {
    const { peer } = await scene.peer({ resumeToken: token, resumeEventSequence });
    assert.equal(peer.close?.code, ConnectionCode.PROTOCOL_VIOLATION);
  }
  assert.equal(scene.session.isConnected, true);
  assert.deepEqual(await scene.world.run(scene.client.request("echo", "x")), new TextEncoder().encode("x"));
  await scene.close();
});

test("Who has forgotten events that it acknowledged cannot come back, and the session ends", async () => {
  const scene = await Scene.open();
  await scene.world.run(scene.session.emit("n", 1));
  await scene.world.clock.advance(50);
  const { peer } = await scene.peer({ resumeToken: scene.token, resumeEventSequence: 0 });
  assert.deepEqual(answerOf(peer), [0, 0]);
  assert.deepEqual(scene.log, ["connect", "disconnect NO_ERROR", "connect"].sort((a) => a === "connect" ? -1 : 1));
  await scene.close();
});

test("A client that begins something before it may is cut, and the session goes on", async () => {
  const scene = await Scene.open();
  const { peer, control } = await scene.peer({ resumeToken: scene.token });
  peer.message((writer) =>
    encodeRequest(writer, {
      callId: 0,
      method: "echo",
      timeoutMs: 0,
      traceparent: undefined,
      metadata: undefined,
      idempotent: false,
      encoding: 0,
      payload: new Uint8Array(1),
    })
  );
  await scene.world.clock.advance(10);
  scene.confirm(peer, control);
  await scene.world.clock.advance(10);
  assert.equal(peer.close?.code, ConnectionCode.PROTOCOL_VIOLATION);
  assert.deepEqual([scene.session.isConnected, scene.log], [false, ["connect"]]);
  await scene.close();
});

test("RESUMED that nobody asked for, and a confirmation that denies, are violations", async () => {
  const scene = await Scene.open();
  const unasked = await scene.peer({});
  scene.confirm(unasked.peer, unasked.control);
  const { peer, control } = await scene.peer({ resumeToken: scene.token });
  scene.confirm(peer, control, { resumed: false, eventSequence: 0 });
  await scene.world.clock.advance(10);
  for (const each of [unasked.peer, peer]) assert.equal(each.close?.code, ConnectionCode.PROTOCOL_VIOLATION);
  await scene.close();
});

test("A client that says nothing, or does not confirm, is cut after ten seconds and let in nowhere", async () => {
  const scene = await Scene.open();
  const silent = await RawPeer.connect(scene.world, scene.address);
  const { peer } = await scene.peer({ resumeToken: scene.token });
  await scene.world.clock.advance(10_100);
  for (const each of [silent, peer]) assert.equal(each.close?.code, ConnectionCode.PROTOCOL_VIOLATION);
  assert.deepEqual(scene.log, ["connect"]);
  await scene.world.clock.advance(30_000);
  assert.deepEqual(scene.log, ["connect", "disconnect NO_ERROR"]);
  await scene.close();
});
