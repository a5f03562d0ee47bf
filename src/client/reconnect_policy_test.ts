import assert from "node:assert/strict";
import { test } from "node:test";
import { closeReason } from "../connection/close_reason.ts";
import type { TransportClose } from "../connection/transport.ts";
import { ConnectionCode } from "../protocol/error.ts";
import { DEFAULT_RECONNECT_POLICY, mayReconnect, ReconnectBackoff, reconnectPolicy } from "./reconnect_policy.ts";

test("ReconnectBackoff waits longer each time, up to its maximum, and starts over after a connection that lasted", () => {
  const backoff = new ReconnectBackoff(DEFAULT_RECONNECT_POLICY);
  backoff.connected(0);
  backoff.lost(60e6);
  const waits = Array.from({ length: 7 }, () => backoff.nextDelayMs(0.5));
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  backoff.connected(100e6);
  backoff.lost(104.9e6);
  assert.equal(backoff.nextDelayMs(0.5), 5_000);
  backoff.connected(200e6);
  backoff.lost(205e6);
  assert.equal(backoff.nextDelayMs(0.5), 250);
});

test("ReconnectBackoff ends after maxAttempts in a row", () => {
  const backoff = new ReconnectBackoff({ ...DEFAULT_RECONNECT_POLICY, maxAttempts: 2 });
  assert.deepEqual([0, 0, 0].map((random) => backoff.nextDelayMs(random)), [0, 0, undefined]);
});

test("mayReconnect: a path that broke and a server that goes away, not what was ended on purpose", () => {
  const ended = (close: Partial<TransportClose>): boolean =>
    mayReconnect(closeReason({ by: "remote", application: true, code: 0, reason: "", ...close }, "server:1"));
  assert.equal(ended({ by: "timeout", application: false }), true);
  assert.equal(ended({ application: false, code: 1 }), true);
  assert.deepEqual(
    Object.entries(ConnectionCode).filter(([, code]) => ended({ code })).map(([name]) => name),
    ["INTERNAL_ERROR", "GOING_AWAY", "TOO_SLOW"],
  );
  assert.equal(ended({ code: 0x2a }), true);
});

test("reconnectPolicy names what is out of range", () => {
  assert.equal(reconnectPolicy(false), undefined);
  assert.deepEqual(reconnectPolicy(), DEFAULT_RECONNECT_POLICY);
  assert.deepEqual(reconnectPolicy({ maxAttempts: undefined as never }), DEFAULT_RECONNECT_POLICY);
  for (
    const options of [{ initialDelayMs: -1 }, { maxDelayMs: Infinity }, { multiplier: 0.5 }, { maxAttempts: 0 }, {
      maxWaiting: NaN,
    }]
  ) {
    const [name] = Object.keys(options);
    assert.throws(() => reconnectPolicy(options), { name: "RangeError", message: new RegExp(`reconnect.${name} is`) });
  }
  assert.throws(() => reconnectPolicy({ whileReconnecting: "never" as never }), { name: "RangeError" });
});
