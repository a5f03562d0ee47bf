import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { NativeConnection } from "../../src/connection/native_connection.ts";
import type { ListenOptions, TransportConnection, TransportListener } from "../../src/connection/transport.ts";
import { waitUntil } from "../support/wait_until.ts";
import { dial, listen } from "./endpoints.ts";
import { RecordingSink } from "./recording_sink.ts";

const options = process.platform === "linux" ? {} : { skip: "several threads serve an address on Linux only" };

/** One end of a connection. */
interface End {
  readonly connection: TransportConnection;
  readonly sink: RecordingSink;
}

/** Connections of one client to one listener. */
class Crowd implements AsyncDisposable {
  readonly accepted: End[] = [];
  clients: End[] = [];
  #listener: TransportListener | undefined;

  static async connect(count: number, options: Partial<ListenOptions>): Promise<Crowd> {
    const crowd = new Crowd();
    crowd.#listener = await listen(options, (connection) => {
      const sink = new RecordingSink();
      crowd.accepted.push({ connection, sink });
      return sink;
    });
    const dialled = await Promise.all(Array.from({ length: count }, () => dial(crowd.listener)));
    crowd.clients = dialled.map(({ client, sink }) => ({ connection: client, sink }));
    for (const { sink } of crowd.clients) await sink.until(() => sink.established);
    await waitUntil(() => crowd.accepted.length === count);
    return crowd;
  }

  get listener(): TransportListener {
    return this.#listener!;
  }

  /** The server's ends by the thread they live on. */
  byThread(): End[][] {
    const threads = new Map<unknown, End[]>();
    for (const end of this.accepted) {
      const { owner } = end.connection as NativeConnection;
      threads.set(owner, [...threads.get(owner) ?? [], end]);
    }
    return [...threads.values()];
  }

  /** A message from every client that is there arrives. */
  async exchange(ends: readonly End[] = this.accepted): Promise<void> {
    const before = ends.map(({ sink }) => sink.receivedBytes);
    for (const { connection } of this.clients) connection.sendMessage(Uint8Array.of(7));
    for (const [index, { sink }] of ends.entries()) await sink.until(() => sink.receivedBytes > before[index]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.listener.close();
    for (const { connection, sink } of this.clients) {
      connection.close(0, "");
      await sink.ended();
    }
    await closed;
  }
}

test("Native transport spreads the connections of one client over the threads of a listener", options, async () => {
  await using crowd = await Crowd.connect(60, { threads: 3 });
  assert.equal(crowd.byThread().length, 3);
  assert.ok(crowd.byThread().every((ends) => ends.length > 3), "about a third each");
  await crowd.exchange();
});

test("Native transport hands packets over that came to another thread's socket", options, async () => {
  await using crowd = await Crowd.connect(60, { threads: 2 });
  // Packets that leave in one system call arrive in one piece, which the kernel steers by the first of them.
  if (process.env["ECHOSTREAM_SOCKETS"] === undefined) assert.ok(crowd.listener.stats().handedOver > 0);
  assert.equal(crowd.listener.stats().connections, 60);
  assert.equal(crowd.listener.stats().droppedUnknown, 0);
  await crowd.exchange();
});

test("Native transport serves on when some threads of a closed listener are done", options, async () => {
  await using crowd = await Crowd.connect(60, { threads: 3 });
  void crowd.listener.close();
  for (const { connection, sink } of crowd.byThread()[0]!) {
    connection.close(0, "");
    await sink.ended();
  }
  // The kernel numbers the sockets that are left anew.
  for (let round = 0; round < 3; round++) await crowd.exchange(crowd.byThread().slice(1).flat());
});

test("A listener of several threads shares its address with nobody, and gives it back", options, async () => {
  const crowd = await Crowd.connect(10, { threads: 3 });
  const { address } = crowd.listener;
  for (const threads of [1, 2]) {
    await assert.rejects(
      listen({ address, threads }, () => new RecordingSink()),
      { code: "UNAVAILABLE", message: /already in use/ },
    );
  }
  await crowd.exchange();
  await crowd[Symbol.asyncDispose]();
  const again = await listen({ address, threads: 2 }, () => new RecordingSink());
  await again.close();
});

test("Native transport says that several threads are for Linux only", {
  skip: process.platform === "linux" && "this is Linux",
}, async () => {
  await assert.rejects(listen({ threads: 2 }, () => new RecordingSink()), {
    code: "INVALID_ARGUMENT",
    message: /on Linux only/,
  });
});
