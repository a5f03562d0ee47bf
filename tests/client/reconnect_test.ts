/**
 * Clients that lose their connection and get it back.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/definition.ts";
import type { RpcServer } from "../../src/server/server.ts";
import { ConnectionCode, EchoStreamError } from "../../src/protocol/error.ts";
import { collect } from "../support/collect.ts";
import { World } from "../support/world.ts";

const EMPTY = new Uint8Array(0);
const text = new TextDecoder();

/** The memory network's idle timeout is the transport's default. */
const IDLE_MS = 30_000;

/** A server on port 5000 that echoes, and says which one it is. */
async function startServer(world: World, name = "first"): Promise<RpcServer> {
  const server = world.server()
    .handler("echo", (_session, bytes) => bytes)
    .handler("name", () => name)
    .handler("never", () => new Promise<Uint8Array>(() => {}))
    .build();
  await world.run(server.start());
  return server as unknown as RpcServer;
}

/** Cut every path until both ends have noticed, and make it whole again. */
async function breakPath(world: World, client: RpcClient): Promise<void> {
  world.network.setCut(true);
  await world.clock.advanceUntil(() => client.state === "reconnecting");
  world.network.setCut(false);
}

test("A client whose path broke connects again, and says so", async () => {
  const world = new World();
  const server = await startServer(world);
  const log: unknown[] = [];
  const client = await world.run(
    RpcClient.builder().connect("127.0.0.1:5000").options(world.options)
      .onConnect((_context, session) => void log.push("connect", session.id))
      .onDisconnect((_context, reason) => void log.push(`disconnect ${reason.codeName}`))
      .onReconnecting((_context, { attempt, error }) => void log.push(attempt, (error as EchoStreamError).code))
      .onReconnect((_context, session, { resumed }) => void log.push("reconnect", session.id, resumed))
      .build(),
  );
  const first = client.session;
  assert.equal(client.state, "connected");
  await breakPath(world, client);
  assert.equal(client.session, first);
  await world.clock.advanceUntil(() => client.state === "connected");
  const second = client.session;
  assert.notEqual(second.id, first.id);
  assert.equal(text.decode(await world.run(client.request("echo", "x"))), "x");
  assert.deepEqual(log, [
    "connect",
    first.id,
    "disconnect IDLE_TIMEOUT",
    1,
    "UNAVAILABLE",
    "connect",
    second.id,
    "reconnect",
    second.id,
    false,
  ]);
  await world.run(client.close());
  assert.equal(client.state, "closed");
  await world.run(server.shutdown());
});

test("Requests, events and streams made while there is no connection wait for it, events in order", async () => {
  const world = new World();
  const events: string[] = [];
  let frames = 0;
  const server = world.server()
    .handler("echo", (_session, bytes) => bytes)
    .listener("n", (_session, bytes) => void events.push(text.decode(bytes)))
    .stream("s", async (_session, incoming) => {
      for await (const _frame of incoming) frames++;
    })
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  await breakPath(world, client);
  const payload = Uint8Array.of(1);
  const answer = client.request("echo", payload, { timeoutMs: 20_000 });
  const sent = ["a", "b", "c"].map((letter) => client.emit("n", letter));
  const opened = client.createStream("s");
  payload.fill(9);
  assert.deepEqual(await world.run(answer), Uint8Array.of(1));
  assert.equal(client.state, "connected");
  sent.push(client.emit("n", "d"));
  await world.run(Promise.all(sent));
  const stream = await world.run(opened);
  await world.run(stream.send("x"));
  await world.run(stream.end());
  await world.run(client.close());
  assert.deepEqual(events, ["a", "b", "c", "d"]);
  assert.equal(frames, 1);
  await world.run(server.shutdown());
});

