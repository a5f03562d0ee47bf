/**
 * Servers that shut down when the system asks their process to end.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import type { ShutdownSignal } from "../../src/server/signals.ts";
import { type ServerProcess, startServer } from "../support/server_process.ts";
import { failureOf } from "../support/session_pair.ts";
import { World } from "../support/world.ts";
import { waitUntil } from "../support/wait_until.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const text = new TextDecoder();

/** A server in a process of its own, which shuts down on {@link SIGNALS}, and a client of it. */
async function connected(): Promise<{ server: ServerProcess; client: RpcClient }> {
  const server = await startServer("tests/support/signalled_server.ts");
  const client = await RpcClient.connect(`127.0.0.1:${server.port}`, {
    log: () => {},
    reconnect: { initialDelayMs: 1 },
  });
  return { server, client };
}

for (const signal of SIGNALS) {
  test(`A process whose server runs with ${signal} answers the calls in flight when it comes, and exits with 0`, async () => {
    const { server, client } = await connected();
    try {
      const held = client.request("hold", "");
      const items = client.session.requestStream("items", null);
      assert.equal((await items.next()).value, 1);
      await waitUntil(async () => await client.session.request("running", null) === 2);
      server.signal(signal);
      await waitUntil(() => client.state === "reconnecting");
      assert.equal((await failureOf(client.session.request("running", null))).disposition, "notProcessed");
      await client.session.emit("release", "");
      assert.equal(text.decode(await held), "held");
      assert.equal((await items.next()).value, 2);
      assert.equal((await items.next()).done, true);
      assert.equal(await server.exitCode, 0, server.errors());
      assert.match(server.output(), /^\d+\ndrained\n$/);
      assert.equal(server.errors(), "");
    } finally {
      await client.close({ graceMs: 0 });
      await server.kill();
    }
  });
}

test("A second signal ends the process at once, with 128 and its number as exit code", async () => {
  for (const [first, second, code] of [["SIGTERM", "SIGTERM", 143], ["SIGTERM", "SIGINT", 130]] as const) {
    const { server, client } = await connected();
    try {
      const lost = failureOf(client.request("never", ""));
      await waitUntil(async () => await client.session.request("running", null) === 1);
      server.signal(first);
      await waitUntil(() => client.state === "reconnecting");
      server.signal(second);
      assert.equal(await server.exitCode, code, server.errors());
      await client.close({ graceMs: 0 });
      assert.equal((await lost).code, "UNAVAILABLE");
    } finally {
      await server.kill();
    }
  }
});

test("RpcServer.run listens to the signals it is given, each once, until it ends", async () => {
  const world = new World();
  const before = SIGNALS.map((signal) => process.listenerCount(signal));
  const listened = (): number[] => SIGNALS.map((signal, n) => process.listenerCount(signal) - before[n]!);
  const server = world.server().build();
  const running = server.run({ signals: [...SIGNALS, "SIGINT"] });
  await world.clock.advance(1);
  assert.deepEqual(listened(), [1, 1]);
  await world.run(server.shutdown());
  await running;
  assert.deepEqual(listened(), [0, 0]);

  const failing = world.server().onStart(() => Promise.reject(new Error("no database"))).build();
  await assert.rejects(world.run(failing.run({ signals: SIGNALS })), /no database/);
  assert.deepEqual(listened(), [0, 0]);

  const quiet = world.server().build();
  const silent = quiet.run();
  await world.clock.advance(1);
  assert.deepEqual(listened(), [0, 0]);
  await world.run(quiet.shutdown());
  await silent;
});

test("RpcServer.run refuses a signal that is none to shut down on, and a grace that is none, and starts nothing", async () => {
  const world = new World();
  const server = world.server().build();
  await assert.rejects(server.run({ signals: ["SIGKILL" as ShutdownSignal] }), {
    name: "TypeError",
    message: 'Signal "SIGKILL" is none to shut down on, which are SIGHUP, SIGINT, SIGTERM',
  });
  await assert.rejects(server.run({ graceMs: -1 }), { name: "RangeError", message: /graceMs is -1/ });
  assert.equal(server.state, "new");
});

test("RpcServer.run throws what shutdown hooks threw after a signal", async () => {
  const world = new World();
  const server = world.server().onShutdown(() => Promise.reject(new Error("still busy"))).build();
  const running = server.run({ signals: ["SIGHUP"] });
  await world.clock.advance(1);
  process.emit("SIGHUP");
  assert.equal(server.state, "draining");
  await assert.rejects(world.run(running), { name: "AggregateError", message: "1 onShutdown hook failed" });
  assert.ok(world.messages("info").includes("Shutting down on SIGHUP"));
});
