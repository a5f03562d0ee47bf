/**
 * Requests that a client makes again by itself.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientOptions } from "../../src/client/definition.ts";
import type { RpcClient } from "../../src/client/client.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { World } from "../support/world.ts";

/** A server whose method `flaky` fails so many times before it echoes, and what it was given each time. */
class Flaky {
  readonly payloads: unknown[] = [];
  readonly #failures: EchoStreamError[];

  constructor(...failures: EchoStreamError[]) {
    this.#failures = failures;
  }

  async connect(
    network: Network,
    options: ClientOptions = {},
  ): Promise<RpcClient<{ methods: { flaky(x: unknown): unknown } }>> {
    const server = network.server().handler("flaky", cbor<unknown>(), (_session, payload) => {
      this.payloads.push(payload);
      const failure = this.#failures.shift();
      if (failure !== undefined) throw failure;
      return payload;
    }).build();
    return await network.connect(await network.start(server), options);
  }
}

function unavailable(pushback?: string): EchoStreamError {
  return new EchoStreamError(
    "UNAVAILABLE",
    "Try again",
    pushback === undefined ? {} : { metadata: [["retry-pushback-ms", pushback]] },
  );
}

testOverNetworks("A call that is idempotent is made again, with the payload as it was", async (network) => {
  const flaky = new Flaky(unavailable(), unavailable());
  const client = await flaky.connect(network, { retry: { initialBackoffMs: 1 } });
  const payload = { list: [1, 2] };
  const answer = client.request("flaky", payload, { idempotent: true });
  payload.list.push(3);
  assert.deepEqual(await network.run(answer), { list: [1, 2] });
  assert.deepEqual(flaky.payloads, [{ list: [1, 2] }, { list: [1, 2] }, { list: [1, 2] }]);
  const bytes = Uint8Array.of(1, 2);
  const raw = client.request("flaky", bytes, { idempotent: true });
  bytes.fill(9);
  assert.deepEqual(await network.run(raw), Uint8Array.of(1, 2));
});

test("A call whose handler ran is not made again unless it is idempotent", async () => {
  const world = new World();
  const flaky = new Flaky(unavailable(), unavailable());
  const client = await flaky.connect(world, { idempotentMethods: ["flaky"] });
  await assert.rejects(world.run(client.request("flaky", 1, { idempotent: false })), {
    code: "UNAVAILABLE",
    disposition: "processed",
  });
  assert.equal(flaky.payloads.length, 1);
  assert.equal(await world.run(client.request("flaky", 2)), 2);
  assert.deepEqual(flaky.payloads, [1, 2, 2]);
  await world.close();
});

test("A server's push-back is obeyed: later, or not at all", async () => {
  const world = new World();
  const flaky = new Flaky(unavailable("3000"), unavailable("-1"));
  const client = await flaky.connect(world);
  const startedUs = world.clock.nowUs();
  await assert.rejects(world.run(client.request("flaky", 1, { idempotent: true })), { code: "UNAVAILABLE" });
  assert.equal((world.clock.nowUs() - startedUs) / 1000, 3_000);
  assert.equal(flaky.payloads.length, 2);
  await world.close();
});

test("Retry is switched off or tuned for a client or a call", async () => {
  const world = new World();
  const flaky = new Flaky(...Array.from({ length: 6 }, () => unavailable()));
  const client = await flaky.connect(world, { retry: false });
  const fails = async (options: Parameters<typeof client.request>[2], attempts: number): Promise<void> => {
    flaky.payloads.length = 0;
    await assert.rejects(world.run(client.request("flaky", 1, { idempotent: true, ...options })), {
      code: "UNAVAILABLE",
    });
    assert.equal(flaky.payloads.length, attempts);
  };
  await fails({}, 1);
  await fails({ retry: { maxAttempts: 3 } }, 3);
  await fails({ retry: false }, 1);
  await assert.rejects(client.request("flaky", 1, { retry: { maxAttempts: 0 } }), { name: "RangeError" });
  await world.close();
});

test("A deadline spans all attempts", async () => {
  const world = new World();
  const flaky = new Flaky(...Array.from({ length: 20 }, () => unavailable()));
  const client = await flaky.connect(world, { retry: { maxAttempts: 100, initialBackoffMs: 200 }, random: () => 0.9 });
  const startedUs = world.clock.nowUs();
  await assert.rejects(world.run(client.request("flaky", 1, { idempotent: true, timeoutMs: 1_000 })), {
    code: "UNAVAILABLE",
  });
  // 180 and 360 ms are waited; another 720 would reach the deadline.
  assert.equal((world.clock.nowUs() - startedUs) / 1000, 540);
  await world.close();
});

test("Closing the client ends waits for another attempt at once", async () => {
  const world = new World();
  const flaky = new Flaky(unavailable("60000"));
  const client = await flaky.connect(world);
  const failing = assert.rejects(client.request("flaky", 1, { idempotent: true }), { code: "UNAVAILABLE" });
  await world.clock.advance(10);
  await world.run(client.close());
  await failing;
  assert.ok(world.clock.nowUs() < 1_000_000, `${world.clock.nowUs()} us`);
  await world.close();
});

test("A call that is refused before it is sent is not made again", async () => {
  const world = new World();
  const client = await new Flaky().connect(world);
  await assert.rejects(client.request("flaky", () => {}), { code: "INVALID_ARGUMENT" });
  await assert.rejects(client.request("flaky", "x", { timeoutMs: -1 }), { name: "RangeError" });
  assert.equal(world.clock.nowUs(), 0);
  await world.close();
});
