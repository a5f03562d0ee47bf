/**
 * Our client's part in the transport cases; faults are made by a proxy in between.
 *
 * @module
 */

import assert from "node:assert/strict";
import { waitUntil } from "../support/wait_until.ts";
import { bytesOf, collect, type OurCase, sequence } from "./our_protocol_cases.ts";
import { digestOf, pattern } from "./service.ts";

/** Each case by the name it has in the other implementations. */
export const TRANSPORT_CASES: Readonly<Record<string, OurCase>> = {
  handshake: async (client) => {
    assert.deepEqual(await client.request("echo", bytesOf("hello")), bytesOf("hello"));
  },
  transfer,
  // Once in each direction.
  migration: async (client, options) => {
    const running = transfer(client, options);
    const stats = () => client.session.stats.connection;
    const { bytes = 0 } = options;
    for (const done of [() => stats().sentBytes > bytes / 2, () => stats().receivedBytes > bytes / 2]) {
      await waitUntil(done);
      await client.migrate();
    }
    await running;
  },
  // More streams than any limit allows at a time.
  multiplexing: (client) => inParallel(2_000, 500, (n) => echoOnStream(client, n)),
  // Initiated by the server: this client never does so by itself.
  "key-update": async (client) => {
    for (let generation = 0; generation < 3; generation++) {
      await client.session.request("updateKeys");
      for (const n of sequence(20)) assert.deepEqual(await client.request("echo", bytesOf(`${n}`)), bytesOf(`${n}`));
    }
  },
  resumption: async (_client, _options, connect) => {
    const tickets: Uint8Array[] = [];
    const first = await connect({ onTicket: (ticket) => void tickets.push(ticket) });
    assert.equal(first.session.stats.connection.resumed, false);
    await waitUntil(() => tickets.length > 0);
    const second = await connect({ ticket: tickets[0]! });
    assert.deepEqual(await second.request("echo", bytesOf("again")), bytesOf("again"));
    assert.equal(second.session.stats.connection.resumed, true);
  },
  "early-data": async (_client, _options, connect) => {
    const tickets: Uint8Array[] = [];
    await connect({ onTicket: (ticket) => void tickets.push(ticket) });
    await waitUntil(() => tickets.length > 0);
    const second = await connect({ ticket: tickets[0]! });
    assert.deepEqual(await second.request("echo", bytesOf("early"), { idempotent: true }), bytesOf("early"));
    assert.equal(second.session.stats.connection.earlyDataAccepted, true);
    assert.deepEqual(await second.request("echo", bytesOf("late")), bytesOf("late"));
  },
  "short-calls": (client) =>
    inParallel(SHORT_CALLS, IN_FLIGHT, async (n) => {
      assert.deepEqual(await client.request("echo", bytesOf(`${n}`)), bytesOf(`${n}`));
    }),
  "short-streams": (client) => inParallel(SHORT_CALLS, IN_FLIGHT, (n) => echoOnStream(client, n)),
};

async function transfer(client: Parameters<OurCase>[0], { bytes = 0 }: Parameters<OurCase>[1]): Promise<void> {
  const items = sequence(bytes / ITEM_BYTES).map(() => pattern(ITEM_BYTES));
  const expected = digestOf(items);
  const upload = client.requestChannel("upload");
  await upload.sendAll(items);
  assert.deepEqual(await upload.response(), expected);
  const downloaded = await collect(client.requestStream("download", { items: items.length, bytes: ITEM_BYTES }));
  assert.deepEqual(digestOf(downloaded), expected);
}

/** Do something so many times, so many at once. */
async function inParallel(count: number, atOnce: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    sequence(atOnce).map(async () => {
      while (next < count) await work(next++);
    }),
  );
}

async function echoOnStream(client: Parameters<OurCase>[0], n: number): Promise<void> {
  assert.deepEqual(await collect(client.session.requestStream("echo", bytesOf(`${n}`))), [bytesOf(`${n}`)]);
}

const ITEM_BYTES = 50_000;
const SHORT_CALLS = 2_000;
const IN_FLIGHT = 64;
