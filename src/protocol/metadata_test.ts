import assert from "node:assert/strict";
import { test } from "node:test";
import { type Metadata, metadataBytes, readMetadata, toMetadata, writeMetadata } from "./metadata.ts";
import { Reader } from "./reader.ts";
import { FLOOR_METADATA_LIMITS, type MetadataLimits } from "./version.ts";
import { Writer } from "./writer.ts";

function roundTrip(metadata: Metadata, limits: MetadataLimits = FLOOR_METADATA_LIMITS): unknown {
  const writer = new Writer();
  writeMetadata(writer, metadata);
  writer.u8(0x2a);
  const reader = new Reader().open(writer.bytes, 0, writer.length);
  const read = readMetadata(reader, limits);
  assert.equal(reader.u8(), 0x2a, "The reader stands behind the block");
  return read;
}

test("toMetadata takes entries and objects, whose values may be lists", () => {
  assert.deepEqual(toMetadata([["a", "1"], ["a", "2"]]), [["a", "1"], ["a", "2"]]);
  const bytes = Uint8Array.of(1);
  assert.deepEqual(toMetadata({ a: ["1", bytes], b: bytes, c: "" }), [["a", "1"], ["a", bytes], ["b", bytes], [
    "c",
    "",
  ]]);
});

test("toMetadata refuses names and values that may not travel", () => {
  for (const name of ["", "a b", "é", "a\n", "x".repeat(129)]) {
    assert.throws(() => toMetadata({ [name]: "v" }), TypeError);
  }
  assert.throws(() => toMetadata({ a: 1 } as never), /value of "a" is neither a string nor a Uint8Array/);
});

test("Metadata comes back in order, with duplicates, and as copies", () => {
  const metadata: Metadata = [["a", "é"], ["b", Uint8Array.of(0, 255)], ["a", ""]];
  assert.deepEqual(roundTrip(metadata), metadata);
});

test("metadataBytes is what limits are about", () => {
  const metadata: Metadata = [["name", "x".repeat(100)], ["b", new Uint8Array(20)]];
  const bytes = metadataBytes(metadata);
  const limits = (maxMetadataBytes: number): MetadataLimits => ({ maxMetadataBytes, maxMetadataEntries: 2 });
  assert.deepEqual(roundTrip(metadata, limits(bytes)), metadata);
  assert.equal(roundTrip(metadata, limits(bytes - 1)), "RESOURCE_EXHAUSTED");
});

test("readMetadata refuses one entry too many and steps over the block", () => {
  const metadata: Metadata = Array.from({ length: 65 }, (_, i) => ["n", String(i)]);
  assert.equal(roundTrip(metadata), "RESOURCE_EXHAUSTED");
  assert.deepEqual(roundTrip(metadata.slice(1)), metadata.slice(1));
});
