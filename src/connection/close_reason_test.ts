import assert from "node:assert/strict";
import { test } from "node:test";

import { closeReason } from "./close_reason.ts";

const PEER = "192.0.2.7:5000";

test("closeReason names application codes and keeps who closed", () => {
  const reason = closeReason({ by: "remote", application: true, code: 0x01, reason: "Frame of type 0\n" }, PEER);
  assert.equal(reason.codeName, "PROTOCOL_VIOLATION");
  assert.equal(reason.reason, "Frame of type 0\\u{a}");
  assert.equal(reason.error.code, "UNAVAILABLE");
  assert.equal(reason.error.remote, true);
  assert.equal(
    reason.error.message,
    "192.0.2.7:5000 closed the connection with PROTOCOL_VIOLATION: Frame of type 0\\u{a}",
  );
});

test("closeReason describes each way to end", () => {
  const message = (
    ...[by, application, code, reason]: [Parameters<typeof closeReason>[0]["by"], boolean, number, string]
  ): string => closeReason({ by, application, code, reason }, PEER).error.message;
  assert.equal(message("local", true, 0, ""), "Connection to 192.0.2.7:5000 was closed here");
  assert.equal(message("timeout", false, 0, ""), "Connection to 192.0.2.7:5000 timed out, nothing was heard from it");
  assert.equal(
    message("handshake", false, 0, "No answer within 10 ms"),
    "No connection to 192.0.2.7:5000: No answer within 10 ms",
  );
  assert.equal(message("remote", false, 0x0a, ""), "192.0.2.7:5000 closed the connection with PROTOCOL_VIOLATION");
  assert.equal(message("remote", true, 0x77, ""), "192.0.2.7:5000 closed the connection with 0x77");
});

test("closeReason tells a refusal by TLS from a peer that is not there", () => {
  const refused = closeReason(
    { by: "handshake", application: false, code: 0x100 + 48, reason: "unknown authority" },
    PEER,
  );
  assert.equal(refused.codeName, "unknown_ca");
  assert.equal(refused.error.code, "UNAUTHENTICATED");
  assert.equal(refused.error.message, "TLS with 192.0.2.7:5000 failed (unknown_ca): unknown authority");
  assert.equal(
    closeReason({ by: "handshake", application: false, code: 0x100 + 120, reason: "" }, PEER).error.code,
    "FAILED_PRECONDITION",
  );
  assert.equal(
    closeReason({ by: "handshake", application: false, code: 0, reason: "" }, PEER).error.code,
    "UNAVAILABLE",
  );
});
