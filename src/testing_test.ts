import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { RpcServer } from "./server/server.ts";
import { createMemoryPair, VirtualClock } from "./testing.ts";
import type { LogRecord } from "./trace.ts";

test("createMemoryPair joins a started server and a client typed by it", async () => {
  const builder = RpcServer.builder().handler("length", z.string(), (_session, text) => text.length);
  const { client, server, close } = await createMemoryPair(builder);
  assert.equal(await client.request("length", "four"), 4);
  assert.equal(server.sessions.size, 1);
  await close();
  assert.equal((await client.closed).by, "local");
});

test("createMemoryPair lets the client be extended before it connects", async () => {
  const heard: string[] = [];
  const builder = RpcServer.builder().pushes({ news: z.string() }).onConnect((session) =>
    session.emit("news", "hello")
  );
  const pair = await createMemoryPair(builder, {
    client: (builder) => builder.listener("news", (_session, text) => void heard.push(text)).set("a", 1),
  });
  assert.equal(pair.client.context.get("a"), 1);
  await pair.close();
  assert.deepEqual(heard, ["hello"]);
});

test("createMemoryPair on a virtual clock takes exactly the time of the path", async () => {
  const clock = new VirtualClock();
  const builder = RpcServer.builder().handler("echo", (_session, bytes) => bytes);
  const { client, close } = await createMemoryPair(builder, { delayMs: 20, clock, seed: 1 });
  const startUs = clock.nowUs();
  await clock.run(client.request("echo", "x"));
  assert.equal(clock.nowUs() - startUs, 40_000);
  await close();
});

test("createMemoryPair says nothing about certificates", async () => {
  const records: LogRecord[] = [];
  const builder = RpcServer.builder().options({ log: (record) => void records.push(record) });
  await using _pair = await createMemoryPair(builder);
  assert.deepEqual(records, []);
});

test("createMemoryPair shuts the server down when the client cannot connect", async () => {
  let shutDown = false;
  const builder = RpcServer.builder().onShutdown(() => shutDown = true);
  const failing = createMemoryPair(builder, {
    client: (builder) => builder.onConnect(() => Promise.reject(new Error("no"))),
  });
  await assert.rejects(failing, { message: "no" });
  assert.equal(shutDown, true);
});
