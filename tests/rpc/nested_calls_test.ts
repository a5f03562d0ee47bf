/**
 * Calls made on behalf of calls, three hops deep: what is left of the deadline, cancellation and trace context reach the last of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "../../src/rpc/handler.ts";
import type { ItemStream } from "../../src/rpc/item_queue.ts";
import type { CallOptions } from "../../src/rpc/call_options.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { Session } from "../../src/session.ts";
import { deferred, failureOf, memoryPair, nativePair, type SessionPair } from "../support/session_pair.ts";
import { VirtualClock } from "../../src/virtual_clock.ts";

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/** What a handler does before it asks the next server, and by how much wire and timers round. */
const WORK_MS = 20;
const ROUNDING_MS = 4;
const VALUES = { input: cbor<unknown>() };

/** How the first caller, and every hop, calls the next. */
const WAYS: Readonly<Record<string, (session: Session, options: CallOptions) => Promise<unknown>>> = {
  request: (session, options) => session.request("request", 1, options),
  requestStream: (session, options) => session.requestStream("requestStream", 1, options).next(),
  requestChannel: async (session, options) => {
    const channel = session.requestChannel("requestChannel", options);
    await channel.send(1);
    return await channel.response();
  },
};

/** Three servers in a row, each asking the next; the last one waits until it is told to stop. */
class Chain {
  readonly pairs: readonly SessionPair[];
  readonly arrived = deferred<Call>();
  readonly stopped = deferred<unknown>();
  #hops = 0;

  constructor(pairs: readonly SessionPair[]) {
    this.pairs = pairs;
    for (const [n, { server }] of pairs.entries()) {
      const next = pairs[n + 1]?.client.session;
      server.router.handle("request", (_session, _payload, call) => this.#answer("request", next, call), VALUES);
      server.router.handle("requestStream", (_session, _payload, call) => this.#stream(next, call), VALUES);
      server.router.handle(
        "requestChannel",
        (_session, _items: ItemStream<unknown>, call) => this.#answer("requestChannel", next, call),
        { ...VALUES, channel: true },
      );
    }
  }

  /** Servers whose handlers have run. */
  get hops(): number {
    return this.#hops;
  }

  get first(): Session {
    return this.pairs[0]!.client.session;
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.pairs[0]!.run(promise);
  }

  async close(): Promise<void> {
    for (const pair of this.pairs) await pair.close();
  }

  async *#stream(next: Session | undefined, call: Call): AsyncGenerator<unknown> {
    yield await this.#answer("requestStream", next, call);
  }

  async #answer(way: string, next: Session | undefined, call: Call): Promise<unknown> {
    this.#hops++;
    if (next !== undefined) {
      await new Promise<void>((resolve) => this.pairs[0]!.clock.setTimer(resolve, WORK_MS));
      return await WAYS[way]!(next, call.options());
    }
    this.arrived.resolve(call);
    return await new Promise((_resolve, reject) =>
      call.signal.addEventListener("abort", () => {
        this.stopped.resolve(call.signal.reason);
        reject(call.signal.reason);
      })
    );
  }
}

function testChains(name: string, body: (chain: Chain, way: string) => Promise<void>): void {
  for (const way of Object.keys(WAYS)) {
    for (const network of ["memory", "native"] as const) {
      test(`${name} (${way}, ${network})`, async () => {
        const clock = new VirtualClock();
        const pair = (): Promise<SessionPair> =>
          network === "memory" ? memoryPair({ clock, network: { delayMs: 10 } }) : nativePair();
        const chain = new Chain([await pair(), await pair(), await pair()]);
        try {
          await body(chain, way);
        } finally {
          await chain.close();
        }
      });
    }
  }
}

testChains("A deadline is inherited through three hops", async (chain, way) => {
  const asked = failureOf(WAYS[way]!(chain.first, { timeoutMs: 400, traceparent: TRACE }));
  const last = await chain.run(chain.arrived.promise);
  assert.ok(
    last.deadlineMs !== undefined && last.deadlineMs > 0 && last.deadlineMs <= 400 - 2 * WORK_MS + ROUNDING_MS,
    `${last.deadlineMs}`,
  );
  assert.equal(last.traceparent, TRACE);
  const error = await chain.run(asked);
  assert.equal(error.code, "DEADLINE_EXCEEDED");
  const reason = await chain.run(chain.stopped.promise) as { code: string };
  assert.match(reason.code, /^(DEADLINE_EXCEEDED|CANCELLED)$/);
  assert.equal(chain.hops, 3);
});

testChains("A cancellation reaches the third hop", async (chain, way) => {
  const controller = new AbortController();
  const asked = failureOf(WAYS[way]!(chain.first, { signal: controller.signal }));
  await chain.run(chain.arrived.promise);
  controller.abort();
  assert.equal((await chain.run(asked)).code, "CANCELLED");
  const reason = await chain.run(chain.stopped.promise) as { code: string };
  assert.equal(reason.code, "CANCELLED");
});
