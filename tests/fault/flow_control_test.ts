import assert from "node:assert/strict";
import { test } from "node:test";
import type { RpcClient } from "../../mod.ts";
import { DEFAULT_TRANSPORT_TUNING } from "../../src/connection/options.ts";
import { Network, testOverNetworks } from "../support/networks.ts";

const ECHO = Uint8Array.of(1, 2, 3);
const LARGE = 1024 * 1024 - 1024;

/** Answers that take more than the window of the connection, so that it has to be announced again. */
async function echoMoreThanTheWindow(client: Pick<RpcClient, "request">): Promise<void> {
  for (let sent = 0; sent <= 2 * DEFAULT_TRANSPORT_TUNING.maxConnectionWindowBytes; sent += LARGE) {
    assert.equal((await client.request("echo", new Uint8Array(LARGE)) as Uint8Array).length, LARGE);
  }
}

testOverNetworks("Forty requests of a megabyte at once are all answered, as large as they came", async (network) => {
  const server = network.server().handler("echo", (_session, bytes) => bytes).build();
  const client = await network.connect(await network.start(server));
  const answers = await network.run(Promise.all(
    Array.from({ length: 40 }, (_, n) => client.request("echo", new Uint8Array(LARGE + n))),
  ));
  assert.deepEqual(answers.map((answer) => (answer as Uint8Array).length), answers.map((_, n) => LARGE + n));
  await network.run(client.close());
});

/** A server that answers calls and yields items of this size without end, and a client of it. */
async function flooded(network: Network, itemBytes: number): Promise<Flooded> {
  const events: Uint8Array[] = [];
  const item = new Uint8Array(itemBytes);
  let yielded = 0;
  const server = network.server()
    .handler("echo", (_session, bytes) => bytes)
    .handler("flood", async function* () {
      for (;;) {
        yielded++;
        yield item;
      }
    })
    .listener("event", (_session, bytes) => void events.push(bytes as Uint8Array))
    .options({ limits: { maxOutboundBytes: 64 * 1024 * 1024 } })
    .build();
  const client = await network.connect(await network.start(server));
  return {
    client,
    events,
    async fillWindows() {
      for (let before = -1; before < yielded;) {
        before = yielded;
        for (let n = 0; n < 100; n++) assert.deepEqual(await client.request("echo", ECHO), ECHO);
      }
    },
  };
}

interface Flooded {
  readonly client: Pick<RpcClient, "request" | "requestStream" | "emit" | "close">;
  readonly events: readonly Uint8Array[];
  /** Make calls until the server yields no more. */
  fillWindows(): Promise<void>;
}

test("Streaming calls that nobody reads, 200 of them, do not hold up calls and events", async () => {
  const network = new Network();
  const { client, events, fillWindows } = await flooded(network, 8_000);
  const unread = Array.from({ length: 200 }, () => client.requestStream("flood", ECHO));
  // The first item of each is read, so that all have begun; then they fill their windows.
  for (const stream of unread) await stream.next();
  await fillWindows();
  await client.emit("event", ECHO);
  await network.until(() => events.length === 1);
  await echoMoreThanTheWindow(client);
  for (const stream of unread) await stream.return?.();
  await client.close();
  await network.close();
});

test("Streaming calls that were read fast, and then no more, do not hold up calls", async () => {
  const network = new Network();
  const { client, fillWindows } = await flooded(network, 60_000);
  const paused = Array.from({ length: 3 }, () => client.requestStream("flood", ECHO));
  // Windows grow with what is read.
  await Promise.all(paused.map(async (stream) => {
    for (let n = 0; n < 500; n++) await stream.next();
  }));
  await fillWindows();
  await echoMoreThanTheWindow(client);
  for (const stream of paused) await stream.return?.();
  await client.close();
  await network.close();
});

// Over memory a stream has its largest window from the start, so that four of them take that of the connection.
test("Streams that nobody reads do not hold up calls and events", async () => {
  const network = new Network();
  const events: Uint8Array[] = [];
  const server = network.server()
    .handler("echo", (_session, bytes) => bytes)
    .listener("event", (_session, bytes) => void events.push(bytes as Uint8Array))
    .stream("slow", () => new Promise<void>(() => {}))
    .build();
  const client = await network.connect(await network.start(server));
  // As many as the sender's queue of 4 MiB has room for, 256 KiB each, and some for calls.
  const stuck = await Promise.all(Array.from({ length: 12 }, async () => {
    const stream = await client.createStream("slow");
    let sent = 0;
    const frame = new Uint8Array(60_000);
    const sending = (async () => {
      for (; sent < 100; sent++) await stream.send(frame);
    })();
    return { sending, sent: () => sent };
  }));
  // Each has filled its window and the queue of its sender.
  await network.until(() => stuck.every(({ sent }) => sent() >= 4));
  assert.deepEqual(await client.request("echo", ECHO), ECHO);
  await client.emit("event", ECHO);
  await network.until(() => events.length === 1);
  await client.close({ graceMs: 0 });
  for (const { sending } of stuck) await assert.rejects(sending, { code: "UNAVAILABLE" });
  await network.close();
});
