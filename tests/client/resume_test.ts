/**
 * Sessions that go on when their connection breaks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import type { ClientOptions } from "../../src/client/definition.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { RpcServer } from "../../src/server/server.ts";
import type { Session } from "../../src/session.ts";
import type { ResumeOptions } from "../../src/session/resume.ts";
import { deferred } from "../support/session_pair.ts";
import { World } from "../support/world.ts";

/** A server and a client whose session goes on, and what both have seen. */
class Hall {
  readonly world = new World({ delayMs: 5 });
  readonly log: string[] = [];
  /** What the server has heard, and the client. */
  readonly atServer: number[] = [];
  readonly atClient: number[] = [];
  readonly volatileAtClient: number[] = [];
  server!: RpcServer;
  client!: RpcClient;
  /** The server's side. */
  session!: Session;

  static async open(resume: ResumeOptions | boolean = true, options: ClientOptions = {}): Promise<Hall> {
    const hall = new Hall();
    await hall.startServer(resume);
    await hall.connect(options);
    return hall;
  }

  async startServer(resume: ResumeOptions | boolean): Promise<void> {
    const server = this.world.server().options({ resume })
      .handler("echo", (_session, bytes) => bytes)
      .listener("n", cbor<number>(), (_session, n) => void this.atServer.push(n))
      .onConnect((session) => {
        this.session = session;
        this.log.push("server connect");
      })
      .onDisconnect((_session, reason) => void this.log.push(`server disconnect ${reason.codeName}`))
      .build();
    await this.world.run(server.start());
    this.server = server as unknown as RpcServer;
  }

  async connect(options: ClientOptions): Promise<void> {
    this.client = await this.world.run(
      RpcClient.builder().connect("127.0.0.1:5000").options({
        ...this.world.options,
        random: seededRandom(1),
        ...options,
      })
        .listener("n", cbor<number>(), (_session, n) => void this.atClient.push(n))
        .listener("volatile", cbor<number>(), (_session, n) => void this.volatileAtClient.push(n))
        .onConnect(() => void this.log.push("connect"))
        .onDisconnect((_context, reason) => void this.log.push(`disconnect ${reason.codeName}`))
        .onReconnect((_context, _session, { resumed }) => void this.log.push(`resumed ${resumed}`))
        .build(),
    );
    await this.world.clock.advance(50);
  }

  /** Cut the path until both ends have noticed. */
  async cut(): Promise<void> {
    this.world.network.setCut(true);
    await this.world.clock.advanceUntil(() => this.client.state === "reconnecting");
    await this.world.clock.advance(10);
  }

  /** Make the path whole, and wait until the client is back. */
  async mend(): Promise<void> {
    this.world.network.setCut(false);
    await this.world.clock.advanceUntil(() => this.client.state === "connected");
    await this.world.clock.advance(200);
  }

