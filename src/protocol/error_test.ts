import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConnectionCode,
  connectionCodeName,
  EchoStreamError,
  ErrorCode,
  isStatus,
  statusNumber,
  statusOf,
} from "./error.ts";

test("Statuses have the numbers of gRPC", () => {
  assert.equal(Object.keys(ErrorCode).length, 16);
  assert.equal(statusNumber("CANCELLED"), 1);
  assert.equal(statusNumber("RESOURCE_EXHAUSTED"), 8);
  assert.equal(statusNumber("UNAUTHENTICATED"), 16);
  for (const code of Object.values(ErrorCode)) assert.equal(statusOf(statusNumber(code)), code);
  assert.equal(statusOf(0), undefined);
  assert.equal(statusOf(17), undefined);
});

test("Connection codes are no statuses and have names", () => {
  assert.equal(connectionCodeName(ConnectionCode.PROTOCOL_VIOLATION), "PROTOCOL_VIOLATION");
  assert.equal(connectionCodeName(0x99), undefined);
  assert.ok(isStatus("INTERNAL"));
  for (const name of Object.keys(ConnectionCode)) assert.ok(!isStatus(name as keyof typeof ConnectionCode));
});

test("EchoStreamError keeps its cause and its fields", () => {
  const cause = new Error("under");
  const error = new EchoStreamError("NOT_FOUND", "No user 7", { cause, errorName: "NoUser", data: 7, remote: true });
  assert.equal(error.cause, cause);
  assert.deepEqual([error.name, error.code, error.errorName, error.data, error.remote], [
    "EchoStreamError",
    "NOT_FOUND",
    "NoUser",
    7,
    true,
  ]);
  assert.ok(!("cause" in new EchoStreamError("INTERNAL", "x")));
});
