import assert from "node:assert/strict";
import { test } from "node:test";
import { type Disposition, EchoStreamError } from "../protocol/error.ts";
import { VirtualClock } from "../virtual_clock.ts";
import type { CallOptions } from "./call_options.ts";
import { type RetriedCall, Retries } from "./retries.ts";
import { DEFAULT_RETRY_POLICY } from "./retry_policy.ts";

/** A call whose attempts fail one after the other with these dispositions and then succeed, and when they were made. */
class Script {
  readonly clock = new VirtualClock();
  readonly atMs: number[] = [];
  readonly timeoutsMs: (number | undefined)[] = [];
  readonly retries = new Retries({ clock: this.clock, random: () => 0.5 });
  readonly #dispositions: Disposition[];

  constructor(...dispositions: Disposition[]) {
    this.#dispositions = dispositions;
  }

  run(options: CallOptions = {}, idempotent = false): Promise<string> {
    const call: RetriedCall<string> = {
      method: "m",
      options,
      idempotent,
      policy: DEFAULT_RETRY_POLICY,
      startedUs: this.clock.nowUs(),
      attempt: (options) => this.#attempt(options),
    };
    return this.#attempt(options).catch((error) => this.retries.again(call, error));
  }

  #attempt({ timeoutMs }: CallOptions): Promise<string> {
    this.atMs.push(this.clock.nowUs() / 1000);
    this.timeoutsMs.push(timeoutMs);
    const disposition = this.#dispositions.shift();
    if (disposition === undefined) return Promise.resolve("done");
    return Promise.reject(new EchoStreamError("UNAVAILABLE", "No", { disposition }));
  }
}

test("Retries makes attempts with growing waits until one succeeds", async () => {
  const script = new Script("notProcessed", "notProcessed", "notProcessed");
  assert.equal(await script.clock.run(script.run()), "done");
  assert.deepEqual(script.atMs, [0, 50, 150, 350]);
  assert.equal(script.retries.made, 3);
});

test("Retries gives each attempt what is left of the deadline", async () => {
  const script = new Script("notProcessed", "notProcessed");
  assert.equal(await script.clock.run(script.run({ timeoutMs: 400 })), "done");
  assert.deepEqual(script.timeoutsMs, [400, 350, 250]);
});

test("Retries gives up at once when the next wait would reach the deadline", async () => {
  const script = new Script("notProcessed", "notProcessed");
  await assert.rejects(script.clock.run(script.run({ timeoutMs: 120 })), { code: "UNAVAILABLE" });
  assert.equal(script.clock.nowUs(), 50_000);
});

test("Retries does not repeat what was perhaps processed, unless it is idempotent", async () => {
  const once = new Script("perhapsProcessed");
  await assert.rejects(once.clock.run(once.run()), { code: "UNAVAILABLE", disposition: "perhapsProcessed" });
  assert.equal(once.atMs.length, 1);
  const twice = new Script("perhapsProcessed");
  assert.equal(await twice.clock.run(twice.run({}, true)), "done");
});

test("Retries reports the furthest any attempt got", async () => {
  const script = new Script("perhapsProcessed", "notProcessed", "notProcessed", "notProcessed");
  await assert.rejects(script.clock.run(script.run({}, true)), (error: EchoStreamError) => {
    assert.equal(error.disposition, "perhapsProcessed");
    assert.equal((error.cause as EchoStreamError).disposition, "notProcessed");
    return true;
  });
});

test("Retries ends a wait when the caller's signal aborts, or all end, and leaves no timer", async () => {
  const script = new Script("notProcessed", "notProcessed");
  const controller = new AbortController();
  const aborted = assert.rejects(script.run({ signal: controller.signal }), {
    code: "CANCELLED",
    disposition: "notProcessed",
  });
  const ended = assert.rejects(script.run(), { code: "UNAVAILABLE", message: "Closed" });
  await script.clock.advance(10);
  controller.abort(new Error("enough"));
  await aborted;
  script.retries.end(new EchoStreamError("UNAVAILABLE", "Closed", { disposition: "notProcessed" }));
  await ended;
  assert.equal(script.clock.pendingTimers, 0);
});

test("Retries stops when most calls fail", async () => {
  const script = new Script(...Array<Disposition>(100).fill("notProcessed"));
  for (let call = 0; call < 20; call++) await script.clock.run(script.run().catch(() => {}));
  // The first call fails four times and leaves six tokens of ten; the next failure leaves half of them.
  assert.equal(script.retries.made, 3);
});
