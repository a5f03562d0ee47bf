import assert from "node:assert/strict";
import { test } from "node:test";
import { Network, testOverNetworks } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

const BYTES = 500_000;
const MOVES = 10;

testOverNetworks("A client moves its connection to another socket, and the session is the same", async (network) => {
  const server = network.server().handler("echo", (_session, bytes) => bytes).build();
  const client = await network.connect(await network.start(server), { reconnect: false });
  assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
  const [session] = server.sessions;
  await network.run(client.migrate());
  assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(2))), Uint8Array.of(2));
  assert.equal([...server.sessions][0], session);
  assert.equal(client.state, "connected");
});

test("The server is told the client's new address, ten times in a row", async () => {
  await onNetwork(async (network) => {
    const server = network.server().handler("echo", (_session, bytes) => bytes).build();
    const client = await network.connect(await network.start(server), { reconnect: false });
    await client.request("echo", Uint8Array.of(1));
    const [session] = server.sessions;
    for (let move = 1; move <= MOVES; move++) {
      const before = session!.peerAddr();
      await client.migrate();
      assert.deepEqual(await client.request("echo", Uint8Array.of(move)), Uint8Array.of(move));
      // Another one than before, though maybe one of long before: the system gives ports that are free.
      await network.until(() => session!.peerAddr() !== before);
    }
    assert.equal([...server.sessions][0], session);
  });
});

test("Calls in both directions and streams survive moves in the middle of them", async () => {
  await onNetwork(async (network) => {
    const frames: Uint8Array[] = [];
    const server = network.server()
      .handler("down", () => pattern(BYTES))
      .handler("up", (_session, bytes) => bytes.subarray(0, 1))
      .stream("frames", async (_session, incoming) => {
        for await (const { payload } of incoming) frames.push(payload);
      })
      .build();
    const faults = { rateBytesPerS: 5_000_000, delayMs: 5, mtuBytes: 1_472, drop: 0.01 };
    const proxy = await UdpProxy.open(await network.start(server), { faults });
    try {
      const client = await network.connect(proxy.address, { reconnect: false, retry: false });
      const stream = await client.createStream("frames");
      for (let move = 0; move < 5; move++) {
        const passed = proxy.counts.passedBytes;
        const calls = [client.request("down", new Uint8Array(0)), client.request("up", pattern(BYTES))] as const;
        const sent = stream.send(pattern(20_000));
        await network.until(() => proxy.counts.passedBytes > passed + BYTES / 2);
        await client.migrate();
        assert.deepEqual(await calls[0], pattern(BYTES));
        assert.deepEqual(await calls[1], pattern(1));
        await sent;
      }
      await stream.end();
      await network.until(() => frames.length === 5);
      for (const frame of frames) assert.deepEqual(frame, pattern(20_000));
    } finally {
      await proxy.close();
    }
  });
});

test("A move on which no answer comes fails, and the connection goes on where it was", async () => {
  await onNetwork(async (network) => {
    const server = network.server().handler("echo", (_session, bytes) => bytes).build();
    const proxy = await UdpProxy.open(await network.start(server));
    try {
      const client = await network.connect(proxy.address, { reconnect: false });
      await client.request("echo", Uint8Array.of(1));
      proxy.admitsStrangers = false;
      await assert.rejects(client.migrate(), { code: "UNAVAILABLE", message: /no answer came on the new path/ });
      assert.deepEqual(await client.request("echo", Uint8Array.of(2)), Uint8Array.of(2));
      proxy.admitsStrangers = true;
      await client.migrate();
      assert.deepEqual(await client.request("echo", Uint8Array.of(3)), Uint8Array.of(3));
    } finally {
      await proxy.close();
    }
  });
});

testOverNetworks("A client does not move where its server does not allow it", async (network) => {
  const server = network.server().options({ tuning: { activeMigration: false } })
    .handler("echo", (_session, bytes) => bytes)
    .build();
  const client = await network.connect(await network.start(server), { reconnect: false });
  for (const byte of [1, 2]) {
    await assert.rejects(network.run(client.migrate()), {
      code: "UNAVAILABLE",
      message: /the server does not allow it \(disable_active_migration\)/,
    });
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(byte))), Uint8Array.of(byte));
  }
});

test("A client that is closed does not move", async () => {
  await onNetwork(async (network) => {
    const server = network.server().build();
    const client = await network.connect(await network.start(server));
    await client.close();
    await assert.rejects(client.migrate(), { code: "UNAVAILABLE", message: /it is not established/ });
  });
});

async function onNetwork(body: (network: Network) => Promise<void>): Promise<void> {
  const network = new Network();
  try {
    await body(network);
  } finally {
    await network.close();
  }
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 31 & 0xff);
}