  async close(): Promise<void> {
    await this.world.run(this.client.close({ graceMs: 0 }));
    await this.world.clock.advance(20);
    await this.world.run(this.server.shutdown({ graceMs: 0 }));
    await this.world.clock.advance(60_000);
    assert.equal(this.world.clock.pendingTimers, 0);
    assert.deepEqual(this.world.messages("error"), []);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

test("A session without events goes on: ids, stores and hooks stay as they are", async () => {
  const hall = await Hall.open();
  const { client, session } = hall;
  const clientSession = client.session;
  const { id } = clientSession;
  session.set("name", "ada");
  clientSession.set("seat", 7);
  await hall.cut();
  assert.deepEqual([session.isConnected, clientSession.isConnected], [false, false]);
  assert.deepEqual([...hall.server.sessions], [session]);
  await hall.mend();
  assert.equal(client.session, clientSession);
  assert.deepEqual([client.session.id, client.session.get("seat")], [id, 7]);
  assert.deepEqual([...hall.server.sessions], [session]);
  assert.deepEqual([session.get("name"), session.isConnected], ["ada", true]);
  assert.deepEqual(await hall.world.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
  await hall.world.run(client.emit("n", 1 as never));
  await hall.world.run(session.emit("n", 1));
  await hall.world.clock.advance(20);
  assert.deepEqual([hall.atServer, hall.atClient], [[1], [1]]);
  assert.deepEqual(hall.log, ["connect", "server connect", "resumed true"].sort((a) => a === "connect" ? -1 : 0));
  await hall.close();
  assert.deepEqual(hall.log.slice(3).sort(), ["disconnect NO_ERROR", "server disconnect NO_ERROR"]);
});

test("Ordered events go on behind the last one seen, in both directions, volatile ones in between", async () => {
  const hall = await Hall.open();
  const { client, session, world } = hall;
  let sent = 0;
  const emitBoth = (count: number): void => {
    for (let n = 0; n < count; n++) {
      sent++;
      void client.session.emit("n", sent as never);
      void session.emit("n", sent);
      void session.emit("volatile", sent, { delivery: "datagram" });
    }
  };
  for (let round = 0; round < 4; round++) {
    emitBoth(100);
    // Some have arrived, some are on their way, some acknowledgements too.
    await world.clock.advance(round * 3);
    world.network.setCut(true);
    emitBoth(100);
    await world.clock.advanceUntil(() => client.state === "reconnecting");
    await world.clock.advanceUntil(() => !session.isConnected);
    emitBoth(100);
    await hall.mend();
    assert.deepEqual(hall.atServer, range(1, sent));
    assert.deepEqual(hall.atClient, range(1, sent));
  }
  assert.ok(hall.volatileAtClient.length > 0 && hall.volatileAtClient.length < sent);
  assert.deepEqual(hall.log.filter((line) => line.startsWith("resumed")), Array(4).fill("resumed true"));
  assert.deepEqual([session.stats.eventsUnacked, client.session.stats.eventsUnacked], [0, 0]);
  await hall.close();
});

test("Wherever the path breaks, every event arrives once and in order", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const hall = await Hall.open({ timeoutMs: 600_000 }, { random });
    const { client, session, world } = hall;
    let sent = 0;
    for (let step = 0; step < 60; step++) {
      for (let n = Math.floor(random() * 20); n > 0; n--) {
        sent++;
        void client.session.emit("n", sent as never);
        void session.emit("n", sent);
      }
      await world.clock.advance(Math.floor(random() * 12));
      if (random() < 0.1) {
        world.network.setCut(true);
        await world.clock.advance(random() < 0.5 ? random() * 1_000 : 31_000);
        world.network.setCut(false);
      }
    }
    await world.clock.advance(60_000);
    assert.deepEqual(hall.atServer, range(1, sent), `seed ${seed}`);
    assert.deepEqual(hall.atClient, range(1, sent), `seed ${seed}`);
    assert.ok(!hall.log.includes("resumed false"), `seed ${seed}`);
    await hall.close();
  }
});

test("Events that arrived are not sent again, even while their listener is busy", async () => {
  const hall = await Hall.open();
  const gate = deferred();
  const slow: number[] = [];
  hall.client.on("slow", cbor<number>(), async (n) => {
    slow.push(n);
    if (n === 1) await gate.promise;
  });
  for (const n of [1, 2, 3]) await hall.world.run(hall.session.emit("slow", n));
  await hall.world.clock.advance(20);
  await hall.cut();
  await hall.world.run(hall.session.emit("slow", 4));
  await hall.mend();
  assert.deepEqual(slow, [1]);
  gate.resolve();
  await hall.world.clock.advance(50);
  assert.deepEqual(slow, [1, 2, 3, 4]);
  assert.equal(hall.session.stats.eventsUnacked, 0);
  await hall.close();
});

test("A session nobody comes back to in time ends, and its client gets a new one", async () => {
  const hall = await Hall.open({ timeoutMs: 5_000 });
  const before = hall.client.session;
  const { session } = hall;
  await hall.cut();
  await hall.world.clock.advance(6_000);
  assert.deepEqual(hall.log, ["connect", "server connect", "server disconnect IDLE_TIMEOUT"].sort());
  assert.equal(session.signal.aborted, true);
  await assert.rejects(session.emit("n", 1), { code: "UNAVAILABLE" });
  hall.log.length = 0;
  await hall.mend();
  assert.notEqual(hall.client.session, before);
  assert.equal(before.signal.aborted, true);
  assert.deepEqual(hall.log.filter((line) => !line.startsWith("server")), [
    "disconnect IDLE_TIMEOUT",
    "connect",
    "resumed false",
  ]);
  await hall.world.run(hall.session.emit("n", 5));
  await hall.world.run(hall.client.emit("n", 6 as never));
  await hall.world.clock.advance(50);
  assert.deepEqual([hall.atClient, hall.atServer], [[5], [6]]);
  await hall.close();
});

test("A server that was restarted, or keeps no sessions, says plainly that nothing goes on", async () => {
  const hall = await Hall.open();
  for (const resume of [true, false]) {
    hall.world.network.setCut(true);
    await hall.world.clock.advanceUntil(() => !hall.client.session.isConnected && !hall.session.isConnected);
    await hall.world.run(hall.server.shutdown({ graceMs: 0 }));
    hall.log.length = 0;
    await hall.startServer(resume);
    await hall.mend();
    assert.deepEqual(hall.log.filter((line) => line.startsWith("resumed")), ["resumed false"]);
  }
  // The last server gives no token, so the session ends with its connection.
  hall.log.length = 0;
  await hall.cut();
  assert.deepEqual(hall.log.sort(), ["disconnect IDLE_TIMEOUT", "server disconnect IDLE_TIMEOUT"]);
  await hall.mend();
  assert.ok(hall.log.includes("resumed false"));
  await hall.close();
});

test("When more sessions wait for their clients than may, the one that has waited longest ends", async () => {
  const hall = await Hall.open({ maxSessions: 2 });
  const { world } = hall;
  const others = await Promise.all([1, 2].map(() => world.connectHere({ random: seededRandom(1) })));
  await world.clock.advance(50);
  const ids = (): string[] => [...hall.server.sessions].map(({ id }) => id);
  assert.equal(ids().length, 3);
  await hall.cut();
  await world.clock.advanceUntil(() => [...hall.server.sessions].every((session) => !session.isConnected));
  assert.equal(ids().length, 2);
  assert.equal(hall.log.filter((line) => line.startsWith("server disconnect")).length, 1);
  await hall.mend();
  await world.clock.advanceUntil(() => others.every(({ state }) => state === "connected"));
  assert.deepEqual(
    hall.log.filter((line) => line.startsWith("server ")).length,
    5,
    "three connected, one ended, one began anew",
  );
  await Promise.all(others.map((other) => world.run(other.close({ graceMs: 0 }))));
  await hall.close();
});

for (const [what, limits] of [["events", { maxEvents: 50 }], ["bytes", { maxBytes: 5_000 }]] as const) {
  test(`A session for which more ${what} wait than may ends, and leaves no gap`, async () => {
    const hall = await Hall.open(limits);
    const { session } = hall;
    await hall.cut();
    let accepted = 0;
    let refused = 0;
    for (let n = 1; n <= 200; n++) session.emit("n", n).then(() => accepted++, () => refused++);
    await hall.world.clock.advance(1);
    assert.ok(accepted > 40 && accepted < 80, `${accepted}`);
    assert.equal(refused, 200 - accepted);
    assert.equal(hall.log.at(-1), "server disconnect TOO_SLOW");
    await hall.mend();
    assert.deepEqual(hall.atClient, []);
    assert.ok(hall.log.includes("resumed false"));
    await hall.close();
  });
}

test("What waits for room when the connection breaks is sent, each once", async () => {
  const hall = await Hall.open();
  const bytes = new Uint8Array(3_000);
  let got = 0;
  hall.client.on("bytes", () => void got++);
  const sent: Promise<void>[] = [];
  hall.world.network.setCut(true);
  // More than the windows of a stream take.
  for (let n = 0; n < 200; n++) sent.push(hall.session.emit("bytes", bytes as never));
  await hall.world.clock.advanceUntil(() => !hall.session.isConnected && hall.client.state === "reconnecting");
  await hall.world.run(Promise.all(sent));
  await hall.mend();
  await hall.world.clock.advanceUntil(() => got === 200);
  await hall.world.clock.advance(100);
  assert.equal(got, 200);
  await hall.close();
});

test("A client closed, and a server shut down, while a session waits end at once", async () => {
  const hall = await Hall.open();
  await hall.cut();
  const atUs = hall.world.clock.nowUs();
  await hall.client.close();
  await hall.world.clock.advance(0);
  await hall.server.shutdown();
  assert.equal(hall.world.clock.nowUs(), atUs);
  assert.deepEqual(hall.log.slice(2), ["disconnect NO_ERROR", "server disconnect GOING_AWAY"]);
  hall.world.network.setCut(false);
  await hall.world.clock.advance(60_000);
  assert.equal(hall.world.clock.pendingTimers, 0);
});

test("A session that was closed in order is not kept", async () => {
  const hall = await Hall.open();
  await hall.world.run(hall.client.close());
  await hall.world.clock.advance(20);
  assert.deepEqual(hall.log.slice(-2).sort(), ["disconnect NO_ERROR", "server disconnect NO_ERROR"]);
  assert.equal(hall.server.sessions.size, 0);
  await hall.close();
});

test("A client that shall not resume is not waited for", async () => {
  const hall = await Hall.open(true, { resume: false });
  await hall.cut();
  assert.deepEqual(hall.log.slice(-2).sort(), ["disconnect IDLE_TIMEOUT", "server disconnect IDLE_TIMEOUT"]);
  await hall.mend();
  assert.ok(hall.log.includes("resumed false"));
  await hall.close();
});

test("Rooms and broadcasts reach a session that waits, when it is back", async () => {
  const hall = await Hall.open();
  hall.session.join("lobby");
  await hall.cut();
  await hall.world.run(hall.server.to("lobby").emit("n", 1 as never));
  await hall.mend();
  await hall.world.run(hall.server.to("lobby").emit("n", 2 as never));
  await hall.world.clock.advance(20);
  assert.deepEqual(hall.atClient, [1, 2]);
  await hall.close();
});

test("Resume options that make no sense are refused", () => {
  const build = (resume: ResumeOptions): unknown => new World().server().options({ resume }).build();
  assert.throws(() => build({ timeoutMs: 0 }), { name: "RangeError", message: /resume.timeoutMs is 0/ });
  assert.throws(() => build({ maxBytes: NaN }), { name: "RangeError", message: /resume.maxBytes is NaN/ });
});
