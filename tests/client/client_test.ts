import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { RpcClient } from "../../src/client/client.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { World } from "../support/world.ts";

test("RpcClient requests: bytes for bytes, text as UTF-8, values by schema", async () => {
  const world = new World();
  const server = world.server()
    .handler("echo", (_session, bytes) => bytes)
    .handler("text", (_session, bytes) => `${bytes.length} bytes`)
    .handler("add", cbor<{ a: number; b: number }>(), (_session, { a, b }) => a + b)
    .handler("user", { input: z.object({ id: z.coerce.number() }), output: z.object({ name: z.string() }) }, (
      _session,
      { id },
    ) => Promise.resolve({ name: `user ${id.toFixed(1)}`, password: "secret" }))
    .build();
  await world.run(server.start());
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", world.options));
  assert.deepEqual(await world.run(client.request("echo", Uint8Array.of(1, 2))), Uint8Array.of(1, 2));
  assert.deepEqual(await world.run(client.request("echo", "é")), new TextEncoder().encode("é"));
  assert.deepEqual(await world.run(client.request("text", "abc")), new TextEncoder().encode("3 bytes"));
  assert.equal(await world.run(client.request("add", { a: 1, b: 2 })), 3);
  // The output schema decides what leaves: the password does not.
  assert.deepEqual(await world.run(client.request("user", { id: 7 })), { name: "user 7.0" });
  await world.run(server.shutdown());
});

test("RpcClient.emit reaches every listener of the name in order", async () => {
  const world = new World();
  const log: unknown[] = [];
  const server = world.server()
    .listener("raw", (_session, bytes) => void log.push(bytes))
    .listener("log", z.string(), (_session, text) => void log.push(text))
    .listener("log", cbor<string>(), (_session, text) => void log.push(`${text} again`))
    .build();
  await world.run(server.start());
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", world.options));
  await world.run(client.emit("raw", "hi"));
  await world.run(client.emit("log", "one"));
  await world.run(client.emit("log", "two"));
  await world.clock.advance(10);
  assert.deepEqual(log, [new TextEncoder().encode("hi"), "one", "one again", "two", "two again"]);
  await world.run(server.shutdown());
});

test("RpcClient.on takes what the server pushes until the subscription is closed", async () => {
  const world = new World();
  const server = world.server().pushes({ notification: z.string(), number: z.coerce.number() }).build();
  await world.run(server.start());
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", world.options));
  const log: unknown[] = [];
  const subscription = client.on("notification", (text) => void log.push(text));
  client.on("number", z.number().max(5), (number) => void log.push(number));
  await world.clock.advance(1);
  const [session] = server.sessions;
  await world.run(session!.emit("notification", "first"));
  await world.run(session!.emit("number", "5"));
  await world.clock.advance(10);
  subscription.close();
  subscription[Symbol.dispose]();
  await world.run(session!.emit("notification", "second"));
  await world.clock.advance(10);
  assert.deepEqual(log, ["first", 5]);
  await assert.rejects(session!.emit("notification", 5 as never), { code: "INVALID_ARGUMENT" });
  await world.run(server.shutdown());
});

test("RpcClient answers calls and takes events and streams of the server", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  const log: unknown[] = [];
  const client = await world.run(
    RpcClient.builder()
      .connect("127.0.0.1:5000")
      .options(world.options)
      .handler("double", cbor<number>(), (_session, n) => n * 2)
      .handler("echo", (_session, bytes) => bytes)
      .listener("news", (_session, payload) => void log.push(payload))
      .stream("screen", async (_session, incoming) => {
        for await (const frame of incoming) log.push(frame.payload);
      })
      .build(),
  );
  await world.clock.advance(1);
  const session = [...server.sessions][0]!;
  assert.equal(await world.run(session.request("double", 21)), 42);
  assert.deepEqual(await world.run(session.request("echo", Uint8Array.of(9))), Uint8Array.of(9));
  await world.run(session.emit("news", "extra"));
  const screen = await world.run(session.createStream("screen"));
  await world.run(screen.send(Uint8Array.of(1)));
  await world.run(screen.end());
  assert.deepEqual(log, ["extra", Uint8Array.of(1)]);
  await world.run(client.close());
  await world.run(server.shutdown());
});

test("RpcClient runs connect hooks before it serves, and they may make requests", async () => {
  const world = new World();
  const server = world.server().handler("login", (_session, bytes) => bytes).build();
  await world.run(server.start());
  const log: unknown[] = [];
  const client = await world.run(
    RpcClient.builder()
      .connect("127.0.0.1:5000")
      .options(world.options)
      .set("name", "ada")
      .onConnect(async (context, session) => {
        context.set("ticket", await session.request("login", context.get<string>("name")));
      })
      .onDisconnect((context, reason) => log.push(context.get("name"), reason.by))
      .build(),
  );
  assert.deepEqual(client.context.get("ticket"), new TextEncoder().encode("ada"));
  await world.run(client.close());
  assert.deepEqual(log, ["ada", "local"]);
  await world.run(server.shutdown());
});

test("RpcClient whose connect hook fails closes the connection and rejects with the hook's error", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  const error = new Error("no");
  const log: string[] = [];
  await assert.rejects(
    world.run(
      RpcClient.builder().connect("127.0.0.1:5000").options(world.options)
        .onConnect(() => Promise.reject(error))
        .onDisconnect((_context, reason) => void log.push(reason.by))
        .build(),
    ),
    error,
  );
  assert.deepEqual(log, ["local"]);
  await world.clock.advance(10);
  assert.equal(server.sessions.size, 0);
  await world.run(server.shutdown());
});

test("RpcClient logs what disconnect hooks throw, and runs them all", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  let runs = 0;
  const client = await world.run(
    RpcClient.builder().connect("127.0.0.1:5000").options(world.options)
      .onDisconnect(() => Promise.reject(new Error("hook")))
      .onDisconnect(() => runs++)
      .build(),
  );
  await world.run(client.close());
  assert.equal(runs, 1);
  assert.deepEqual(world.messages("error"), ["An onDisconnect hook failed"]);
  await world.run(server.shutdown());
});

test("RpcClient.close called twice, or by disposal, is one close", async () => {
  const world = new World();
  const server = world.server().build();
  await world.run(server.start());
  const client = await world.connectHere();
  await world.run(Promise.all([client.close(), client.close(), client[Symbol.asyncDispose]()]));
  assert.equal((await client.closed).by, "local");
  await world.run(server.shutdown());
});

test("RpcClient connects to the address object a server started on, IPv6 included", async () => {
  const world = new World();
  const server = world.server().bind("[::1]:0").handler("echo", (_session, bytes) => bytes).build();
  const { addresses } = await world.run(server.start());
  const client = await world.run(RpcClient.connect(addresses[1]!, world.options));
  assert.deepEqual(await world.run(client.request("echo", "x")), new TextEncoder().encode("x"));
  assert.match(client.session.peerAddr(), /^\[::1\]:\d+$/);
  await world.run(client.close());
  await world.run(server.shutdown());
});
