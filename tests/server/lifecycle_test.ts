import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcServer } from "../../src/server/server.ts";
import { World } from "../support/world.ts";

test("RpcServer.start answers with the addresses it listens on, ports chosen included", async () => {
  const world = new World();
  const server = RpcServer.builder().bind("127.0.0.1:0").bind("[::1]:7000").bind("localhost:7001").options(
    world.options,
  )
    .build();
  const { addresses } = await world.run(server.start());
  assert.equal(addresses.length, 4);
  assert.equal(addresses[0]?.address, "127.0.0.1");
  assert.notEqual(addresses[0]?.port, 0);
  assert.deepEqual(addresses.slice(1), [
    { address: "::1", port: 7000 },
    { address: "127.0.0.1", port: 7001 },
    { address: "::1", port: 7001 },
  ]);
  await world.run(server.shutdown());
});

test("RpcServer.run serves until shutdown", async () => {
  const world = new World();
  const server = world.server().handler("echo", (_session, bytes) => bytes).build();
  const log: string[] = [];
  const running = server.run().then(() => log.push("run ended"));
  const client = await world.connectHere();
  assert.deepEqual(await world.run(client.request("echo", Uint8Array.of(7))), Uint8Array.of(7));
  assert.deepEqual(log, []);
  await world.run(server.shutdown());
  await running;
  assert.deepEqual(log, ["run ended"]);
});

test("RpcServer.shutdown closes sessions, then frees the port, then runs the shutdown hooks", async () => {
  const world = new World();
  const log: string[] = [];
  const server = world.server()
    .onDisconnect(async () => {
      await Promise.resolve();
      log.push("disconnect");
    })
    .onShutdown(async () => {
      await Promise.resolve();
      log.push("shutdown");
    })
    .build();
  await world.run(server.start());
  const client = await world.connectHere({ reconnect: false });
  await world.run(server.shutdown());
  assert.deepEqual(log, ["disconnect", "shutdown"]);
  const reason = await world.run(client.closed);
  assert.equal(reason.by, "remote");
  assert.match(reason.reason, /shutting down/);

  const next = world.server().build();
  await world.run(next.start());
  await world.run(next.shutdown());
});

test("RpcServer.shutdown called twice is one shutdown", async () => {
  const world = new World();
  let runs = 0;
  const server = world.server().onShutdown(() => runs++).build();
  await world.run(server.start());
  assert.equal(server.shutdown(), server.shutdown());
  await world.run(server.shutdown());
  assert.equal(runs, 1);
});

test("RpcServer.shutdown lets a running call finish within the grace", async () => {
  const world = new World();
  let finish = (_bytes: Uint8Array): void => {};
  const server = world.server()
    .handler("slow", () => new Promise<Uint8Array>((resolve) => finish = resolve))
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  const answer = client.request("slow", new Uint8Array(0));
  await world.clock.advance(10);
  const stopped = server.shutdown({ graceMs: 1_000 });
  await world.clock.advance(500);
  finish(Uint8Array.of(1));
  assert.deepEqual(await world.run(answer), Uint8Array.of(1));
  await world.run(stopped);
});

test("RpcServer.shutdown ends a call that outlasts the grace, and the caller learns it", async () => {
  const world = new World();
  const server = world.server().handler("never", () => new Promise<Uint8Array>(() => {})).build();
  await world.run(server.start());
  const client = await world.connectHere();
  const answer = assert.rejects(client.request("never", new Uint8Array(0)), { code: "UNAVAILABLE" });
  await world.clock.advance(10);
  await world.run(server.shutdown({ graceMs: 100 }));
  await world.run(answer);
});

test("RpcServer disposed by await using shuts down", async () => {
  const world = new World();
  let ended = false;
  const server = world.server().onShutdown(() => ended = true).build();
  await world.run(server.start());
  await world.run(server[Symbol.asyncDispose]());
  assert.equal(ended, true);
});

test("RpcServer that was never started has nothing to shut down", async () => {
  const world = new World();
  let runs = 0;
  const server = world.server().onShutdown(() => runs++).build();
  await world.run(server.shutdown());
  assert.equal(runs, 0);
  await assert.rejects(server.start(), { name: "TypeError", message: /was shut down/ });
});

test("RpcServer.start called twice is refused", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  await assert.rejects(server.start(), { name: "TypeError", message: /started already/ });
  await world.run(server.shutdown());
});

test("RpcServer.shutdown during the start waits for it and undoes it", async () => {
  const world = new World();
  const log: string[] = [];
  let goOn = (): void => {};
  const server = world.server()
    .onStart(() => new Promise<void>((resolve) => goOn = resolve))
    .onStart(() => log.push("started"))
    .onShutdown(() => log.push("shut down"))
    .build();
  const starting = server.start();
  await world.clock.advance(1);
  const stopping = server.shutdown();
  goOn();
  await world.run(starting);
  await world.run(stopping);
  assert.deepEqual(log, ["started", "shut down"]);
});

test("RpcServer.sessions lists the sessions served now", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  assert.equal(server.sessions.size, 0);
  const client = await world.connectHere();
  await world.clock.advance(1);
  assert.equal(server.sessions.size, 1);
  await world.run(client.close());
  await world.clock.advance(1);
  assert.equal(server.sessions.size, 0);
  await world.run(server.shutdown());
});

test("RpcServer without a certificate says so once, in one line", async () => {
  const world = new World();
  const server = world.server().bind("127.0.0.1:5001").build();
  await world.run(server.start());
  assert.deepEqual(world.messages("warn"), [
    "Running on a development certificate: only programs on this machine can connect; give tls({ cert, key }) to serve others",
  ]);
  await world.run(server.shutdown());
});
