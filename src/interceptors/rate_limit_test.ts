import assert from "node:assert/strict";
import { test } from "node:test";
import type { EchoStreamError } from "../protocol/error.ts";
import { cbor } from "../rpc/schema.ts";
import { RpcServer } from "../server/server.ts";
import type { InterceptedCall } from "../session/interception.ts";
import { createMemoryPair } from "../testing.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { rateLimit } from "./rate_limit.ts";

/** What a call comes to: `"taken"`, or after how many milliseconds the next one would be. */
function attempt(limit: ReturnType<typeof rateLimit>, call: Partial<InterceptedCall>): unknown {
  try {
    return limit({ method: "m", ...call } as InterceptedCall, () => "taken");
  } catch (error) {
    const { code, disposition, metadata } = error as EchoStreamError;
    assert.deepEqual([code, disposition], ["RESOURCE_EXHAUSTED", "notProcessed"]);
    return Number(metadata?.find(([name]) => name === "retry-pushback-ms")?.[1]);
  }
}

test("rateLimit takes a burst, then so many per second, and says when the next one is welcome", async () => {
  const clock = new VirtualClock();
  const limit = rateLimit({ perSecond: 10, burst: 2, clock });
  const session = {} as InterceptedCall["session"];
  assert.deepEqual([1, 2, 3].map(() => attempt(limit, { session })), ["taken", "taken", 100]);
  await clock.advance(60);
  assert.equal(attempt(limit, { session }), 40);
  await clock.advance(40);
  assert.equal(attempt(limit, { session }), "taken");
  assert.equal(attempt(limit, { session: {} as InterceptedCall["session"] }), "taken");
});

test("Calls with the same key share a limit, and methods that are not named are free", () => {
  const limit = rateLimit({
    perSecond: 1,
    key: ({ session }) => session.id,
    methods: ["m"],
    clock: new VirtualClock(),
  });
  const session = (id: string): InterceptedCall["session"] => ({ id }) as InterceptedCall["session"];
  assert.equal(attempt(limit, { session: session("a") }), "taken");
  assert.equal(attempt(limit, { session: session("a") }), 1_000);
  assert.equal(attempt(limit, { session: session("b") }), "taken");
  assert.equal(attempt(limit, { session: session("a"), method: "n" }), "taken");
});

test("So many keys are remembered, the quietest is forgotten first", () => {
  const limit = rateLimit({ perSecond: 1, key: ({ method }) => method, maxKeys: 2, clock: new VirtualClock() });
  assert.deepEqual(["a", "b", "a", "c"].map((method) => attempt(limit, { method })), [
    "taken",
    "taken",
    1_000,
    "taken",
  ]);
  assert.deepEqual(["a", "b"].map((method) => attempt(limit, { method })), [1_000, "taken"]);
});

test("rateLimit refuses numbers that limit nothing", () => {
  for (
    const options of [{ perSecond: 0 }, { perSecond: NaN }, { perSecond: 1, burst: 0.5 }, { perSecond: 1, maxKeys: 0 }]
  ) {
    assert.throws(() => rateLimit(options), RangeError);
  }
});

test("A client that retries RESOURCE_EXHAUSTED comes back when it is welcome", async () => {
  const clock = new VirtualClock();
  const builder = RpcServer.builder()
    .use(rateLimit({ perSecond: 10, burst: 1, clock }))
    .handler("n", cbor<number>(), (_session, n) => n);
  const { client, close } = await createMemoryPair(builder, {
    clock,
    client: (client) => client.options({ retry: { retryableCodes: ["RESOURCE_EXHAUSTED"] } }),
  });
  const startedUs = clock.nowUs();
  assert.equal(await clock.run(client.request("n", 1)), 1);
  assert.equal(await clock.run(client.request("n", 2)), 2);
  assert.equal(Math.round((clock.nowUs() - startedUs) / 1000), 100);
  await close();
});
