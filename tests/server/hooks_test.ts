import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { World } from "../support/world.ts";

test("RpcServer runs start hooks in order before it serves, with the values of set", async () => {
  const world = new World();
  const log: unknown[] = [];
  const server = world.server()
    .set("greeting", "hello")
    .onStart(async (context) => {
      await Promise.resolve();
      log.push(context.get("greeting"));
      context.set("db", "open");
    })
    .onStart((context) => log.push(context.get("db")))
    .handler("db", (session) => session.serverCtx().get<string>("db") ?? "none")
    .build();
  await world.run(server.start());
  assert.deepEqual(log, ["hello", "open"]);
  const client = await world.connectHere();
  const answer = await world.run(client.request("db", ""));
  assert.equal(new TextDecoder().decode(answer), "open");
  await world.run(server.shutdown());
});

test("RpcServer whose start hook fails stops: shutdown hooks run, the port is free, start rejects with the hook's error", async () => {
  const world = new World();
  const log: string[] = [];
  const error = new Error("no database");
  const server = world.server()
    .onStart(() => log.push("first"))
    .onStart(() => Promise.reject(error))
    .onStart(() => log.push("third"))
    .onShutdown(() => log.push("shutdown"))
    .build();
  await assert.rejects(world.run(server.start()), error);
  assert.deepEqual(log, ["first", "shutdown"]);
  await world.run(server.shutdown());
  assert.deepEqual(log, ["first", "shutdown"]);

  const next = world.server().build();
  await world.run(next.start());
  await world.run(next.shutdown());
});

test("RpcServer whose start hook fails logs what its shutdown hooks throw", async () => {
  const world = new World();
  const server = world.server()
    .onStart(() => Promise.reject(new Error("start")))
    .onShutdown(() => Promise.reject(new Error("shutdown")))
    .build();
  await assert.rejects(world.run(server.run()), { message: "start" });
  const record = world.records.find((record) => record.level === "error");
  assert.equal(record?.message, "An onShutdown hook failed");
  assert.equal((record?.error as Error).message, "shutdown");
});

test("RpcServer turns away clients that connected while its start failed", async () => {
  const world = new World();
  let fail = (): void => {};
  const server = world.server()
    .onStart(() => new Promise((_resolve, reject) => fail = () => reject(new Error("no"))))
    .build();
  const starting = assert.rejects(server.start(), { message: "no" });
  const client = await world.connectHere();
  const answer = assert.rejects(client.request("echo", ""), { code: "UNAVAILABLE" });
  await world.clock.advance(1);
  fail();
  await world.run(starting);
  await world.run(answer);
});

test("RpcServer runs every shutdown hook and reports all that failed", async () => {
  const world = new World();
  const log: string[] = [];
  const server = world.server()
    .onShutdown(() => Promise.reject(new Error("a")))
    .onShutdown(() => log.push("second"))
    .onShutdown(() => {
      throw new Error("b");
    })
    .build();
  await world.run(server.start());
  await assert.rejects(world.run(server.shutdown()), (error: AggregateError) => {
    assert.ok(error instanceof AggregateError);
    assert.deepEqual(error.errors.map((each: Error) => each.message), ["a", "b"]);
    return true;
  });
  assert.deepEqual(log, ["second"]);
  assert.deepEqual(world.messages("error"), ["An onShutdown hook failed", "An onShutdown hook failed"]);
});

test("RpcServer serves a session only after its connect hooks, in order", async () => {
  const world = new World();
  const log: string[] = [];
  let letIn = (): void => {};
  const server = world.server()
    .onConnect((session) => {
      log.push(`hook ${session.peerAddr().split(":")[0]}`);
      session.set("user", "ada");
      return new Promise<void>((resolve) => letIn = resolve);
    })
    .onConnect(() => log.push("second"))
    .handler("who", (session) => {
      log.push("handler");
      return session.get<string>("user")!;
    })
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  const answer = client.request("who", "");
  await world.clock.advance(100);
  assert.deepEqual(log, ["hook 127.0.0.1"]);
  letIn();
  assert.equal(new TextDecoder().decode(await world.run(answer)), "ada");
  assert.deepEqual(log, ["hook 127.0.0.1", "second", "handler"]);
  await world.run(server.shutdown());
});

test("RpcServer whose connect hook throws an EchoStreamError tells the client its reason", async () => {
  const world = new World();
  const disconnected: string[] = [];
  const server = world.server()
    .onConnect(() => {
      throw new EchoStreamError("UNAUTHENTICATED", "No ticket");
    })
    .onDisconnect((_session, reason) => disconnected.push(reason.by))
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  const reason = await world.run(client.closed);
  assert.equal(reason.by, "remote");
  assert.match(reason.reason, /No ticket/);
  await assert.rejects(client.request("echo", ""), { message: /No ticket/ });
  assert.deepEqual(disconnected, ["local"]);
  assert.deepEqual(world.messages("error"), []);
  await world.run(server.shutdown());
});

test("RpcServer whose connect hook throws anything else hides it from the client and logs it whole", async () => {
  const world = new World();
  const error = new Error("password=hunter2");
  const server = world.server().onConnect(() => Promise.reject(error)).build();
  await world.run(server.start());
  const client = await world.connectHere();
  const reason = await world.run(client.closed);
  assert.doesNotMatch(reason.reason, /hunter2/);
  assert.match(reason.reason, /failed to accept/);
  const record = world.records.find((record) => record.level === "error");
  assert.equal(record?.error, error);
  await world.run(server.shutdown());
});

test("RpcServer runs disconnect hooks for every session whose connect hooks began, with the reason", async () => {
  const world = new World();
  const log: string[] = [];
  const server = world.server()
    .onConnect((session) => void log.push(`connect ${session.id}`))
    .onDisconnect((session, reason) => void log.push(`disconnect ${session.id} ${reason.by}`))
    .onDisconnect(() => Promise.reject(new Error("hook")))
    .onDisconnect((session) => void log.push(`last ${session.id}`))
    .build();
  await world.run(server.start());
  const client = await world.connectHere();
  await world.clock.advance(1);
  const id = [...server.sessions][0]!.id;
  await world.run(client.close());
  await world.run(server.shutdown());
  assert.deepEqual(log, [`connect ${id}`, `disconnect ${id} remote`, `last ${id}`]);
  assert.deepEqual(world.messages("error"), ["An onDisconnect hook failed"]);
});

test("RpcServer.shutdown waits for disconnect hooks", async () => {
  const world = new World();
  let hookDone = (): void => {};
  const log: string[] = [];
  const server = world.server()
    .onDisconnect(() => new Promise<void>((resolve) => hookDone = resolve))
    .onShutdown(() => log.push("shutdown"))
    .build();
  await world.run(server.start());
  await world.connectHere();
  await world.clock.advance(1);
  const stopped = server.shutdown({ graceMs: 0 });
  await world.clock.advance(10_000);
  assert.deepEqual(log, []);
  hookDone();
  await world.run(stopped);
  assert.deepEqual(log, ["shutdown"]);
});
