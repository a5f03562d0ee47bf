import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { cbor } from "../rpc/schema.ts";
import { RpcServer } from "../server/server.ts";
import type { Session } from "../session.ts";
import { createMemoryPair } from "../testing.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { retry, type RetryInterceptorOptions } from "./retry.ts";

/** A server whose calls to its client's method "flaky" fail so often; what the attempts came to. */
async function calling(
  options: RetryInterceptorOptions,
  failures: number,
  body: (session: Session, clock: VirtualClock) => Promise<unknown>,
): Promise<{ readonly result: unknown; readonly attempts: number }> {
  const clock = new VirtualClock();
  let attempts = 0;
  let session!: Session;
  const builder = RpcServer.builder()
    .onConnect((connected) => void (session = connected))
    .use(retry({ clock, random: () => 0.5, ...options }), { calls: "outgoing" });
  const { close } = await createMemoryPair(builder, {
    clock,
    client: (client) =>
      client.handler("flaky", cbor(), () => {
        if (attempts++ < failures) throw new EchoStreamError(ErrorCode.UNAVAILABLE, "Not now");
        return "done";
      }),
  });
  const result = await clock.run(body(session, clock).catch((error) => error));
  await close();
  return { result, attempts };
}

test("A server's calls to its client are made again while they are idempotent", async () => {
  const idempotent = await calling({}, 2, (session) => session.request("flaky", 1, { idempotent: true }));
  assert.deepEqual(idempotent, { result: "done", attempts: 3 });
  const byName = await calling({ idempotentMethods: ["flaky"] }, 2, (session) => session.request("flaky", 1));
  assert.deepEqual(byName, { result: "done", attempts: 3 });
  const processed = await calling({}, 2, (session) => session.request("flaky", 1));
  assert.equal((processed.result as EchoStreamError).disposition, "processed");
  assert.equal(processed.attempts, 1);
});

test("Retries end with the attempts, with the deadline, and with the caller", async () => {
  const exhausted = await calling(
    { maxAttempts: 2 },
    9,
    (session) => session.request("flaky", 1, { idempotent: true }),
  );
  assert.equal(exhausted.attempts, 2);
  const late = await calling(
    { initialBackoffMs: 200 },
    9,
    (session) => session.request("flaky", 1, { idempotent: true, timeoutMs: 250 }),
  );
  assert.deepEqual([(late.result as EchoStreamError).code, late.attempts], ["UNAVAILABLE", 2]);
  const controller = new AbortController();
  const cancelled = await calling({ initialBackoffMs: 1_000 }, 9, async (session, clock) => {
    clock.setTimer(() => controller.abort("enough"), 5);
    return await session.request("flaky", 1, { idempotent: true, signal: controller.signal });
  });
  assert.deepEqual([(cancelled.result as EchoStreamError).code, cancelled.attempts], ["CANCELLED", 1]);
});

test("A session that ends while a retry waits says why", async () => {
  const { result } = await calling({ initialBackoffMs: 1_000 }, 9, async (session, clock) => {
    clock.setTimer(() => void session.close("bye", { graceMs: 0 }), 5);
    return await session.request("flaky", 1, { idempotent: true });
  });
  assert.equal((result as EchoStreamError).code, "UNAVAILABLE");
});
