/**
 * Broadcasts: whom they reach, what they cost, and that one session does not disturb the others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { RpcClient } from "../../src/client/client.ts";
import type { RpcClientBuilder } from "../../src/client/builder.ts";
import { cbor, type StandardSchemaV1 } from "../../src/rpc/schema.ts";
import { MemoryRooms } from "../../src/session/memory_rooms.ts";
import type { Session } from "../../src/session.ts";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";
import { World } from "../support/world.ts";

/** A server that pushes text, and as many clients as asked, each with what it has heard and its session at the server. */
async function hall(
  network: Network,
  names: readonly string[],
  configure?: (name: string, builder: RpcClientBuilder) => void,
) {
  const sessions = new Map<string, Session>();
  const server = network.server()
    .pushes({ said: cbor<string>() })
    .handler("name", (session, bytes) => {
      sessions.set(new TextDecoder().decode(bytes), session);
      return bytes;
    })
    .build();
  const address = await network.start(server);
  const heard = new Map<string, string[]>();
  for (const name of names) {
    const words: string[] = [];
    const builder = RpcClient.builder().connect(address).options(network.options)
      .listener("said", (_session, text) => void words.push(text as string));
    configure?.(name, builder);
    const client = network.adopt(await network.run(builder.build()));
    await network.run(client.request("name", name));
    heard.set(name, words);
  }
  const session = (name: string): Session => sessions.get(name)!;
  /** Who has heard `text`, and exactly once. */
  const hearers = (text: string): string[] =>
    names.filter((name) => heard.get(name)!.filter((word) => word === text).length === 1);
  return { server, address, session, heard, hearers };
}

testOverNetworks("Broadcasts reach rooms, several rooms once, and nobody excepted", async (network) => {
  const { server, session, hearers } = await hall(network, ["ada", "bob", "cyd", "dan"]);
  for (const name of ["ada", "bob", "cyd"]) session(name).join("lobby");
  for (const name of ["bob", "dan"]) session(name).join("staff");
  await network.run(server.broadcast.emit("said", "all"));
  await network.run(server.to("lobby").emit("said", "lobby"));
  await network.run(server.to("lobby", "staff").emit("said", "both"));
  await network.run(server.to("lobby").to("staff").except("staff").emit("said", "lobby not staff"));
  await network.run(server.to("lobby").except(session("ada")).emit("said", "not ada"));
  await network.run(server.broadcast.except("lobby", session("dan")).emit("said", "nobody"));
  await network.run(server.to("empty").emit("said", "empty"));
  await network.run(session("ada").broadcast.emit("said", "others"));
  await network.run(session("ada").to("lobby").emit("said", "from ada"));
  await network.run(server.broadcast.emit("said", "end"));
  await network.until(() => hearers("end").length === 4);
  assert.deepEqual(hearers("all"), ["ada", "bob", "cyd", "dan"]);
  assert.deepEqual(hearers("lobby"), ["ada", "bob", "cyd"]);
  assert.deepEqual(hearers("both"), ["ada", "bob", "cyd", "dan"]);
  assert.deepEqual(hearers("lobby not staff"), ["ada", "cyd"]);
  assert.deepEqual(hearers("not ada"), ["bob", "cyd"]);
  assert.deepEqual(hearers("nobody"), []);
  assert.deepEqual(hearers("empty"), []);
  assert.deepEqual(hearers("others"), ["bob", "cyd", "dan"]);
  assert.deepEqual(hearers("from ada"), ["bob", "cyd"]);
});

testOverNetworks("A broadcast may travel as datagrams", async (network) => {
  const { server, hearers } = await hall(network, ["ada", "bob"]);
  await network.run(server.broadcast.emit("said", "volatile", { delivery: "datagram" }));
  await network.until(() => hearers("volatile").length === 2);
  const [session] = server.sessions;
  assert.deepEqual([session!.stats.eventsSent, session!.stats.volatileEventsSent], [0, 1]);
});

test("Session.join, leave and rooms: in once, out by hand, and out when the session ends", async () => {
  const world = new World();
  const rooms = new MemoryRooms();
  const server = world.server().options({ rooms }).build();
  await world.run(server.start());
  const client = await world.connectHere();
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  const [session] = server.sessions;
  session!.join("a");
  session!.join("a");
  session!.join("b");
  session!.join("c");
  session!.leave("b");
  session!.leave("never joined");
  assert.deepEqual([...session!.rooms], ["a", "c"]);
  await world.run(client.close());
  await world.clock.advanceUntil(() => server.sessions.size === 0);
  assert.deepEqual([...rooms.select({ rooms: ["a", "b", "c"], exceptRooms: [], exceptSessions: [] })], []);
  session!.join("too late");
  assert.equal(session!.rooms.size, 0);
  await world.run(server.shutdown());
});

