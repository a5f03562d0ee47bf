import assert from "node:assert/strict";
import { test } from "node:test";

import { varintSize, writeVarint } from "../protocol/varint.ts";
import { InboundBudget } from "./inbound_budget.ts";
import { seededRandom } from "./memory_link.ts";
import { MessageReceiver, type MessageReceiverOwner, splitMessages } from "./message_receiver.ts";
import { type TransportConnection } from "./transport.ts";

const MAX_MESSAGE_BYTES = 2_000;

/** A connection that grants, and writes down what it is given. */
class Owner implements MessageReceiverOwner {
  readonly taken: { readonly bytes: Uint8Array; readonly owned: boolean }[] = [];
  readonly oversize: [prefixBytes: number, length: number][] = [];
  readonly inbound = new InboundBudget(MAX_MESSAGE_BYTES);
  readonly maxMessageBytes = MAX_MESSAGE_BYTES;
  creditBytes: number;
  forgotten = 0;
  refused = 0;
  readonly transport = {
    grant: (_stream: number, bytes: number) => void (this.creditBytes += bytes),
  } as unknown as TransportConnection;
  readonly messages = {
    onMessage: (bytes: Uint8Array, start: number, end: number, owned: boolean) =>
      void this.taken.push({ bytes: bytes.slice(start, end), owned }),
    onOversizeMessage: (_bytes: Uint8Array, start: number, end: number, length: number) =>
      void this.oversize.push([end - start, length]),
  };

  constructor(creditBytes: number) {
    this.creditBytes = creditBytes;
  }

  forgetReceiving(): void {
    this.forgotten++;
  }

  refuseReceiving(): void {
    this.refused++;
  }
}

function messageStream(messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((size, { length }) => size + varintSize(length) + length, 1));
  let at = 1;
  for (const message of messages) {
    at = writeVarint(bytes, at, message.length);
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}

function message(length: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

test("MessageReceiver gives the same messages however the stream is cut and however small its credit is", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const sent = Array.from(
      { length: 1 + Math.floor(random() * 6) },
      () => message(Math.floor(random() ** 3 * MAX_MESSAGE_BYTES), random),
    );
    const stream = messageStream(sent);
    const owner = new Owner(16 + Math.floor(random() * 300));
    const receiver = new MessageReceiver(owner, 2, owner.creditBytes);
    let at = 0;
    while (at < stream.length) {
      assert.ok(owner.creditBytes > 0, `seed ${seed}: no credit at ${at} of ${stream.length}`);
      const size = Math.min(stream.length - at, owner.creditBytes, 1 + Math.floor(random() * 400));
      owner.creditBytes -= size;
      receiver.onData(stream.slice(at, at + size), at + size === stream.length, at === 0 ? 1 : 0);
      at += size;
    }
    assert.deepEqual(owner.taken.map(({ bytes }) => bytes), sent, `seed ${seed}`);
    assert.equal(owner.forgotten, 1, `seed ${seed}`);
    assert.equal(owner.inbound.heldBytes, 0, `seed ${seed}`);
  }
});

test("MessageReceiver says which messages may be kept", () => {
  const owner = new Owner(4_096);
  const receiver = new MessageReceiver(owner, 2, 4_096);
  const stream = messageStream([new Uint8Array(3), new Uint8Array(100)]);
  receiver.onData(stream.subarray(0, 50), false, 1);
  receiver.onData(stream.subarray(50), true);
  assert.deepEqual(owner.taken.map(({ bytes, owned }) => [bytes.length, owned]), [[3, false], [100, true]]);
});

test("MessageReceiver does not let more of a message come before there is room for it, and holds little until then", () => {
  const owner = new Owner(64);
  const other = owner.inbound.reserve(MAX_MESSAGE_BYTES, () => {});
  const receiver = new MessageReceiver(owner, 2, 64);
  const stream = messageStream([new Uint8Array(1_500).fill(7)]);
  owner.creditBytes = 0;
  receiver.onData(stream.subarray(0, 64), false, 1);
  assert.equal(owner.creditBytes, 0);
  owner.inbound.cancel(other);
  assert.ok(owner.creditBytes >= stream.length - 64);
  receiver.onData(stream.subarray(64), true);
  assert.equal(owner.taken[0]!.bytes.length, 1_500);
});

test("MessageReceiver gives up its place when the stream is reset while it waits or receives", () => {
  const owner = new Owner(64);
  const first = new MessageReceiver(owner, 2, 64);
  const second = new MessageReceiver(owner, 6, 64);
  const stream = messageStream([new Uint8Array(1_500)]);
  for (const receiver of [first, second]) receiver.onData(stream.subarray(0, 64), false, 1);
  assert.equal(owner.inbound.heldBytes, 1_500);
  first.onReset(0);
  assert.equal(owner.inbound.heldBytes, 1_500);
  second.onReset(0);
  assert.equal(owner.inbound.heldBytes, 0);
  assert.equal(owner.forgotten, 2);
});

test("MessageReceiver refuses a message over the limit after its first 64 bytes", () => {
  const owner = new Owner(16);
  const receiver = new MessageReceiver(owner, 2, 16);
  const stream = messageStream([new Uint8Array(MAX_MESSAGE_BYTES + 1)]);
  receiver.onData(stream.subarray(0, 16), false, 1);
  assert.deepEqual(owner.oversize, []);
  receiver.onData(stream.subarray(16, 200), false);
  assert.deepEqual(owner.oversize, [[64, MAX_MESSAGE_BYTES + 1]]);
  assert.deepEqual([owner.refused, owner.forgotten], [1, 1]);
});

test("MessageReceiver and splitMessages take a stream that ends inside a message for a violation, at every place", () => {
  const stream = messageStream([new Uint8Array(70), new Uint8Array(2)]);
  const whole = new Set([1, 1 + 2 + 70, stream.length]);
  for (let end = 1; end <= stream.length; end++) {
    const cut = stream.slice(0, end);
    const split = (): void => splitMessages(cut, 1, MAX_MESSAGE_BYTES, new Owner(0).messages);
    const receive = (): void => {
      const receiver = new MessageReceiver(new Owner(100), 2, 100);
      receiver.onData(cut.slice(0, 1), false, 1);
      receiver.onData(cut.slice(1), true);
    };
    for (const take of [split, receive]) {
      if (whole.has(end)) take();
      else assert.throws(take, { code: "PROTOCOL_VIOLATION" }, `end ${end}`);
    }
  }
});
