import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "./handler.ts";
import { nestedOptions } from "./nested_call.ts";

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function call(fields: Partial<Call> = {}): Call {
  return { signal: new AbortController().signal, deadlineMs: undefined, traceparent: undefined, ...fields } as Call;
}

test("The nearer of the two deadlines holds", () => {
  assert.equal(nestedOptions(call({ deadlineMs: 300 }), {}).timeoutMs, 300);
  assert.equal(nestedOptions(call({ deadlineMs: 300 }), { timeoutMs: 100 }).timeoutMs, 100);
  assert.equal(nestedOptions(call({ deadlineMs: 300 }), { timeoutMs: 900 }).timeoutMs, 300);
  assert.equal(nestedOptions(call(), { timeoutMs: 900 }).timeoutMs, 900);
  assert.equal("timeoutMs" in nestedOptions(call(), {}), false);
});

test("A deadline that has passed still gives a timeout that can be sent, and a mistaken one stays mistaken", () => {
  assert.equal(nestedOptions(call({ deadlineMs: 0 }), {}).timeoutMs, 1);
  assert.equal(nestedOptions(call({ deadlineMs: 300 }), { timeoutMs: -5 }).timeoutMs, -5);
  assert.equal(nestedOptions(call({ deadlineMs: 300 }), { timeoutMs: NaN }).timeoutMs, NaN);
});

test("Either signal aborts, with its own reason", () => {
  const outer = new AbortController();
  const own = new AbortController();
  const parent = call({ signal: outer.signal });
  assert.equal(nestedOptions(parent, {}).signal, outer.signal);
  const first = nestedOptions(parent, { signal: own.signal }).signal;
  own.abort("own");
  assert.equal(first?.reason, "own");
  const second = nestedOptions(parent, { signal: new AbortController().signal }).signal;
  outer.abort("outer");
  assert.equal(second?.reason, "outer");
});

test("The trace context is carried unless there is an own one; metadata are not", () => {
  const parent = call({ traceparent: TRACE, metadata: [["tenant", "a"]] as Call["metadata"] });
  const own = TRACE.replace("-01", "-00");
  assert.equal(nestedOptions(parent, {}).traceparent, TRACE);
  assert.equal(nestedOptions(parent, { traceparent: own }).traceparent, own);
  assert.equal(nestedOptions(parent, {}).metadata, undefined);
  assert.equal(nestedOptions(parent, { idempotent: true }).idempotent, true);
});
