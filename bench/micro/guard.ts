/**
 * The scan in front of the CBOR decoder: `node bench/micro/guard.ts`. The aim is 0.5 µs for 150 bytes.
 *
 * @module
 */

import { checkCbor } from "../../src/protocol/cbor_guard.ts";
import { encodeValue } from "../../src/protocol/codec.ts";
import { report } from "./report.ts";
import { LIST, POINT, RECORD } from "./sample_values.ts";

const samples: Record<string, unknown> = {
  "point": POINT,
  "record": RECORD,
  "list": LIST,
  "text of 1,000 ASCII characters": "x".repeat(1_000),
  "text of 1,000 other characters": "聊".repeat(1_000),
  "map of 1,000 keys": Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`key-${i}`, i])),
  "byte string of 64 KiB": new Uint8Array(65_536),
};

const tasks: Record<string, () => unknown> = {};
for (const [name, value] of Object.entries(samples)) {
  const bytes = encodeValue(value).slice();
  tasks[`${name}, ${bytes.length} bytes`] = () => checkCbor(bytes);
}
await report("guard", tasks);
