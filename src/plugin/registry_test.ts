import assert from "node:assert/strict";
import { test } from "node:test";
import { PluginRegistry } from "./registry.ts";

test("PluginRegistry installs plugins in order", () => {
  const registry = new PluginRegistry();
  const builder: { log: string[] } = { log: [] };
  for (const name of ["a", "b"]) {
    registry.install({
      name,
      install: (builder: { log: string[] }) => {
        builder.log.push(name);
        return builder;
      },
    }, builder);
  }
  assert.deepEqual(builder.log, ["a", "b"]);
  assert.deepEqual(registry.names(), ["a", "b"]);
});

test("PluginRegistry refuses a name twice, naming it", () => {
  const registry = new PluginRegistry();
  const plugin = { name: "auth", install: (builder: object) => builder };
  registry.install(plugin, {});
  assert.throws(() => registry.install(plugin, {}), {
    name: "TypeError",
    message: 'Plugin "auth" is already installed',
  });
});

test("PluginRegistry tells a plugin that installs itself again", () => {
  const registry = new PluginRegistry();
  const plugin = {
    name: "loop",
    install: (builder: object): object => {
      registry.install(plugin, builder);
      return builder;
    },
  };
  assert.throws(() => registry.install(plugin, {}), { message: 'Plugin "loop" is already installed' });
});

test("PluginRegistry refuses what is not a plugin, and one that loses the builder", () => {
  const registry = new PluginRegistry();
  for (const other of [undefined, null, {}, { name: "x" }]) {
    assert.throws(() => registry.install(other as never, {}), {
      name: "TypeError",
      message: /name and an install method/,
    });
  }
  assert.throws(() => registry.install({ name: "", install: (b) => b }, {}), {
    name: "TypeError",
    message: /not empty/,
  });
  assert.throws(() => registry.install({ name: "lost", install: () => ({}) }, {}), {
    name: "TypeError",
    message: /Plugin "lost" must return the builder/,
  });
});
