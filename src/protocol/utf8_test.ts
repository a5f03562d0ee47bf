import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeName, decodeText, decodeUtf8, isName, isUtf8, truncateUtf8, utf8Length, writeUtf8 } from "./utf8.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test("isUtf8 accepts exactly what a fatal TextDecoder accepts, at every boundary of RFC 3629", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const accepts = (bytes: Uint8Array): boolean => {
    try {
      strict.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };
  for (let first = 0; first < 256; first++) {
    for (const second of [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
      for (const tail of [[], [0x80], [0x80, 0x80], [0xbf, 0xc0]]) {
        const bytes = Uint8Array.of(first, second, ...tail);
        assert.equal(isUtf8(bytes, 0, bytes.length), accepts(bytes), String(bytes));
      }
    }
  }
});

test("decodeName returns equal names for equal bytes and tells names apart that share a cache slot", () => {
  for (let i = 0; i < 5_000; i++) {
    const name = `method.${i % 1_700}`;
    assert.equal(decodeName(utf8(name), 0, name.length), name);
  }
});

test("decodeName refuses empty names, control characters and broken UTF-8", () => {
  assert.equal(decodeName(utf8("聊天"), 0, 6), "聊天");
  for (const bytes of [utf8(""), utf8("a\n"), utf8("\u0085"), utf8("\x7f"), Uint8Array.of(0xc0, 0x80)]) {
    assert.equal(decodeName(bytes, 0, bytes.length), undefined);
  }
});

test("isName allows 1 to 128 bytes of printable text", () => {
  assert.ok(isName("a"));
  assert.ok(isName("$sys.ping"));
  assert.ok(isName("é".repeat(64)));
  assert.ok(isName("😀"));
  for (const name of ["", "a".repeat(129), "é".repeat(65), "a\tb", "\ud800", "\u009f"]) assert.ok(!isName(name));
});

test("utf8Length counts what the encoder writes", () => {
  for (const text of ["", "abc", "é", "聊天", "😀x", "\ud800", "\udc00\ud800a", "\ufeffa"]) {
    assert.equal(utf8Length(text), utf8(text).length, JSON.stringify(text));
  }
});

test("truncateUtf8 cuts between characters", () => {
  assert.equal(truncateUtf8("aé", 2), "a");
  assert.equal(truncateUtf8("a😀b", 4), "a");
  assert.equal(truncateUtf8("a😀b", 5), "a😀");
  assert.equal(truncateUtf8("short", 1_024), "short");
});

test("writeUtf8 writes short and long texts alike", () => {
  for (const text of ["abc", "ab聊", "x".repeat(200), "é".repeat(200), "\ufeff"]) {
    const bytes = new Uint8Array(1_000);
    assert.deepEqual(bytes.subarray(2, writeUtf8(bytes, 2, text)), utf8(text));
  }
});

test("A leading U+FEFF is part of the text", () => {
  assert.equal(decodeUtf8(utf8("\ufeffa"), 0, 4), "\ufeffa");
  assert.equal(decodeText(utf8("\ufeffa"), 0, 4), "\ufeffa");
});
