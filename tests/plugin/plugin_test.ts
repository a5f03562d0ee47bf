import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { RpcClient } from "../../src/client/client.ts";
import type { ClientPlugin, ServerPlugin } from "../../src/plugin/plugin.ts";
import type { ServerBuilder } from "../../src/plugin/server_builder.ts";
import type { None } from "../../src/rpc/signature.ts";
import { RpcServer } from "../../src/server/server.ts";
import { World } from "../support/world.ts";

class Lengths implements ServerPlugin {
  readonly name = "lengths";
  readonly log: string[];

  constructor(log: string[]) {
    this.log = log;
  }

  install(builder: ServerBuilder<None, None, None, None>) {
    return builder
      .set("lengths.config", "value")
      .handler("lengths.of", z.string(), (_session, text) => text.length)
      .pushes({ counted: z.number() })
      .onConnect(() => void this.log.push("plugin connect"));
  }
}

test("A server plugin adds values, handlers, pushes and hooks, in the order of installation", async () => {
  const world = new World();
  const log: string[] = [];
  const server = world.server()
    .onConnect(() => void log.push("before"))
    .plugin(new Lengths(log))
    .onConnect(async (session) => {
      log.push("after");
      await session.emit("counted", 1);
    })
    .handler("config", (session) => session.serverCtx().get<string>("lengths.config")!)
    .build();
  await world.run(server.start());
  const client = await world.run(RpcClient.connect<typeof server>("127.0.0.1:5000", world.options));
  assert.equal(await world.run(client.request("lengths.of", "four")), 4);
  assert.equal(new TextDecoder().decode(await world.run(client.request("config", ""))), "value");
  assert.deepEqual(log, ["before", "plugin connect", "after"]);
  await world.run(server.shutdown());
});

test("A server refuses a plugin of the same name twice, naming it", () => {
  const builder = RpcServer.builder().plugin(new Lengths([]));
  assert.throws(() => builder.plugin(new Lengths([])), {
    name: "TypeError",
    message: 'Plugin "lengths" is already installed',
  });
});

test("A server plugin whose names collide is told so", () => {
  const builder = RpcServer.builder().handler("lengths.of", (_session, bytes) => bytes);
  assert.throws(() => builder.plugin(new Lengths([])), {
    name: "TypeError",
    message: 'Method "lengths.of" already has a handler',
  });
});

test("A plugin may bring plugins of its own, each still once", () => {
  const base: ServerPlugin = { name: "base", install: (builder) => builder };
  const outer = (name: string): ServerPlugin => ({ name, install: (builder) => builder.plugin(base) });
  const builder = RpcServer.builder().plugin(outer("one"));
  assert.throws(() => builder.plugin(outer("two")), { message: 'Plugin "base" is already installed' });
});

test("A client plugin adds values, listeners and hooks", async () => {
  const world = new World();
  const server = world.server().onConnect((session) => session.emit("news", "hello")).build();
  await world.run(server.start());
  const log: unknown[] = [];
  const plugin: ClientPlugin = {
    name: "news",
    install: (builder) =>
      builder
        .set("news.on", true)
        .listener("news", (_session, payload) => void log.push(payload))
        .onConnect((context) => void log.push(context.get("news.on"))),
  };
  const builder = RpcClient.builder().connect("127.0.0.1:5000").options(world.options).plugin(plugin);
  assert.throws(() => builder.plugin(plugin), { message: 'Plugin "news" is already installed' });
  const client = await world.run(builder.build());
  await world.clock.advance(10);
  assert.deepEqual(log, [true, "hello"]);
  await world.run(client.close());
  await world.run(server.shutdown());
});
