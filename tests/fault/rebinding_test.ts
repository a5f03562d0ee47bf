import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import type { Faults } from "../support/impairment.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

/** Where the server sees the client in turn. Linux has all of 127.0.0.0/8, other systems have one address of it. */
const HOSTS = process.platform === "linux" ? ["127.0.0.2", "127.0.0.3", "127.0.0.1"] : ["127.0.0.1"];
/** So slow that something can happen meanwhile. */
const SLOW: Faults = { rateBytesPerS: 5_000_000, delayMs: 5, mtuBytes: 1_472 };
const BYTES = 500_000;
const CHANGES = 10;

for (const [suffix, faults] of [["", SLOW], [", with loss", { ...SLOW, drop: 0.02 }]] as const) {
  for (const direction of ["down", "up"] as const) {
    test(`A call ${direction} survives that the client's address changes, ten times${suffix}`, async () => {
      await between(faults, async ({ proxy, client, network }) => {
        const line = direction === "up" ? proxy.there : proxy.back;
        for (let change = 0; change < CHANGES; change++) {
          const request = client.request(direction, direction === "up" ? pattern(BYTES) : NOTHING);
          const passed = line.counts.passedBytes;
          await network.until(() => line.counts.passedBytes > passed + BYTES / 4);
          await proxy.rebind(HOSTS[change % HOSTS.length]);
          assert.deepEqual(await request, pattern(direction === "up" ? 1 : BYTES), `change ${change}`);
        }
      });
    });
  }
}

test("One call survives ten changes of the client's address", async () => {
  await between(SLOW, async ({ proxy, client, network }) => {
    const stream = client.requestStream("much", NOTHING);
    const received = (async () => {
      let count = 0;
      for await (const item of stream) {
        assert.deepEqual(item, pattern(BYTES / 10));
        count++;
      }
      return count;
    })();
    for (let change = 1; change <= CHANGES; change++) {
      await network.until(() => proxy.back.counts.passedBytes > change * BYTES / 2);
      await proxy.rebind(HOSTS[change % HOSTS.length]);
    }
    assert.equal(await received, 80);
  });
});

test("Everything in progress goes on when the client's address changes", async () => {
  await between({ ...SLOW, drop: 0.01 }, async ({ proxy, client, network, events, frames }) => {
    const calls = Array.from({ length: 400 }, async (_, n) => {
      assert.deepEqual(await client.request("up", pattern(n % 50 === 0 ? 50_000 : 100)), pattern(1));
    });
    const emitted = (async () => {
      for (let n = 0; n < 400; n++) await client.emit("count", Uint8Array.of(n & 0xff));
    })();
    const stream = await client.createStream("frames");
    for (let n = 0; n < 100; n++) {
      if (n % 25 === 24) await proxy.rebind(HOSTS[n % HOSTS.length]);
      await stream.send(pattern(10_000));
    }
    await stream.end();
    await Promise.all([...calls, emitted]);
    await network.until(() => events.length === 400 && frames.length === 100);
    assert.deepEqual(events, Array.from({ length: 400 }, (_, n) => n & 0xff));
    for (const frame of frames) assert.equal(frame, 10_000);
  });
});

test("A connection that was silent goes on when the client's address has changed meanwhile", async () => {
  await between({}, async ({ proxy, client }) => {
    for (let change = 0; change < CHANGES; change++) {
      await proxy.rebind(HOSTS[change % HOSTS.length]);
      assert.deepEqual(await client.request("up", pattern(1)), pattern(1));
    }
  });
});

interface Between {
  readonly network: Network;
  readonly proxy: UdpProxy;
  readonly client: RpcClient;
  /** Events the server got, in order. */
  readonly events: number[];
  /** Lengths of the frames it got. */
  readonly frames: number[];
}

/** A client and a server with a proxy in between; neither may notice what it does. */
async function between(faults: Faults, body: (between: Between) => Promise<void>): Promise<void> {
  const network = new Network();
  const events: number[] = [];
  const frames: number[] = [];
  let connects = 0;
  const server = network.server()
    .handler("down", () => pattern(BYTES))
    .handler("much", async function* () {
      for (let n = 0; n < 80; n++) yield pattern(BYTES / 10);
    })
    .handler("up", (_session, bytes) => bytes.subarray(0, 1))
    .onConnect(() => void connects++)
    .listener("count", (_session, bytes) => void events.push(bytes[0]!))
    .stream("frames", async (_session, incoming) => {
      for await (const { payload } of incoming) frames.push(payload.length);
    })
    .build();
  const proxy = await UdpProxy.open(await network.start(server), { faults });
  try {
    // A server that sends to an address that is dead learns of the new one from what the client sends: a keep-alive at the latest.
    const tuning = { keepAliveIntervalMs: 500 };
    const client = await network.connect(proxy.address, { reconnect: false, retry: false, tuning });
    await body({ network, proxy, client, events, frames });
    assert.equal(client.state, "connected");
    assert.equal(connects, 1);
  } finally {
    await network.close();
    await proxy.close();
  }
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 31 & 0xff);
}

const NOTHING = new Uint8Array(0);
