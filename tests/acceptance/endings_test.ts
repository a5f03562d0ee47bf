/**
 * How streaming calls end, whatever ends them: their caller at any moment, a server that shuts down, a peer that is gone.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";
import { deferred, failureOf } from "../support/session_pair.ts";
import { World } from "../support/world.ts";

const NEVER = new Promise<never>(() => {});

testOverNetworks("Aborting calls of every shape at any moment leaves no rejection unhandled", async (network) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const server = network.server()
      .handler("unary", cbor<unknown>(), async (_session, _payload, call) => {
        await Promise.resolve();
        call.signal.throwIfAborted();
        return 1;
      })
      .handler("items", cbor<unknown>(), async function* (_session, _payload, call) {
        for (let n = 0; n < 4; n++) {
          yield n;
          call.signal.throwIfAborted();
        }
      })
      .channel("echo", cbor<unknown>(), async function* (_session, items) {
        for await (const item of items) yield item;
      })
      .build();
    const client = await network.connect(await network.start(server));
    const shapes = [
      (signal: AbortSignal) => client.request("unary", "", { signal }),
      // Nobody reads these: what they fail with is nobody's.
      (signal: AbortSignal) => void client.requestStream("items", "", { signal }),
      (signal: AbortSignal) => void client.requestChannel("echo", { signal }).send("x").catch(() => {}),
      async (signal: AbortSignal) => {
        for await (const _ of client.requestStream("items", "", { signal }));
      },
      async (signal: AbortSignal) => {
        const channel = client.requestChannel("echo", { signal });
        await channel.sendAll(["a", "b", "c"]);
        for await (const _ of channel);
      },
    ];
    for (const shape of shapes) {
      for (let turns = 0; turns < 12; turns++) {
        const controller = new AbortController();
        // It may have ended before it is aborted.
        const call = Promise.resolve(shape(controller.signal)).then(() => "OK", (error: EchoStreamError) => error.code);
        await network.run(wait(turns));
        controller.abort();
        assert.match(await network.run(call), /^(OK|CANCELLED)$/);
      }
    }
    await network.until(() => server.sessions.size === 1 && [...server.sessions][0]!.stats.callsRunning === 0);
    // Rejections are reported when the turn they were left in is over.
    await network.run(wait(2));
    assert.deepEqual(unhandled, []);
    assert.equal(client.session.stats.requestsPending, 0);
  } finally {
    process.off("unhandledRejection", note);
  }
});

testOverNetworks("A server with a stream that hangs shuts down when the grace is over", async (network) => {
  const parked = deferred();
  const server = network.server()
    .handler("hangs", cbor<unknown>(), async function* () {
      yield 1;
      parked.resolve();
      await NEVER;
    })
    .build();
  const client = await network.connect(await network.start(server), { reconnect: false });
  const stream = client.requestStream("hangs", "");
  await network.run(stream.next());
  await network.run(parked.promise);
  const failing = failureOf(stream.next());
  await network.run(server.shutdown({ graceMs: 50 }));
  const { code, disposition } = await network.run(failing);
  assert.deepEqual([code, disposition], ["UNAVAILABLE", "perhapsProcessed"]);
});

testOverNetworks("A server that answered a client stream early shuts down at once", async (network) => {
  const server = network.server()
    .channel("first", cbor<unknown>(), async (_session, items) => {
      for await (const item of items) return item;
    })
    .build();
  const client = await network.connect(await network.start(server), { reconnect: false });
  const channel = client.requestChannel("first");
  await network.run(channel.send("only"));
  assert.ok(!(await network.run(channel.next())).done);
  // The caller has not ended its items, and never will. A grace without end would never be over.
  await network.run(server.shutdown({ graceMs: Infinity }));
  assert.equal((await network.run(client.closed)).by, "remote");
});

test("A dead peer is found within keep-alive plus idle time, by who reads a stream and by who writes it", async () => {
  const world = new World();
  const tuning = { idleTimeoutMs: 3_000, keepAliveIntervalMs: 1_000 };
  const told = deferred<number>();
  const server = world.server().options({ tuning })
    .handler("never", cbor<unknown>(), async function* (_session, _payload, call) {
      yield 1;
      await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
      told.resolve(world.clock.nowUs());
    })
    .build();
  await world.run(server.start());
  const client = await world.connectHere({ tuning, reconnect: false });
  const stream = client.requestStream("never", "");
  await world.run(stream.next());
  const failing = failureOf(stream.next()).then(({ code }) => [code, world.clock.nowUs()] as const);
  const cutUs = world.clock.nowUs();
  world.network.setCut(true);
  const [code, readerUs] = await world.run(failing);
  assert.equal(code, "UNAVAILABLE");
  for (const learntUs of [readerUs, await world.run(told.promise)]) {
    assert.ok(learntUs - cutUs <= 4_000_000, `after ${learntUs - cutUs} µs`);
  }
  await world.run(server.shutdown({ graceMs: 0 }));
});

/** So many turns of the event loop. */
async function wait(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
