/**
 * Values to CBOR and back: `node bench/micro/codec.ts`. JSON beside it for scale.
 *
 * @module
 */

import { decodeValue, encodeValue } from "../../src/protocol/codec.ts";
import { checkEncodable } from "../../src/protocol/encodable.ts";
import { report } from "./report.ts";
import { LIST, POINT, RECORD } from "./sample_values.ts";

for (const [name, value] of Object.entries({ point: POINT, record: RECORD, list: LIST })) {
  const bytes = encodeValue(value).slice();
  const json = JSON.stringify(value);
  await report(`codec, ${name} of ${bytes.length} bytes`, {
    "checkEncodable, a part of encodeValue": () => checkEncodable(value),
    "encodeValue": () => encodeValue(value),
    "decodeValue": () => decodeValue(bytes),
    "JSON.stringify": () => JSON.stringify(value),
    "JSON.parse": () => JSON.parse(json),
  });
}
