/**
 * Every limit of a call ends that call and leaves its connection alive: unary and streaming, over memory and QUIC.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RpcClient } from "../../src/client/client.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { EndpointOptions } from "../../src/session/endpoint_options.ts";
import { testOverNetworks } from "../support/networks.ts";
import { deferred, failureOf } from "../support/session_pair.ts";

interface LimitCase {
  /** Options of the server. */
  readonly server?: EndpointOptions;
  /** A call beyond the limit, as unary and as streaming call. */
  readonly calls: readonly ((client: RpcClient) => Promise<unknown>)[];
  readonly code: string;
}

const LARGE = new Uint8Array(1_048_576);
const CROWDED = { metadata: Array.from({ length: 65 }, (_, n) => [`n${n}`, ""] as const) };
const HEAVY = { metadata: { large: "x".repeat(16_385) } };

/** An item is refused before it is sent, and its call goes on: whoever sent it gives it up. */
async function sendLarge(client: RpcClient): Promise<unknown> {
  const channel = client.requestChannel("count");
  try {
    return await channel.send(LARGE);
  } finally {
    channel.cancel();
  }
}

const CASES: Readonly<Record<string, LimitCase>> = {
  "maxMessageBytes of a request": {
    calls: [(client) => client.request("echo", LARGE), sendLarge],
    code: "RESOURCE_EXHAUSTED",
  },
  "maxMessageBytes of an answer": {
    calls: [(client) => client.request("large", ""), (client) => client.requestStream("large", "").next()],
    code: "RESOURCE_EXHAUSTED",
  },
  "maxMetadataEntries": {
    calls: [
      (client) => client.request("echo", "", CROWDED),
      (client) => client.requestStream("echo", "", CROWDED).next(),
    ],
    code: "INVALID_ARGUMENT",
  },
  "maxMetadataBytes": {
    calls: [(client) => client.request("echo", "", HEAVY), (client) => client.requestStream("echo", "", HEAVY).next()],
    code: "INVALID_ARGUMENT",
  },
  "the length of a method's name": {
    calls: [
      (client) => client.request("x".repeat(129), ""),
      (client) => client.requestStream("x".repeat(129), "").next(),
    ],
    code: "INVALID_ARGUMENT",
  },
  "maxTimeoutMs": {
    server: { limits: { maxTimeoutMs: 30 } },
    calls: [(client) => client.request("never", ""), (client) => client.requestStream("never", "").next()],
    code: "DEADLINE_EXCEEDED",
  },
};

for (const [limit, { server: options = {}, calls, code }] of Object.entries(CASES)) {
  testOverNetworks(`Crossing ${limit} ends the call and leaves the connection alive`, async (network) => {
    const server = network.server().options(options)
      .handler("echo", (_session, bytes) => bytes)
      .handler("large", () => LARGE)
      .handler(
        "never",
        (_session, _bytes, call) =>
          new Promise<string>((_, reject) => call.signal.addEventListener("abort", () => reject(call.signal.reason))),
      )
      .channel("count", cbor<unknown>(), async (_session, items) => {
        let count = 0;
        for await (const _ of items) count++;
        return count;
      })
      .build();
    const client = await network.connect(await network.start(server), { reconnect: false });
    const bystander = client.requestChannel("count");
    await network.run(bystander.send(""));
    for (const call of calls) assert.equal((await network.run(failureOf(call(client)))).code, code);
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
    bystander.cancel();
    assert.equal(client.state, "connected");
  });
}

testOverNetworks(
  "Crossing maxRunningCalls refuses the calls beyond it and those that wait, and leaves the connection alive",
  async (network) => {
    const go = deferred();
    const server = network.server().options({ limits: { maxRunningCalls: 2 } })
      .handler("hold", async (_session, bytes) => (await go.promise, bytes))
      .handler("holdStream", cbor<unknown>(), async function* () {
        await go.promise;
        yield 1;
      })
      .build();
    const client = await network.connect(await network.start(server), { reconnect: false, retry: false });
    // Before a session is open none of its calls run, and fewer have room.
    await network.run(client.request("$sys.ping", ""));
    const held = Promise.allSettled(Array.from({ length: 4 }, () => client.request("hold", "")));
    // Two of them run then, and two wait.
    await network.until(() => [...server.sessions][0]?.stats.callsReceived === 5);
    const [session] = [...server.sessions];
    for (const call of [() => client.request("hold", ""), () => client.requestStream("holdStream", "").next()]) {
      const failure = await network.run(failureOf(call()));
      assert.deepEqual([failure.code, failure.disposition], ["RESOURCE_EXHAUSTED", "notProcessed"]);
    }
    go.resolve();
    const outcomes = (await network.run(held)).map(({ status }) => status);
    assert.deepEqual(outcomes, Array(4).fill("fulfilled"));
    assert.equal(session!.stats.callsRunning, 0);
    assert.equal(client.state, "connected");
  },
);
