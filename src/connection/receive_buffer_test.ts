import { test } from "node:test";
import assert from "node:assert/strict";
import { receiveBufferWarning } from "./receive_buffer.ts";

test("receiveBufferWarning names the setting of a receive buffer the kernel keeps too small", () => {
  const warning = receiveBufferWarning({ receiveBufferBytes: 212_992, wantedBufferBytes: 4_194_304 });
  assert.equal(warning?.level, "warn");
  assert.match(warning!.message, /sysctl -w net\.core\.rmem_max=4194304$/);
  assert.deepEqual(warning!.fields, { granted: 212_992, wanted: 4_194_304 });
});

test("receiveBufferWarning says nothing when the kernel grants what was wanted", () => {
  assert.equal(receiveBufferWarning({ receiveBufferBytes: 4_194_304, wantedBufferBytes: 4_194_304 }), undefined);
});
