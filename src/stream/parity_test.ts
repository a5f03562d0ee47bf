import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeMediaDatagramHead,
  decodeMediaFragment,
  decodeMediaParity,
  encodeMediaFragment,
  protectedStart,
} from "../protocol/media_fragment.ts";
import { ParityBuilder } from "./parity_builder.ts";
import { ParityRecovery, type RecoveredFragment } from "./parity_recovery.ts";

/** The datagrams of fragments with these payload sizes, each group followed by its parity. */
function sent(sizes: readonly number[], every: number): { fragments: Uint8Array[]; parities: Uint8Array[] } {
  const builder = new ParityBuilder(9, every);
  const fragments: Uint8Array[] = [];
  const parities: (Uint8Array | undefined)[] = [];
  for (const [packet, size] of sizes.entries()) {
    const payload = Uint8Array.from({ length: size }, (_, i) => packet * 31 + i);
    const datagram = encodeMediaFragment(9, { packet, index: 0, count: 1, sequence: packet, timestamp: 5, payload });
    fragments.push(datagram);
    parities.push(builder.add(packet, datagram, START));
  }
  parities.push(builder.finish());
  return { fragments, parities: parities.filter((parity) => parity !== undefined) };
}

function onFragment(recovery: ParityRecovery, packet: number, datagram: Uint8Array): RecoveredFragment | undefined {
  return recovery.onFragment(packet, datagram, protectedStart(START), datagram.length);
}

/** Behind the kind and an id of one byte. */
const START = 2;

test("Parity recovers any one fragment of a group, in whatever order the rest comes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1_200), { minLength: 1, maxLength: 70 }),
      fc.integer({ min: 1, max: 32 }),
      fc.nat(),
      fc.integer(),
      (sizes, every, lostSeed, shuffleSeed) => {
        const { fragments, parities } = sent(sizes, every);
        const lost = lostSeed % fragments.length;
        const arrivals: (() => RecoveredFragment | undefined)[] = [];
        const recovery = new ParityRecovery(every);
        for (const [packet, datagram] of fragments.entries()) {
          if (packet !== lost) arrivals.push(() => onFragment(recovery, packet, datagram));
        }
        for (const datagram of parities) arrivals.push(() => recovery.onParity(decodeMediaParity(datagram, START)!));
        const order = arrivals.map((arrive, i) => ({ arrive, key: Math.imul(i + 1, shuffleSeed | 1) }));
        const recovered = order.sort((a, b) => a.key - b.key).map(({ arrive }) => arrive()).filter((one) => !!one);
        // Groups of one are 70 at most here, of which 32 are known.
        if (Math.ceil(sizes.length / every) > 32) return;
        // A fragment that comes behind its parity and the rest of its group is recovered before it comes.
        assert.ok(recovered.some(({ packet }) => packet === lost));
        for (const { packet, bytes } of recovered) {
          const expected = fragments[packet]!;
          assert.deepEqual(bytes.slice(), expected.slice(protectedStart(START)));
          const fragment = decodeMediaFragment(packet, bytes, 0, bytes.length);
          assert.deepEqual([fragment?.sequence, fragment?.timestamp], [packet, 5]);
          assert.equal(decodeMediaDatagramHead(expected)?.mediaStreamId, 9);
        }
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});

test("Parity recovers nothing when two are lost, none is lost, or everything comes twice", () => {
  for (const lost of [[], [1, 2]]) {
    const { fragments, parities } = sent([10, 20, 30, 40], 4);
    const recovery = new ParityRecovery(4);
    for (let times = 0; times < 2; times++) {
      for (const [packet, datagram] of fragments.entries()) {
        if (!lost.includes(packet)) assert.equal(onFragment(recovery, packet, datagram), undefined);
      }
      assert.equal(recovery.onParity(decodeMediaParity(parities[0]!, START)!), undefined);
    }
  }
});

test("ParityRecovery holds a bounded number of groups, and a parity that makes no sense recovers nothing", () => {
  const recovery = new ParityRecovery(4);
  const datagram = new Uint8Array(60_000);
  for (let packet = 0; packet < 100_000; packet += 7) recovery.onFragment(packet, datagram, 0, datagram.length);
  assert.ok(recovery.heldBytes <= 256 * 1024);
  for (const parity of [{ packet: 3, count: 2 }, { packet: 8, count: 5 }]) {
    assert.equal(recovery.onParity({ ...parity, lengths: 1, bytes: datagram }), undefined);
  }
  recovery.onFragment(200_003, datagram, 0, 10);
  assert.equal(recovery.onParity({ packet: 200_000, count: 2, lengths: 0, bytes: datagram }), undefined);
  assert.equal(recovery.onParity({ packet: 200_004, count: 1, lengths: 60_001, bytes: datagram }), undefined);
});