test("Streaming calls made while there is no connection wait for it, and are made once", async () => {
  const world = new World();
  let began = 0;
  const server = world.server()
    .handler("count", async function* (_session, bytes) {
      began++;
      for (const byte of bytes) yield Uint8Array.of(byte);
    })
    .channel("echo", async function* (_session, items) {
      began++;
      for await (const item of items) yield item;
    })
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  await breakPath(world, client);
  const payload = Uint8Array.of(1, 2, 3);
  const counted = collect(client.requestStream("count", payload, { timeoutMs: 20_000 }));
  payload.fill(9);
  const channel = client.requestChannel("echo");
  const sent = channel.sendAll([Uint8Array.of(4), Uint8Array.of(5)]);
  const echoed = collect(channel);
  assert.deepEqual((await world.run(counted)).map(([byte]) => byte), [1, 2, 3]);
  assert.deepEqual((await world.run(echoed)).map(([byte]) => byte), [4, 5]);
  await world.run(sent);
  assert.equal(began, 2);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("A streaming call that waits for a connection keeps its deadline and its signal, and fails at once where nothing shall wait", async () => {
  const world = new World();
  const server = world.server().handler("count", async function* () {}).build();
  await world.run(server.start());
  // The connection comes back after 250 ms, so not before the deadline of 10 ms.
  const client = await world.connectHere({ random: () => 0.5 });
  await breakPath(world, client);
  const controller = new AbortController();
  const failure = (stream: AsyncIterable<Uint8Array>): Promise<unknown> =>
    collect(stream).then(() => "answered", ({ code, disposition }) => `${code} ${disposition}`);
  const late = failure(client.requestStream("count", "", { timeoutMs: 10 }));
  const cancelled = failure(client.requestStream("count", "", { signal: controller.signal }));
  const refused = failure(client.requestStream("count", "", { whileReconnecting: "fail" }));
  const left = client.requestStream("count", "");
  controller.abort();
  await world.run(left.return!());
  assert.equal(await world.run(refused), "UNAVAILABLE notProcessed");
  assert.equal(await world.run(cancelled), "CANCELLED notProcessed");
  assert.equal(await world.run(late), "DEADLINE_EXCEEDED notProcessed");
  const ended = failure(client.requestStream("count", ""));
  await world.run(client.close());
  assert.equal(await world.run(ended), "UNAVAILABLE notProcessed");
  await world.run(server.shutdown());
});

test("Calls in flight end with their disposition when the connection dies; idempotent ones are made again", async () => {
  const world = new World();
  const log: string[] = [];
  const server = world.server().handler("slow", async (_session, bytes) => {
    log.push(text.decode(bytes));
    if (log.length <= 2) await new Promise(() => {});
    return bytes;
  }).build();
  await world.run(server.start());
  const client = await world.connectHere();
  const once = client.request("slow", "once").then(() => assert.fail(), (error) => error);
  const again = client.request("slow", "again", { idempotent: true });
  await world.clock.advance(10);
  await breakPath(world, client);
  const failure = await world.run(once);
  assert.deepEqual([failure.code, failure.disposition], ["UNAVAILABLE", "perhapsProcessed"]);
  assert.equal(text.decode(await world.run(again)), "again");
  assert.deepEqual(log, ["once", "again", "again"]);
  await world.run(client.close());
  await world.run(server.shutdown({ graceMs: 0 }));
});

test("A server that shuts down leaves its clients to the next one", async () => {
  const world = new World();
  const first = await startServer(world);
  const client = await world.connectHere();
  const running = client.request("never", EMPTY).catch((error) => error);
  await world.clock.advance(10);
  const stopping = first.shutdown({ graceMs: 1_000 });
  await world.clock.advance(10);
  assert.equal(client.state, "reconnecting");
  const waiting = client.request("name", EMPTY);
  assert.equal((await world.run(running)).disposition, "perhapsProcessed");
  await world.run(stopping);
  await world.clock.advance(3_000);
  const second = await startServer(world, "second");
  assert.equal(text.decode(await world.run(waiting)), "second");
  await world.run(client.close());
  await world.run(second.shutdown());
});

test("A session its server ends on purpose, or refuses, is not made again", async () => {
  const world = new World();
  let refuses = false;
  const server = world.server().onConnect(() => {
    if (refuses) throw new EchoStreamError("PERMISSION_DENIED", "Not you");
  }).build();
  await world.run(server.start());
  const client = await world.connectHere();
  await world.clock.advance(1);
  void [...server.sessions][0]!.close("That is all");
  assert.equal((await world.run(client.closed)).reason, "That is all");
  assert.equal(client.state, "closed");
  refuses = true;
  const refused = await world.connectHere();
  assert.equal((await world.run(refused.closed)).codeName, "REFUSED");
  await world.run(server.shutdown());
});

test("A server may send its session away to come back", async () => {
  const world = new World();
  const server = await startServer(world);
  const client = await world.connectHere();
  await world.clock.advance(1);
  const { session } = client;
  void [...server.sessions][0]!.close("Move on", { code: ConnectionCode.GOING_AWAY });
  await world.clock.advanceUntil(() => client.state === "reconnecting");
  await world.clock.advanceUntil(() => client.state === "connected");
  assert.notEqual(client.session, session);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("What waits for a connection keeps its deadline and its signal, and too many are refused", async () => {
  const world = new World();
  const server = await startServer(world);
  const client = await world.connectHere({ reconnect: { maxWaiting: 2 } });
  world.network.setCut(true);
  await world.clock.advanceUntil(() => client.state === "reconnecting");
  const controller = new AbortController();
  const outcomes = [
    client.request("echo", EMPTY, { timeoutMs: 700 }),
    client.request("echo", EMPTY, { signal: controller.signal }),
    client.emit("n", EMPTY),
    client.request("echo", EMPTY, { whileReconnecting: "fail" }),
  ].map((promise) => promise.then(() => "done", (error) => `${error.code} ${error.disposition}`));
  await world.clock.advance(700);
  controller.abort();
  assert.deepEqual(await world.run(Promise.all(outcomes)), [
    "DEADLINE_EXCEEDED notProcessed",
    "CANCELLED notProcessed",
    "RESOURCE_EXHAUSTED notProcessed",
    "UNAVAILABLE notProcessed",
  ]);
  world.network.setCut(false);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("Where nothing shall wait, what is sent without a connection fails at once", async () => {
  const world = new World();
  const server = await startServer(world);
  const client = await world.connectHere({ reconnect: { whileReconnecting: "fail" } });
  await breakPath(world, client);
  const atUs = world.clock.nowUs();
  const expected = { code: "UNAVAILABLE", disposition: "notProcessed" };
  await assert.rejects(client.request("echo", EMPTY), expected);
  await assert.rejects(client.emit("n", EMPTY), expected);
  await assert.rejects(client.createStream("s"), expected);
  assert.equal(world.clock.nowUs(), atUs);
  assert.deepEqual(await world.run(client.request("echo", EMPTY, { whileReconnecting: "wait" })), EMPTY);
  await world.run(client.close());
  await world.run(server.shutdown());
});

for (const [when, waitMs] of [["waits", 0], ["dials", 700]] as const) {
  test(`A client closed while it ${when} to reconnect ends at once and leaves nothing`, async () => {
    const world = new World();
    const server = await startServer(world);
    const reasons: string[] = [];
    const client = await world.run(
      RpcClient.builder().connect("127.0.0.1:5000").options({ ...world.options, random: () => 0.999 })
        .onDisconnect((_context, reason) => void reasons.push(reason.codeName)).build(),
    );
    world.network.setCut(true);
    await world.clock.advanceUntil(() => client.state === "reconnecting");
    const waiting = assert.rejects(client.request("echo", EMPTY), { code: "UNAVAILABLE", disposition: "notProcessed" });
    await world.clock.advance(waitMs);
    const atUs = world.clock.nowUs();
    await client.close();
    await waiting;
    assert.equal(world.clock.nowUs(), atUs);
    assert.equal((await client.closed).by, "local");
    assert.deepEqual(reasons, ["IDLE_TIMEOUT"]);
    world.network.setCut(false);
    await world.run(server.shutdown());
    await world.clock.advance(60_000);
    assert.equal(world.clock.pendingTimers, 0);
  });
}

test("A client gives up after maxAttempts in a row", async () => {
  const world = new World();
  const server = await startServer(world);
  const attempts: number[] = [];
  const client = await world.run(
    RpcClient.builder().connect("127.0.0.1:5000").options({ ...world.options, reconnect: { maxAttempts: 3 } })
      .onReconnecting((_context, { attempt }) => void attempts.push(attempt)).build(),
  );
  await world.run(server.shutdown());
  const waiting = assert.rejects(client.request("echo", EMPTY), { code: "UNAVAILABLE", disposition: "notProcessed" });
  assert.equal((await world.run(client.closed)).codeName, "GOING_AWAY");
  await waiting;
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.deepEqual(world.messages("warn").at(-1), "Gave up reconnecting to 127.0.0.1:5000");
  await assert.rejects(client.request("echo", EMPTY), { code: "UNAVAILABLE" });
});

test("A connect hook that fails on reconnect is tried again; one that succeeds is waited for", async () => {
  const world = new World();
  const server = await startServer(world);
  const log: string[] = [];
  const client = await world.run(
    RpcClient.builder().connect("127.0.0.1:5000").options(world.options)
      .onConnect(async (_context, session) => {
        log.push("connect");
        if (log.length === 2) throw new Error("hook");
        await session.request("echo", EMPTY);
        log.push("logged in");
      })
      .build(),
  );
  log.length = 1;
  await breakPath(world, client);
  await world.run(client.request("echo", EMPTY).then(() => log.push("answered")));
  assert.deepEqual(log, ["connect", "connect", "connect", "logged in", "answered"]);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("A server that falls over at once is asked less and less often", async () => {
  const world = new World();
  const atMs: number[] = [];
  const server = world.server().onConnect((session) => {
    atMs.push(world.clock.nowUs() / 1000);
    void session.close("", { graceMs: 0, code: ConnectionCode.INTERNAL_ERROR });
  }).build();
  await world.run(server.start());
  const client = await world.connectHere({ random: () => 0.999 });
  await world.clock.advance(60_000);
  const gaps = atMs.slice(1).map((ms, index) => Math.round(ms - atMs[index]!));
  assert.deepEqual(gaps.slice(0, 6), [500, 999, 1_998, 3_996, 7_992, 9_990]);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("Listeners of a client go on after a reconnect", async () => {
  const world = new World();
  const server = await startServer(world);
  const client = await world.connectHere();
  const got: unknown[] = [];
  client.on("news", (payload) => void got.push(payload));
  await breakPath(world, client);
  await world.clock.advanceUntil(() => client.state === "connected");
  await world.clock.advanceUntil(() => server.sessions.size === 1);
  await world.run([...server.sessions][0]!.emit("news", "extra"));
  await world.clock.advance(10);
  assert.deepEqual(got, ["extra"]);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("A client that shall not reconnect ends with its connection", async () => {
  const world = new World();
  const server = await startServer(world);
  const client = await world.connectHere({ reconnect: false });
  await world.run(server.shutdown());
  assert.equal((await world.run(client.closed)).codeName, "GOING_AWAY");
  assert.equal(client.state, "closed");
});

test("A dead server is found within keep-alive plus idle time", async () => {
  const world = new World();
  const tuning = { idleTimeoutMs: 3_000, keepAliveIntervalMs: 1_000 };
  const server = await startServer(world);
  const client = await world.connectHere({ tuning });
  await world.clock.advance(10_000);
  const atUs = world.clock.nowUs();
  world.network.setCut(true);
  await world.clock.advanceUntil(() => client.state === "reconnecting");
  assert.ok(world.clock.nowUs() - atUs <= 4_000_000, `${world.clock.nowUs() - atUs} us`);
  await world.run(client.close());
  world.network.setCut(false);
  await world.clock.advance(IDLE_MS);
  await world.run(server.shutdown());
});

test("Options of reconnecting that make no sense are refused by connect", async () => {
  const world = new World();
  const options: ClientOptions = { ...world.options, reconnect: { multiplier: 0 } };
  await assert.rejects(RpcClient.connect("127.0.0.1:5000", options), {
    name: "RangeError",
    message: /multiplier is 0/,
  });
});
