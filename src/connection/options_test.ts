import assert from "node:assert/strict";
import { test } from "node:test";

import { connectionLimits, DEFAULT_CONNECTION_LIMITS, transportOptions } from "./options.ts";

test("transportOptions fills in defaults, also for fields that are undefined", () => {
  const options = transportOptions({ idleTimeoutMs: 5_000, congestionControl: "cubic" }, 0x11);
  assert.equal(options.idleTimeoutMs, 5_000);
  assert.equal(options.congestionControl, "cubic");
  assert.equal(options.messageStreamKind, 0x11);
  assert.equal(options.maxUnidirectionalStreams, 1_024);
  const partly = { keepAliveIntervalMs: undefined } as unknown as Parameters<typeof transportOptions>[0];
  assert.equal(transportOptions(partly, 0).keepAliveIntervalMs, 10_000);
});

test("transportOptions refuses values out of range, naming them", () => {
  assert.throws(() => transportOptions({ idleTimeoutMs: 0 }, 0), { name: "RangeError", message: /idleTimeoutMs is 0/ });
  assert.throws(() => transportOptions({ idleTimeoutMs: 1.5 }, 0), /idleTimeoutMs is 1.5/);
  assert.throws(() => transportOptions({ streamWindowBytes: 5_000_000 }, 0), /streamWindowBytes is 5000000/);
  assert.throws(() => transportOptions({ congestionControl: "vegas" as "reno" }, 0), /congestionControl is vegas/);
  const text = { activeMigration: "no" } as unknown as Parameters<typeof transportOptions>[0];
  assert.throws(() => transportOptions(text, 0), { name: "TypeError", message: /activeMigration is no/ });
});

test("connectionLimits keeps room for the largest message", () => {
  assert.deepEqual(connectionLimits({}), DEFAULT_CONNECTION_LIMITS);
  assert.equal(connectionLimits({ maxMessageBytes: 100 }).maxMessageBytes, 100);
  assert.throws(
    () => connectionLimits({ maxMessageBytes: 100, maxInboundBytes: 99 }),
    /maxInboundBytes is 99, expected a whole number from 100/,
  );
});