test("Rooms are the server's: a client's session has none, and a room has a name", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  const client = await world.connectHere();
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  const [session] = server.sessions;
  for (const call of [() => client.session.join("a"), () => client.session.leave("a"), () => client.session.to("a")]) {
    assert.throws(call, { name: "TypeError", message: /A client's session has no rooms/ });
  }
  assert.throws(() => session!.join(""), { name: "TypeError", message: 'Room "" is no text, or empty' });
  assert.throws(() => server.to(5 as never), { name: "TypeError" });
  assert.throws(() => server.broadcast.except(""), { name: "TypeError" });
  await world.run(server.shutdown());
});

test("A broadcast reaches a session once its connect hooks have let it in, not before", async () => {
  const world = new World();
  let letIn = (): void => {};
  const server = world.server()
    .pushes({ said: cbor<string>() })
    .onConnect((session) => {
      session.join("lobby");
      return new Promise<void>((resolve) => letIn = resolve);
    })
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  const heard: unknown[] = [];
  client.on("said", (text) => void heard.push(text));
  await world.clock.advance(10);
  await world.run(server.to("lobby").emit("said", "secret"));
  const answers = server.to("lobby").emitWithAck("anything", "");
  assert.equal((await world.run(answers.next())).done, true);
  letIn();
  await world.clock.advance(10);
  await world.run(server.to("lobby").emit("said", "welcome"));
  await world.clock.advance(10);
  assert.deepEqual(heard, ["welcome"]);
  await world.run(server.shutdown());
});

test("A broadcast is validated and encoded once, however many sessions there are", async () => {
  const world = new World();
  let validated = 0;
  let encoded = 0;
  const counting: StandardSchemaV1<unknown> = {
    "~standard": { version: 1, vendor: "test", validate: (value) => (validated++, { value }) },
  };
  const server = world.server().pushes({ counted: counting }).build();
  await world.run(server.start());
  const heard: unknown[] = [];
  for (let n = 0; n < 20; n++) {
    const client = await world.connectHere();
    client.on("counted", (value) => void heard.push(value));
  }
  await world.clock.advanceUntil(() => server.sessions.size === 20);
  const payload = {
    get read() {
      return ++encoded;
    },
  };
  await world.run(server.broadcast.emit("counted", payload));
  await world.clock.advanceUntil(() => heard.length === 20);
  assert.equal(validated, 1);
  assert.ok(encoded <= 2, "read to be checked and to be encoded");
  assert.deepEqual(new Set(heard.map((value) => (value as { read: number }).read)).size, 1);
  await world.run(server.shutdown());
});

test("Changing bytes after a broadcast changes nothing for those that get it later", async () => {
  const world = new World();
  const server = world.server().options({ limits: { maxUnackedEvents: 1 } }).build();
  await world.run(server.start());
  const client = await world.connectHere();
  const heard: Uint8Array[] = [];
  client.on("bytes", (bytes) => void heard.push(bytes as Uint8Array));
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  const bytes = Uint8Array.of(1, 2, 3);
  for (let n = 0; n < 3; n++) await world.run(server.broadcast.emit("bytes", bytes));
  bytes.fill(9);
  await world.clock.advanceUntil(() => heard.length === 3);
  for (const got of heard) assert.deepEqual(got, Uint8Array.of(1, 2, 3));
  await world.run(server.shutdown());
});

test("What is wrong with a broadcast is told to whoever sends it, and nothing leaves", async () => {
  const world = new World();
  const server = world.server().pushes({ age: z.number().min(0) }).build();
  await world.run(server.start());
  const client = await world.connectHere();
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  await assert.rejects(server.broadcast.emit("age", -1), { code: "INVALID_ARGUMENT", message: /Event "age"/ });
  await assert.rejects(server.broadcast.emit("" as never, 1 as never), { name: "TypeError" });
  await assert.rejects(server.broadcast.emit("x" as never, (() => {}) as never), { code: "INVALID_ARGUMENT" });
  await assert.rejects(server.broadcast.emit("x" as never, new Uint8Array(1_048_577) as never), {
    code: "RESOURCE_EXHAUSTED",
  });
  assert.throws(() => server.broadcast.emitWithAck("", 1), { name: "TypeError" });
  assert.throws(() => server.broadcast.emitWithAck("x", () => {}), { code: "INVALID_ARGUMENT" });
  await world.clock.advance(10);
  assert.equal(client.session.stats.eventsReceived, 0);
  await world.run(server.shutdown());
});

testOverNetworks("Broadcast with acknowledgements: each session's answer, or why it failed", async (network) => {
  const { server, session } = await hall(network, ["ada", "bob", "cyd", "dan"], (name, builder) => {
    if (name !== "dan") {
      builder.handler("ready", cbor<number>(), (_session, round) => {
        if (name === "bob") throw new Error("not ready");
        return name === "cyd" ? new Promise(() => {}) : `${name} is ready for ${round}`;
      });
    }
  });
  const outcomes = new Map<string, unknown>();
  await network.run((async () => {
    for await (
      const { sessionId, session, answer, error } of server.broadcast.emitWithAck("ready", 3, { timeoutMs: 50 })
    ) {
      assert.equal(session?.id, sessionId);
      outcomes.set(sessionId, error === undefined ? answer : (error as { code: string }).code);
    }
  })());
  assert.deepEqual(["ada", "bob", "cyd", "dan"].map((name) => outcomes.get(session(name).id)), [
    "ada is ready for 3",
    "INTERNAL",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
  ]);
});

test("Leaving the loop over acknowledgements cancels the handlers that still run", async () => {
  const world = new World();
  const cancelled: string[] = [];
  const { server } = await hall(world, ["quick", "slow", "slower"], (name, builder) => {
    builder.handler("ready", cbor<null>(), (_session, _payload, call) => {
      if (name === "quick") return name;
      return new Promise((_resolve, reject) =>
        call.signal.addEventListener("abort", () => {
          cancelled.push(name);
          reject(call.signal.reason);
        })
      );
    });
  });
  await world.run((async () => {
    for await (const { answer } of server.broadcast.emitWithAck("ready", null)) {
      assert.equal(answer, "quick");
      break;
    }
  })());
  await world.clock.advance(10);
  assert.deepEqual(cancelled.sort(), ["slow", "slower"]);
  await world.close();
});

test("Acknowledgements nobody waits for leave nothing behind, and are sent nevertheless", async () => {
  const world = new World();
  let asked = 0;
  const { server } = await hall(world, ["ada"], (_name, builder) => {
    builder.handler("ready", cbor<null>(), () => (asked++, Promise.reject(new Error("no"))));
  });
  void server.broadcast.emitWithAck("ready", null);
  await world.clock.advance(10);
  assert.equal(asked, 1);
  await world.close();
});

testOverNetworks(
  "Broadcast with one dead session: the others hear everything, and only its failure is told",
  async (network) => {
    const { server, address, session, heard } = await hall(network, ["ada", "cyd"], (_name, builder) => {
      builder.handler("ready", cbor<null>(), () => "yes");
    });
    // Its connection is there, and it neither reads nor answers.
    const dead = await RawPeer.connect(network, address);
    dead.reads = false;
    await network.until(() => server.sessions.size === 3);
    for (let n = 0; n < 1_000; n++) await network.run(server.broadcast.emit("said", `word ${n}`));
    await network.until(() => [...heard.values()].every((words) => words.length === 1_000));
    const failed: unknown[] = [];
    const answered: string[] = [];
    await network.run((async () => {
      for await (const { sessionId, error } of server.broadcast.emitWithAck("ready", null, { timeoutMs: 200 })) {
        if (error === undefined) answered.push(sessionId);
        else failed.push((error as EchoStreamError).code);
      }
    })());
    assert.deepEqual(failed, ["DEADLINE_EXCEEDED"]);
    assert.deepEqual(answered.sort(), [session("ada").id, session("cyd").id].sort());
  },
);

test("A session that takes no broadcasts is closed as too slow, with bounded memory, and the others go on", async () => {
  const world = new World();
  const server = world.server().options({ limits: { maxWaitingEventBytes: 100_000 } }).build();
  const address = await world.start(server);
  const client = await world.connectHere();
  let heard = 0;
  client.on("bytes", () => void heard++);
  const dead = await RawPeer.connect(world, address);
  dead.reads = false;
  await world.clock.advanceUntil(() => server.sessions.size === 2);
  const [, slow] = server.sessions;
  // All are the same bytes, so that the others never wait for room.
  const bytes = new Uint8Array(10_000);
  let sent = 0;
  while (server.sessions.size === 2 && sent < 10_000) {
    await world.run(server.broadcast.emit("bytes", bytes));
    sent++;
    await world.clock.advance(1);
  }
  const { codeName, reason } = await world.run(slow!.closed);
  assert.deepEqual([codeName, reason], ["TOO_SLOW", "Too many broadcasts wait to be read"]);
  // What the window of a stream takes at most, what is queued in front of it (one begins below that limit), what may wait, and the one
  // that was too much.
  const mostBytes = 4 * 1024 * 1024 + 256 * 1024 + 100_000 + 2 * bytes.length;
  assert.ok(sent * bytes.length <= mostBytes, `${sent} broadcasts were sent`);
  await world.clock.advanceUntil(() => heard === sent);
  await world.close();
});
