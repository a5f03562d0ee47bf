import assert from "node:assert/strict";
import { encodeRequest, MessageType } from "../../src/protocol/message.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";
import { RawPeer } from "../support/raw_peer.ts";

const array = (length: number): number[] => [0x9a, 0, length >> 16, (length >> 8) & 0xff, length & 0xff];
const repeat = (bytes: readonly number[], count: number): number[] =>
  new Array<readonly number[]>(count).fill(bytes).flat();
const text = (value: string): number[] => [0x60 | value.length, ...new TextEncoder().encode(value)];

/** Payloads that would cost a decoder its stack, its time or its objects, and what their sender is told. */
const ATTACKS: Record<string, readonly [payload: readonly number[], code: "INVALID_ARGUMENT" | "RESOURCE_EXHAUSTED"]> =
  {
    "nothing": [[], "INVALID_ARGUMENT"],
    "half an item": [[0x19, 1], "INVALID_ARGUMENT"],
    "two items": [[1, 1], "INVALID_ARGUMENT"],
    "65 arrays, one in the other": [[...repeat([0x81], 65), 1], "RESOURCE_EXHAUSTED"],
    "a hundred thousand arrays, one in the other": [[...repeat([0x81], 100_000), 1], "RESOURCE_EXHAUSTED"],
    "a hundred thousand tags, one around the other": [[...repeat([0xc1], 100_000), 1], "INVALID_ARGUMENT"],
    "an array of four thousand million items": [[0x9a, 0xff, 0xff, 0xff, 0xff, 1], "INVALID_ARGUMENT"],
    "an array of 2^64 - 1 items": [[0x9b, ...repeat([0xff], 8)], "INVALID_ARGUMENT"],
    "more than 65,536 items": [[...array(65_536), ...repeat([0], 65_536)], "RESOURCE_EXHAUSTED"],
    "a bignum of 64 KiB": [[0xc2, 0x5a, 0, 1, 0, 0, ...repeat([0xff], 65_536)], "RESOURCE_EXHAUSTED"],
    "four thousand bignums": [
      [...array(4_200), ...repeat([0xc2, 0x58, 64, ...repeat([0xff], 64)], 4_200)],
      "RESOURCE_EXHAUSTED",
    ],
    "a string of 2^53 bytes": [[0x7b, 0, 0x20, 0, 0, 0, 0, 0, 0], "INVALID_ARGUMENT"],
    "indefinite length": [[0x9f, 1, 0xff], "INVALID_ARGUMENT"],
    "a break by itself": [[0xff], "INVALID_ARGUMENT"],
    "text that is not UTF-8": [[0x62, 0xc3, 0x28], "INVALID_ARGUMENT"],
    "the key __proto__": [[0xa1, ...text("__proto__"), 0xa1, ...text("admin"), 0xf5], "INVALID_ARGUMENT"],
    "a key twice": [[0xa2, ...text("a"), 1, ...text("a"), 2], "INVALID_ARGUMENT"],
    "a key that is a number": [[0xa1, 1, 1], "INVALID_ARGUMENT"],
    "an object by its class (tag 27)": [[0xd8, 27, 0x82, ...text("Error"), 0x60], "INVALID_ARGUMENT"],
    "a value that contains itself (tags 28 and 29)": [[0xd8, 28, 0x81, 0xd8, 29, 0], "INVALID_ARGUMENT"],
    "a regular expression (tag 27)": [[0xd8, 27, 0x82, ...text("RegExp"), ...text("(a+)+$")], "INVALID_ARGUMENT"],
    "a record of cbor-x": [[0xd9, 0x69, 0, 0x83, 1, 2, 3], "INVALID_ARGUMENT"],
  };

testOverNetworks(
  "CBOR that attacks its decoder fails its call, no handler sees it, and the connection lives",
  async (network) => {
    let runs = 0;
    const server = network.server().handler("take", cbor<unknown>(), () => ++runs).build();
    const address = await network.start(server);
    const rogue = await RawPeer.connect(network, address);
    const ask = (callId: number, payload: readonly number[]): void =>
      void rogue.message((writer) =>
        encodeRequest(writer, { callId, method: "take", encoding: 1, payload: Uint8Array.from(payload) })
      );
    const attacks = Object.entries(ATTACKS);
    for (const [callId, [, [payload]]] of attacks.entries()) ask(callId, payload);
    await network.until(() => rogue.messages.length === attacks.length || rogue.close !== undefined);
    assert.equal(rogue.close, undefined);
    for (const message of rogue.messages) {
      assert.ok(message.type === MessageType.FAILURE);
      const [what, [, code]] = attacks[message.callId]!;
      assert.deepEqual([message.code, message.disposition], [code, "notProcessed"], what);
    }
    assert.equal(runs, 0);
    ask(1_000, [0xa1, ...text("a"), 1]);
    await network.until(() => runs === 1);
    assert.equal(({} as { admin?: true }).admin, undefined);
  },
);
