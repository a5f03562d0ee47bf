import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { memoryNetwork } from "../../src/connection/memory.ts";
import { RpcServer } from "../../src/server/server.ts";
import { World } from "../support/world.ts";
import { testOverNetworks } from "../support/networks.ts";

testOverNetworks(
  "A port nobody listens on fails within the timeout, naming the address and the time waited",
  async (network) => {
    const server = network.server().build();
    const address = await network.start(server);
    await network.run(server.shutdown());
    await assert.rejects(network.connect(address, { timeoutMs: 300 }), (error: Error & { code: string }) => {
      assert.equal(error.code, "UNAVAILABLE");
      assert.ok(error.message.includes(`127.0.0.1:${address.port}`), error.message);
      assert.match(error.message, /\d+ ms/);
      return true;
    });
  },
);

test("A host that never answers fails after 5 s by default, naming every address tried", async () => {
  const world = new World({
    hosts: { both: ["2001:db8::7", "203.0.113.7"] },
    silentAddresses: ["2001:db8::7", "203.0.113.7"],
  });
  const connecting = RpcClient.connect("both:5000", world.options);
  const startUs = world.clock.nowUs();
  await assert.rejects(world.run(connecting), (error: Error & { code: string }) => {
    assert.equal(error.code, "UNAVAILABLE");
    for (const part of ["both:5000", "[2001:db8::7]:5000", "203.0.113.7:5000", "5000 ms"]) {
      assert.ok(error.message.includes(part), `${part} is missing in: ${error.message}`);
    }
    return true;
  });
  assert.equal(Math.round((world.clock.nowUs() - startUs) / 1000), 5000);
});

test("A host name nobody knows fails, naming it", async () => {
  const world = new World();
  await assert.rejects(world.run(RpcClient.connect("nowhere.invalid:5000", world.options)), {
    code: "UNAVAILABLE",
    message: /nowhere\.invalid/,
  });
});

test("Connecting gives up when its signal aborts", async () => {
  const world = new World({ silentAddresses: ["203.0.113.7"] });
  const controller = new AbortController();
  const connecting = RpcClient.connect("203.0.113.7:5000", { ...world.options, signal: controller.signal });
  await world.clock.advance(10);
  controller.abort();
  await assert.rejects(connecting, { code: "CANCELLED" });
});

testOverNetworks("A port in use fails the start, naming it, and what was bound before is released", async (network) => {
  const log: string[] = [];
  const { port } = await network.start(network.server().build());
  const taken = `127.0.0.1:${port}`;
  const second = network.server().bind(taken).onStart(() => log.push("start")).onShutdown(() => log.push("shutdown"))
    .build();
  await assert.rejects(network.run(second.start()), (error: Error) => {
    assert.ok(error.message.includes(taken), error.message);
    assert.match(error.message, /in use/);
    return true;
  });
  assert.deepEqual(log, ["shutdown"]);
});

test("A host name is bound at those of its addresses that are there, with a warning for the others", async () => {
  const world = new World();
  const { transport } = memoryNetwork({ clock: world.clock, hosts: { both: ["127.0.0.1", "::1"] } });
  const first = RpcServer.builder().bind("[::1]:5000").options({ ...world.options, transport }).build();
  const second = RpcServer.builder().bind("both:5000").options({ ...world.options, transport }).build();
  await world.run(first.start());
  const { addresses } = await world.run(second.start());
  assert.deepEqual(addresses, [{ address: "127.0.0.1", port: 5000 }]);
  assert.ok(world.messages("warn").includes('One address of "both" could not be bound'));
  await world.run(second.shutdown());
  await world.run(first.shutdown());
});

test("A dead peer fails every pending call with UNAVAILABLE within keep-alive and idle time", async () => {
  const world = new World();
  const server = world.server().handler("never", () => new Promise<string>(() => {})).build();
  await world.run(server.start());
  const tuning = { idleTimeoutMs: 3_000, keepAliveIntervalMs: 1_000 };
  const client = await world.connectHere({ tuning, reconnect: false });
  const answers = [1, 2, 3].map(() =>
    assert.rejects(client.request("never", ""), { code: "UNAVAILABLE", disposition: "perhapsProcessed" })
  );
  await world.clock.advance(100);
  const startUs = world.clock.nowUs();
  world.network.setCut(true);
  await world.run(Promise.all(answers));
  assert.ok(world.clock.nowUs() - startUs <= 4_000_000);
  assert.equal((await client.closed).by, "timeout");
  await world.run(server.shutdown({ graceMs: 0 }));
});
