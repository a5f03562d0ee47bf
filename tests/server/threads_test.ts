import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { RpcServer } from "../../src/server/server.ts";
import type { ServerOptions } from "../../src/server/definition.ts";
import { Authority } from "../support/certificates.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";
import { waitUntil } from "../support/wait_until.ts";

const onLinux = process.platform === "linux" ? {} : { skip: "several threads serve an address on Linux only" };
const PING = Uint8Array.of(1, 2, 3);
const NO_RETRY = { reconnect: false, timeoutMs: 1_000 } as const;

async function withServer(
  options: ServerOptions,
  body: (network: Network, server: RpcServer) => Promise<void>,
): Promise<void> {
  const network = new Network();
  try {
    const server = network.server().options(options).handler("echo", (_session, bytes) => bytes).build();
    await network.start(server);
    await body(network, server as unknown as RpcServer);
  } finally {
    await network.close();
  }
}

const addressOf = (server: RpcServer) => server.addresses[0]!;

test(
  "A server of several threads serves and counts its clients as one",
  onLinux,
  () =>
    withServer({ threads: 3 }, async (network, server) => {
      const clients = await Promise.all(Array.from({ length: 30 }, () => network.connect(addressOf(server))));
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(clients.map((client) => client.request("echo", PING)));
        for (const answer of answers) assert.deepEqual(answer, PING);
      }
      assert.equal(server.endpointStats.connections, 30);
      await waitUntil(() => server.endpointStats.handshakes === 0);
      await server.shutdown({ graceMs: 1_000 });
      assert.equal(server.state, "stopped");
    }),
);

test(
  "The threads of a server share its limits",
  onLinux,
  () =>
    withServer({ threads: 3, accept: { maxConnections: 5 } }, async (network, server) => {
      const attempts = Array.from({ length: 12 }, () => network.connect(addressOf(server), NO_RETRY));
      const outcomes = await Promise.allSettled(attempts);
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 5);
      assert.ok(server.endpointStats.refusedConnections >= 7);
      assert.equal(server.endpointStats.connections, 5);
    }),
);

test(
  "The threads of a server share the keys of its Retry tokens",
  onLinux,
  () =>
    withServer({ threads: 3, accept: { retryThreshold: 0 } }, async (network, server) => {
      await Promise.all(Array.from({ length: 20 }, () => network.connect(addressOf(server))));
      assert.equal(server.endpointStats.tokensAccepted, 20);
      assert.equal(server.endpointStats.tokensRefused, 0);
    }),
);

test("All threads of a server show its new certificate", onLinux, async () => {
  const authorities = [new Authority("Old"), new Authority("New")] as const;
  const [before, after] = authorities.map((authority) => authority.issue());
  const network = new Network();
  const server = network.server().options({ threads: 3 }).tls(before!).build();
  try {
    const address = await network.start(server);
    await network.connect(address, { tls: { ca: authorities[0].ca } });
    server.reloadCertificate(after!);
    const attempts = Array.from(
      { length: 20 },
      () => network.connect(address, { tls: { ca: authorities[1].ca }, ...NO_RETRY }),
    );
    await Promise.all(attempts);
  } finally {
    await network.close();
  }
});

test(
  "A client whose port changes stays with its thread",
  onLinux,
  () =>
    withServer({ threads: 3 }, async (network, server) => {
      const proxy = await UdpProxy.open(addressOf(server));
      const clients = await Promise.all(Array.from({ length: 10 }, () => network.connect(proxy.address)));
      const callAll = async (): Promise<void> => {
        const answers = await Promise.all(clients.map((client) => client.request("echo", PING)));
        for (const answer of answers) assert.deepEqual(answer, PING);
      };
      await callAll();
      for (let times = 0; times < 3; times++) {
        await proxy.rebind();
        await callAll();
      }
      assert.equal(server.endpointStats.connections, 10);
      await proxy.close();
    }),
);

test("A server says which numbers of threads there are", () => {
  for (const threads of [0, 65, 1.5, "2" as unknown as number]) {
    assert.throws(
      () => RpcServer.builder().bind("127.0.0.1:0").options({ threads }).build(),
      new RangeError(`threads is ${threads}, expected a whole number from 1 to 64`),
    );
  }
});
