/**
 * The `$sys` methods, and that nobody else may use their names.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerHealth, ServerInfo, ServerStats } from "../../src/server/introspection.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";
import { World } from "../support/world.ts";

testOverNetworks("$sys.ping answers what it is sent, and $sys.health that the server serves", async (network) => {
  const client = await network.connect(await network.start(network.server().build()));
  assert.equal(await network.run(client.session.request("$sys.ping", "are you there?")), "are you there?");
  assert.deepEqual(await network.run(client.session.request("$sys.ping", { n: [1, 2] })), { n: [1, 2] });
  assert.deepEqual(await network.run(client.session.request<ServerHealth>("$sys.health")), { status: "serving" });
});

test("$sys.health says what the program says", async () => {
  const world = new World();
  let healthy = true;
  const server = world.server().options({ health: () => Promise.resolve(healthy) }).build();
  await world.start(server);
  const client = await world.connectHere();
  assert.deepEqual(await world.run(client.session.request("$sys.health")), { status: "serving" });
  healthy = false;
  assert.deepEqual(await world.run(client.session.request("$sys.health")), { status: "notServing" });
  await world.close();
});

test("$sys.info and $sys.stats are shown to nobody unless the server says to whom", async () => {
  const world = new World();
  await world.start(world.server().build());
  const client = await world.connectHere();
  for (const method of ["$sys.info", "$sys.stats"]) {
    await assert.rejects(world.run(client.session.request(method)), {
      code: "PERMISSION_DENIED",
      message: `This server shows "${method}" to nobody, or not to you`,
    });
  }
  await world.close();
});

test("$sys.info tells the names of everything, and $sys.stats adds up the sessions", async () => {
  const world = new World();
  const server = world.server()
    .options({ introspection: (session) => session.get("role") === "operator" })
    .pushes({ said: cbor<string>() })
    .handler("login", (session, role) => {
      session.set("role", new TextDecoder().decode(role));
      return "welcome";
    })
    .listener("log", () => {})
    .stream("camera", () => {})
    .build();
  await world.start(server);
  const operator = await world.connectHere();
  const guest = await world.connectHere();
  await world.run(operator.request("login", "operator"));
  await world.run(guest.request("login", "guest"));
  await assert.rejects(world.run(guest.session.request("$sys.info")), { code: "PERMISSION_DENIED" });
  await world.clock.advance(1_000);
  const { uptimeMs, ...info } = await world.run(operator.session.request<ServerInfo>("$sys.info"));
  assert.ok(uptimeMs >= 1_000 && uptimeMs < 2_000, `${uptimeMs}`);
  assert.deepEqual(info, {
    protocol: "echostream/1",
    methods: ["login", "$sys.ping", "$sys.health", "$sys.info", "$sys.stats"],
    events: ["log"],
    pushes: ["said"],
    streams: ["camera"],
  });
  const stats = await world.run(operator.session.request<ServerStats>("$sys.stats"));
  assert.deepEqual([stats.sessions, stats.endpoint.connections], [2, 2]);
  assert.deepEqual([stats.totals.callsReceived, stats.totals.requestsSent], [5, 0]);
  await world.close();
});

test("Names that start with $ belong to the protocol", () => {
  const world = new World();
  const builder = world.server();
  const refused = { name: "TypeError", message: /"\$mine": names that start with "\$" belong to the protocol/ };
  assert.throws(() => builder.handler("$mine", () => ""), refused);
  assert.throws(() => builder.listener("$mine", () => {}), refused);
  assert.throws(() => builder.stream("$mine", () => {}), refused);
  assert.throws(() => builder.pushes({ $mine: cbor<string>() }), refused);
});
