import assert from "node:assert/strict";
import { test } from "node:test";

import { formatRecord, type LogRecord, once, peerText } from "./trace.ts";

test("peerText escapes what could forge or hide log lines", () => {
  assert.equal(
    peerText("a\nb\r\u001b[31mred\u202e\u2028\ud800"),
    "a\\u{a}b\\u{d}\\u{1b}[31mred\\u{202e}\\u{2028}\\u{d800}",
  );
  assert.equal(peerText("plain text, Ünïcode 🙂"), "plain text, Ünïcode 🙂");
});

test("peerText cuts long text", () => {
  assert.equal(peerText("x".repeat(300)), `${"x".repeat(256)}…`);
  assert.equal(peerText("abcdef", 3), "abc…");
});

test("formatRecord puts a record on one line", () => {
  const record: LogRecord = {
    level: "warn",
    category: "rpc",
    message: "Handler failed",
    fields: { method: 'a"b', count: 2, missing: undefined },
  };
  assert.equal(formatRecord(record), 'echostream [rpc] Handler failed method="a\\"b" count=2');
});

test("once passes a repeated message on a single time", () => {
  const messages: string[] = [];
  const log = once((record) => messages.push(record.message));
  for (const message of ["a", "b", "a"]) log({ level: "warn", category: "x", message });
  assert.deepEqual(messages, ["a", "b"]);
});
