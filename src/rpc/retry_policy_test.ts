import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../connection/memory_link.ts";
import { type Disposition, EchoStreamError, type EchoStreamErrorCode } from "../protocol/error.ts";
import type { Metadata } from "../protocol/metadata.ts";
import {
  backoffMs,
  DEFAULT_RETRY_POLICY,
  isRetryable,
  pushbackOf,
  RetryBudget,
  retryPolicy,
  RetryState,
} from "./retry_policy.ts";

function failure(code: EchoStreamErrorCode, disposition: Disposition, metadata?: Metadata): EchoStreamError {
  return new EchoStreamError(code, "No", { disposition, metadata });
}

const unavailable = failure("UNAVAILABLE", "notProcessed");

test("backoffMs grows by the multiplier up to its maximum", () => {
  const longest = [1, 2, 3, 4, 7].map((attempts) => backoffMs(DEFAULT_RETRY_POLICY, attempts, 1));
  assert.deepEqual(longest, [100, 200, 400, 800, 5_000]);
  assert.equal(backoffMs(DEFAULT_RETRY_POLICY, 5_000, 1), 5_000);
});

test("backoffMs spreads waits evenly over the whole back-off", () => {
  const random = seededRandom(7);
  const waits = Array.from({ length: 4_000 }, () => backoffMs(DEFAULT_RETRY_POLICY, 4, random()));
  for (let quarter = 0; quarter < 4; quarter++) {
    const count = waits.filter((ms) => ms >= quarter * 200 && ms < (quarter + 1) * 200).length;
    // Four standard deviations of a binomial of 4,000 and a quarter.
    assert.ok(Math.abs(count - 1_000) < 110, `seed 7, quarter ${quarter}: ${count}`);
  }
});

test("isRetryable takes what was not processed, and what may be processed twice, if the status is worth it", () => {
  const rows: [EchoStreamErrorCode, Disposition, idempotent: boolean, expected: boolean][] = [
    ["UNAVAILABLE", "notProcessed", false, true],
    ["UNAVAILABLE", "perhapsProcessed", false, false],
    ["UNAVAILABLE", "perhapsProcessed", true, true],
    ["UNAVAILABLE", "processed", false, false],
    ["UNAVAILABLE", "processed", true, true],
    ["INVALID_ARGUMENT", "notProcessed", true, false],
    ["RESOURCE_EXHAUSTED", "notProcessed", true, false],
    ["DEADLINE_EXCEEDED", "notProcessed", true, false],
    ["PROTOCOL_VIOLATION", "notProcessed", true, false],
  ];
  for (const [code, disposition, idempotent, expected] of rows) {
    assert.equal(
      isRetryable(DEFAULT_RETRY_POLICY, failure(code, disposition), idempotent),
      expected,
      `${code} ${disposition} ${idempotent}`,
    );
  }
  assert.equal(isRetryable(DEFAULT_RETRY_POLICY, new TypeError("mine"), true), false);
  const policy = retryPolicy({ retryableCodes: ["ABORTED"] });
  assert.equal(isRetryable(policy, failure("ABORTED", "processed"), true), true);
  assert.equal(isRetryable(policy, unavailable, true), false);
});

test("pushbackOf reads milliseconds; what is negative or no number forbids", () => {
  const of = (value: string | Uint8Array): unknown => pushbackOf([["other", "1"], ["retry-pushback-ms", value]]);
  assert.deepEqual(["0", "250", "-1", "", "soon", "1.5", "9".repeat(40), Uint8Array.of(49)].map(of), [
    0,
    250,
    "never",
    "never",
    "never",
    "never",
    "never",
    "never",
  ]);
  assert.equal(pushbackOf([["other", "1"]]), undefined);
  assert.equal(pushbackOf(undefined), undefined);
});

test("RetryState waits, gives up after maxAttempts, and never waits up to the deadline", () => {
  const budget = new RetryBudget({ maxTokens: 100 });
  const state = new RetryState(DEFAULT_RETRY_POLICY, false);
  assert.equal(state.nextDelayMs(unavailable, budget, Infinity, 0.5), 50);
  assert.equal(state.nextDelayMs(unavailable, budget, 101, 0.5), 100);
  assert.equal(state.nextDelayMs(unavailable, budget, Infinity, 0.5), 200);
  assert.equal(state.attempts, 4);
  assert.equal(state.nextDelayMs(unavailable, budget, Infinity, 0.5), undefined);
  const late = new RetryState(DEFAULT_RETRY_POLICY, false);
  assert.equal(late.nextDelayMs(unavailable, budget, 50, 0.5), undefined);
});

test("RetryState obeys push-back, which restarts the back-off", () => {
  const budget = new RetryBudget({ maxTokens: 100 });
  const pushed = (ms: string): EchoStreamError => failure("UNAVAILABLE", "notProcessed", [["retry-pushback-ms", ms]]);
  const state = new RetryState(retryPolicy({ maxAttempts: 10 }), false);
  assert.equal(state.nextDelayMs(unavailable, budget, Infinity, 0.5), 50);
  assert.equal(state.nextDelayMs(unavailable, budget, Infinity, 0.5), 100);
  assert.equal(state.nextDelayMs(pushed("7000"), budget, Infinity, 0.5), 7_000);
  assert.equal(state.nextDelayMs(unavailable, budget, Infinity, 0.5), 50);
  assert.equal(state.nextDelayMs(pushed("-1"), budget, Infinity, 0.5), undefined);
});

test("RetryBudget stops retries at half of its tokens, and successes bring them back", () => {
  const budget = new RetryBudget({ maxTokens: 10, tokenRatio: 0.5 });
  for (let failures = 0; failures < 4; failures++) budget.failed();
  assert.equal(budget.allows, true);
  budget.failed();
  assert.equal(budget.allows, false);
  budget.succeeded();
  assert.equal(budget.allows, true);
  for (let failures = 0; failures < 50; failures++) budget.failed();
  for (let successes = 0; successes < 10; successes++) budget.succeeded();
  assert.equal(budget.allows, false);
  budget.succeeded();
  assert.equal(budget.allows, true);
});

test("retryPolicy names what is out of range", () => {
  assert.throws(() => retryPolicy({ maxAttempts: 0 }), { name: "RangeError", message: /maxAttempts is 0/ });
  assert.throws(() => retryPolicy({ initialBackoffMs: -1 }), { name: "RangeError", message: /initialBackoffMs is -1/ });
  assert.throws(() => retryPolicy({ maxBackoffMs: NaN }), { name: "RangeError", message: /maxBackoffMs is NaN/ });
  assert.throws(() => retryPolicy({ backoffMultiplier: 0.5 }), { name: "RangeError", message: /backoffMultiplier/ });
  assert.throws(() => retryPolicy({ retryableCodes: ["OK" as never] }), { name: "RangeError", message: /"OK"/ });
  assert.throws(() => new RetryBudget({ maxTokens: -1 }), { name: "RangeError", message: /maxTokens is -1/ });
});
