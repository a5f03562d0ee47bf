/**
 * Interceptors between servers and clients: which calls they see, what they may change, and how calls end that they hold up.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as z from "zod";
import { RpcClient } from "../../src/client/client.ts";
import { EchoStreamError, ErrorCode } from "../../src/protocol/error.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import type { Call } from "../../src/rpc/handler.ts";
import { observeCall } from "../../src/rpc/observe_call.ts";
import type { UseOptions } from "../../src/rpc/interceptor.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { RpcServerBuilder } from "../../src/server/builder.ts";
import type { InterceptedCall, Interceptor } from "../../src/session/interception.ts";
import type { Session } from "../../src/session.ts";
import { collect } from "../support/collect.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { deferred, failureOf } from "../support/session_pair.ts";

/** Adds and lists, in the four shapes. `caught` is the last call a handler was given. */
class Service {
  caught: Call | undefined;

  register<B extends Pick<RpcServerBuilder, "handler" | "channel">>(builder: B): B {
    const values = cbor<number>();
    builder.handler("double", z.number(), (_session, n, call) => {
      this.caught = call;
      return n * 2;
    });
    builder.handler("bytes", (_session, bytes) => bytes);
    builder.handler("count", values, async function* (_session, to) {
      for (let n = 0; n < to; n++) yield n;
    });
    builder.channel("sum", values, async (_session, items) => {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    });
    builder.channel("negate", { input: z.number(), output: z.number() }, async function* (_session, items) {
      for await (const item of items) yield -item;
    });
    return builder;
  }
}

interface Pair {
  readonly client: RpcClient<unknown>;
  readonly server: Session;
  readonly service: Service;
}

/** A server and a client that both offer {@link Service}, with these interceptors. */
async function join(
  network: Network,
  use: { readonly server?: readonly Use[]; readonly client?: readonly Use[] },
): Promise<Pair> {
  const service = new Service();
  const builder = service.register(network.server());
  for (const [interceptor, options] of use.server ?? []) builder.use(interceptor, options);
  const met = deferred<Session>();
  const address = await network.start(builder.onConnect((session) => met.resolve(session)).build());
  const connecting = RpcClient.builder<unknown>().connect(address).options(network.options);
  service.register(connecting as unknown as RpcServerBuilder);
  for (const [interceptor, options] of use.client ?? []) connecting.use(interceptor, options);
  const client = network.adopt(await network.run(connecting.build()));
  return { client, server: await network.run(met.promise), service };
}

type Use = readonly [interceptor: Interceptor, options?: UseOptions];

/** The session of `pair` that makes calls in that direction. */
function callers({ client, server }: Pair): Record<string, Session> {
  return { "client to server": client.session, "server to client": server };
}

/** A call in each shape; what it gives. */
const SHAPES: Record<string, (session: Session) => Promise<unknown>> = {
  unary: (session) => session.request("double", 21),
  "server streaming": (session) => collect(session.requestStream("count", 3)),
  "client streaming": async (session) => {
    const channel = session.requestChannel<number, number>("sum");
    await channel.sendAll([1, 2, 3]);
    return await channel.response();
  },
  bidirectional: async (session) => {
    const channel = session.requestChannel<number, number>("negate");
    const answers: unknown[] = [];
    for (const n of [1, 2]) {
      await channel.send(n);
      answers.push((await channel.next()).value);
    }
    channel.end();
    answers.push((await channel.next()).done);
    return answers;
  },
};
const METHODS: Record<string, string> = {
  unary: "double",
  "server streaming": "count",
  "client streaming": "sum",
  bidirectional: "negate",
};
const RESULTS: Record<string, unknown> = {
  unary: 42,
  "server streaming": [0, 1, 2],
  "client streaming": 6,
  bidirectional: [-1, -2, true],
};

testOverNetworks(
  "Interceptors surround calls of every shape, both ways and on both sides, in order",
  async (network) => {
    const seen: string[] = [];
    const named = (name: string): Interceptor => async (call, next) => {
      seen.push(`${name} ${call.direction} ${call.kind} ${call.method}`);
      const result = await next(call);
      seen.push(`${name} done`);
      return result;
    };
    const pair = await join(network, {
      server: [[named("s1")], [named("s2"), { calls: "both" }]],
      client: [[named("c1")], [named("c2"), { calls: "both" }]],
    });
    for (const [way, session] of Object.entries(callers(pair))) {
      const names = way === "client to server" ? ["c1", "c2", "s1", "s2"] : ["s2", "c2"];
      for (const [shape, call] of Object.entries(SHAPES)) {
        assert.deepEqual(await network.run(call(session)), RESULTS[shape], `${shape}, ${way}`);
        const entered = seen.filter((line) => !line.endsWith("done")).map((line) => line.split(" ")[0]);
        assert.deepEqual(entered, names, `${shape}, ${way}`);
        seen.length = 0;
      }
    }
  },
);

testOverNetworks("Interceptors that pass everything on change nothing, whether they wait or not", async (network) => {
  const passing: Use[] = [
    [(call, next) => next(call), { calls: "both" }],
    [async (call, next) => await next(call), { calls: "both" }],
    [(call, next) => next(call.with({})), { calls: "both" }],
  ];
  for (const chain of [passing, ...passing.map((one) => [one])]) {
    const pair = await join(network, { server: chain, client: chain });
    for (const [way, session] of Object.entries(callers(pair))) {
      for (const [shape, call] of Object.entries(SHAPES)) {
        assert.deepEqual(await network.run(call(session)), RESULTS[shape], `${shape}, ${way}`);
      }
      const refused = await network.run(failureOf(session.request("double", "two")));
      assert.deepEqual([refused.code, refused.disposition], ["INVALID_ARGUMENT", "notProcessed"]);
      const unknown = await network.run(failureOf(session.requestStream("unknown").next()));
      assert.deepEqual([unknown.code, unknown.disposition], ["UNIMPLEMENTED", "notProcessed"]);
    }
  }
});

testOverNetworks(
  "Payloads, items and answers may be replaced, and the handler's schema judges the replacement",
  async (network) => {
    async function* each(items: AsyncIterable<unknown>, change: (item: number) => unknown): AsyncGenerator<unknown> {
      for await (const item of items) yield change(item as number);
    }
    const shift: Interceptor = async (call, next) => {
      if (call.kind === "unary") {
        return await next(call.with({ payload: (call.payload as number) + 1 })) as number +
          0.5;
      }
      if (call.kind === "stream") return each(await next(call), (n) => n + 100);
      return each(await next(call.with({ items: each(call.items!, (n) => n * 10) })), (n) => n + 1);
    };
    for (const use of [{ server: [[shift] as Use] }, { client: [[shift] as Use] }]) {
      const { client: { session } } = await join(network, use);
      assert.equal(await network.run(SHAPES.unary!(session)), 44.5);
      assert.deepEqual(await network.run(SHAPES["server streaming"]!(session)), [100, 101, 102]);
      assert.equal(await network.run(SHAPES["client streaming"]!(session)), 61);
      assert.deepEqual(await network.run(SHAPES.bidirectional!(session)), [-9, -19, true]);
      assert.equal((await network.run(failureOf(session.request("double", "x")))).code, "INVALID_ARGUMENT");
    }
  },
);

testOverNetworks("An interceptor answers in place of the handler, or of the peer", async (network) => {
  const answer: Interceptor = (call) => call.kind === "unary" ? "cached" : SEQUENCE;
  for (const use of [{ server: [[answer] as Use] }, { client: [[answer] as Use] }]) {
    const { client: { session }, service } = await join(network, use);
    assert.equal(await network.run(session.request("double", 1)), "cached");
    assert.deepEqual(await network.run(collect(session.requestStream("count", 9))), ["a", "b"]);
    const channel = session.requestChannel("negate");
    assert.deepEqual(await network.run(collect(channel)), ["a", "b"]);
    assert.deepEqual(await network.run(channel.headers), []);
    assert.equal(await network.run(channel.send(1)), false);
    assert.equal(service.caught, undefined);
  }
});

testOverNetworks(
  "What an interceptor throws reaches the caller as a handler's error does, before any handler ran",
  async (network) => {
    const thrown = [
      new EchoStreamError(ErrorCode.UNAUTHENTICATED, "Who are you", { data: { realm: "a" }, errorName: "Stranger" }),
      new Error("secret"),
    ];
    for (const how of ["thrown", "rejected"]) {
      for (const error of thrown) {
        const throwing: Interceptor = () => {
          if (how === "thrown") throw error;
          return Promise.reject(error);
        };
        const { client: { session }, service } = await join(network, { server: [[throwing]] });
        for (const [shape, call] of Object.entries(SHAPES)) {
          const failure = await network.run(failureOf(call(session)));
          const isOwn = error instanceof EchoStreamError;
          assert.deepEqual(
            [failure.code, failure.message, failure.disposition],
            isOwn ? ["UNAUTHENTICATED", "Who are you", "notProcessed"] : ["INTERNAL", "Handler failed", "notProcessed"],
            shape,
          );
          assert.equal(failure.errorName, isOwn ? "Stranger" : undefined);
          const logged = network.records.filter((record) => record.error === error);
          assert.equal(logged.length, isOwn ? 0 : 1, shape);
          network.records.length = 0;
        }
        assert.equal(service.caught, undefined);
      }
    }
  },
);

testOverNetworks(
  "What an outgoing interceptor throws is INTERNAL for its caller, with the cause in the log",
  async (network) => {
    const cause = new Error("broken");
    for (
      const throwing of [() => Promise.reject(cause), () => {
        throw cause;
      }]
    ) {
      const { client } = await join(network, { client: [[throwing]] });
      for (const [shape, call] of Object.entries(SHAPES)) {
        const failure = await network.run(failureOf(call(client.session)));
        assert.deepEqual(
          [failure.code, failure.cause, failure.disposition],
          ["INTERNAL", cause, "notProcessed"],
          shape,
        );
        assert.equal(network.records.splice(0).filter(({ error }) => error === cause).length, 1, shape);
      }
    }
  },
);

testOverNetworks("A mistake of the caller stays one behind interceptors", async (network) => {
  const { client } = await join(network, { client: [[async (call, next) => await next(call)]] });
  await assert.rejects(network.run(client.session.request("double", 1, { timeoutMs: -1 })), RangeError);
  await assert.rejects(network.run(client.session.request("double", 1, { metadata: { "bad name": "" } })), {
    code: "INVALID_ARGUMENT",
  });
  await assert.rejects(network.run(client.session.requestStream("count", 1, { timeoutMs: -1 }).next()), RangeError);
  await assert.rejects(network.run(client.session.requestChannel("sum", { timeoutMs: -1 }).response()), RangeError);
  const aborted = await network.run(failureOf(client.session.request("double", 1, { signal: AbortSignal.abort() })));
  assert.deepEqual([aborted.code, aborted.disposition], ["CANCELLED", "notProcessed"]);
});

testOverNetworks("An incoming call goes on once: a second next is a mistake of the interceptor", async (network) => {
  const twice: Interceptor = async (call, next) => {
    await next(call);
    return await next(call);
  };
  const { client: { session } } = await join(network, { server: [[twice]] });
  for (const [shape, call] of Object.entries(SHAPES)) {
    const failure = await network.run(failureOf(call(session)));
    assert.deepEqual([failure.code, failure.disposition], ["INTERNAL", "processed"], shape);
    const logged = network.records.splice(0).filter(({ level }) => level === "error");
    assert.deepEqual(logged.map(({ error }) => (error as Error).message), [
      `next was called twice for "${METHODS[shape]}"`,
    ]);
  }
});

testOverNetworks("An error that a method declares passes interceptors as it is", async (network) => {
  const passing: Interceptor = async (call, next) => await next(call);
  const address = await network.start(
    network.server()
      .use(passing)
      .handler("buy", { input: cbor<number>(), errors: { outOfStock: cbor<{ left: number }>() } }, (_s, left, call) => {
        throw call.error("outOfStock", { left });
      })
      .build(),
  );
  const client = await network.connect<unknown>(address);
  const error = await network.run(failureOf(client.session.request("buy", 3)));
  assert.deepEqual([error.code, error.errorName, error.data], ["FAILED_PRECONDITION", "outOfStock", { left: 3 }]);
});

testOverNetworks("An outgoing call with a payload goes on as often as an interceptor wants", async (network) => {
  let refusals = 0;
  const refuse: Interceptor = (call, next) => {
    if (refusals-- > 0) throw new EchoStreamError(ErrorCode.UNAVAILABLE, "Not now");
    return next(call);
  };
  const again: Interceptor = (call, next) => next(call).catch(() => next(call));
  const { client: { session } } = await join(network, { server: [[refuse]], client: [[again]] });
  refusals = 1;
  assert.equal(await network.run(session.request("double", 4)), 8);
  refusals = 2;
  assert.equal((await network.run(failureOf(session.request("double", 4)))).code, "UNAVAILABLE");
});

testOverNetworks("Calls of methods nobody has are seen too", async (network) => {
  const seen: unknown[] = [];
  const { client: { session } } = await join(network, {
    server: [[async (call, next) => {
      try {
        return await next(call);
      } catch (error) {
        seen.push([call.method, call.kind, call.payload, (error as EchoStreamError).code]);
        throw error;
      }
    }]],
  });
  for (const call of [() => session.request("no", 1), () => session.requestStream("no", 1).next()]) {
    const failure = await network.run(failureOf(call()));
    assert.deepEqual([failure.code, failure.message, failure.disposition], [
      "UNIMPLEMENTED",
      'No method "no"',
      "notProcessed",
    ]);
  }
  assert.equal((await network.run(failureOf(session.request("negate", 1)))).code, "UNIMPLEMENTED");
  assert.deepEqual(seen, [
    ["no", "unary", 1, "UNIMPLEMENTED"],
    ["no", "channel", undefined, "UNIMPLEMENTED"],
    ["negate", "unary", undefined, "UNIMPLEMENTED"],
  ]);
});

testOverNetworks("$sys methods pass interceptors as others do", async (network) => {
  const seen: string[] = [];
  const { client: { session } } = await join(network, {
    server: [[(call, next) => (seen.push(call.method), next(call))]],
  });
  assert.equal(await network.run(session.request("$sys.ping", 7)), 7);
  assert.deepEqual(seen, ["$sys.ping"]);
});

testOverNetworks(
  "Metadata, trace context and values of a call reach its handler; those of its answer reach the caller",
  async (network) => {
    const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const answered: Metadata[] = [];
    const { client, service } = await join(network, {
      server: [[async (call, next) => {
        call.context.set("user", "ada");
        call.sendHeaders({ early: "1" });
        const result = await next(call.with({ metadata: [...call.metadata, ["added", "s"]] }));
        call.setMetadata({ late: "2" });
        return result;
      }]],
      client: [[(call, next) =>
        next(call.with({
          metadata: [...call.metadata, ["added", "c"]],
          traceparent: TRACE,
          ...(call.kind === "unary" ? { onMetadata: (metadata) => void answered.push(metadata) } : {}),
        }))]],
    });
    const onMetadata = (metadata: Metadata): void => void answered.push(metadata);
    await network.run(client.session.request("double", 1, { metadata: { own: "o" }, onMetadata }));
    assert.deepEqual(service.caught?.metadata, [["own", "o"], ["added", "c"], ["added", "s"]]);
    assert.equal(service.caught.traceparent, TRACE);
    assert.equal(service.caught.options().traceparent, TRACE);
    assert.equal(service.caught.context.get("user"), "ada");
    assert.deepEqual(answered, [[["early", "1"], ["late", "2"]], [["early", "1"], ["late", "2"]]]);
    const stream = client.session.requestStream("count", 1);
    assert.deepEqual(await network.run(stream.headers), [["early", "1"]]);
    await network.run(collect(stream));
  },
);

testOverNetworks("Calls wait for interceptors that wait, items with them, each for the one before", async (network) => {
  const gate = deferred();
  const { client: { session } } = await join(network, {
    client: [[async (call, next) => {
      await gate.promise;
      return await next(call);
    }]],
  });
  const stream = collect(session.requestStream("count", 2));
  const channel = session.requestChannel<number, number>("sum");
  let sent = 0;
  const sending = (async () => {
    for (const n of [1, 2, 3]) {
      await channel.send(n);
      sent++;
    }
  })();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assert.equal(sent, 0);
  gate.resolve();
  await network.run(sending);
  assert.equal(await network.run(channel.response()), 6);
  assert.deepEqual(await network.run(stream), [0, 1]);
});

testOverNetworks(
  "A caller is freed at its deadline and by its signal, whatever interceptors are at",
  async (network) => {
    const never = new Promise<never>(() => {});
    const stuck: InterceptedCall[] = [];
    const { client } = await join(network, {
      client: [[(call) => {
        stuck.push(call);
        void call.signal.aborted;
        return never;
      }]],
    });
    for (const session of [client.session, client as unknown as Session]) {
      const late = [
        session.request("double", 1, { timeoutMs: 20 }),
        session.requestStream("count", 1, { timeoutMs: 20 }).next(),
        session.requestChannel("sum", { timeoutMs: 20 }).send(1),
      ];
      for (const failure of await network.run(Promise.all(late.map(failureOf)))) {
        assert.deepEqual([failure.code, failure.disposition], ["DEADLINE_EXCEEDED", "notProcessed"]);
      }
      const controller = new AbortController();
      const { signal } = controller;
      const cancelled = [
        session.request("double", 1, { signal }),
        session.requestStream("count", 1, { signal }).next(),
        session.requestChannel("sum", { signal }).response(),
      ].map(failureOf);
      controller.abort("enough");
      for (const failure of await network.run(Promise.all(cancelled))) {
        assert.deepEqual([failure.code, failure.cause, failure.disposition], ["CANCELLED", "enough", "notProcessed"]);
      }
    }
    assert.equal(stuck.length, 12);
    assert.ok(stuck.every((call) => call.signal.aborted));
  },
);

testOverNetworks("Calls that interceptors hold up end with their session", async (network) => {
  const { client } = await join(network, { client: [[() => new Promise(() => {})]] });
  const waiting = [
    client.session.request("double", 1),
    client.session.requestStream("count", 1).next(),
    client.request("double" as never, 1 as never),
  ];
  const failures = Promise.all(waiting.map(failureOf));
  await network.run(client.close());
  for (const failure of await network.run(failures)) assert.equal(failure.disposition, "notProcessed");
});

testOverNetworks("Time that interceptors take is taken from the deadline", async (network) => {
  const { client, service } = await join(network, {
    client: [[async (call, next) => {
      await new Promise((resolve) => (call.session as Session).after(60, () => resolve(undefined)));
      return await next(call);
    }]],
  });
  await network.run(client.session.request("double", 1, { timeoutMs: 5_000 }));
  assert.ok(service.caught!.deadlineMs! <= 4_940, `${service.caught!.deadlineMs}`);
});

testOverNetworks(
  "An item that cannot travel is told to its sender, also where interceptors replace items",
  async (network) => {
    async function* each(items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
      for await (const item of items) yield item;
    }
    const { client } = await join(network, {
      client: [[async (call, next) => await next(call.items ? call.with({ items: each(call.items) }) : call)]],
    });
    const channel = client.session.requestChannel<unknown, number>("sum");
    assert.equal(await network.run(channel.send(1)), true);
    assert.equal((await network.run(failureOf(channel.send(() => {})))).code, "INVALID_ARGUMENT");
    assert.equal(await network.run(channel.send(2)), true);
    assert.equal(await network.run(channel.response()), 3);
  },
);

testOverNetworks("An observer learns once how each call ends", async (network) => {
  const ends: string[] = [];
  const observe: Interceptor = (call, next) =>
    observeCall(
      call,
      next,
      ({ code, answers }) => void ends.push(`${call.direction} ${call.method} ${code} ${answers}`),
    );
  const { client } = await join(network, { server: [[observe]], client: [[observe]] });
  const { session } = client;
  const both = (end: string): string[] => [`incoming ${end}`, `outgoing ${end}`];
  const ended = async (end: string): Promise<void> => {
    await network.until(() => ends.length === 2);
    assert.deepEqual(ends.splice(0).sort(), both(end));
  };
  for (
    const [shape, answers] of Object.entries({
      unary: 1,
      "server streaming": 3,
      "client streaming": 1,
      bidirectional: 2,
    })
  ) {
    await network.run(SHAPES[shape]!(session));
    await ended(`${METHODS[shape]} OK ${answers}`);
  }
  await network.run(failureOf(session.request("double", "x")));
  await ended("double INVALID_ARGUMENT 0");
  await network.run(failureOf(session.requestStream("unknown").next()));
  await ended("unknown UNIMPLEMENTED 0");
  await network.run((async () => {
    for await (const _item of session.requestStream("count", 1_000_000)) break;
  })());
  await network.until(() => ends.length === 2);
  assert.deepEqual(ends.splice(0).map((end) => end.split(" ")[2]), ["CANCELLED", "CANCELLED"]);
  // Nobody reads it while it runs out of time.
  const unread = session.requestChannel("negate", { timeoutMs: 50 });
  await network.run(unread.send(1));
  await network.until(() => ends.length === 2);
  // Its callee may hear from the caller that it is over before its own clock says so.
  assert.ok(ends.some((end) => end.startsWith("outgoing negate DEADLINE_EXCEEDED ")), ends.join());
  assert.equal((await network.run(failureOf(unread.next()))).code, "DEADLINE_EXCEEDED");
});

testOverNetworks(
  "Leaving a loop leaves what interceptors wrapped, and the handler runs its finally",
  async (network) => {
    async function* wrapped(items: AsyncIterable<unknown>): AsyncGenerator<unknown> {
      for await (const item of items) yield item;
    }
    const wrap: Interceptor = async (call, next) => wrapped(await next(call));
    for (
      const use of [{ server: [[wrap] as Use] }, { client: [[wrap] as Use] }, {
        server: [[wrap] as Use],
        client: [[wrap] as Use],
      }]
    ) {
      const over = deferred();
      const builder = network.server().handler("forever", cbor(), async function* () {
        try {
          for (let n = 0;; n++) yield n;
        } finally {
          over.resolve();
        }
      });
      for (const [interceptor] of use.server ?? []) builder.use(interceptor);
      const address = await network.start(builder.build());
      const connecting = RpcClient.builder<unknown>().connect(address).options(network.options);
      for (const [interceptor] of use.client ?? []) connecting.use(interceptor);
      const client = network.adopt(await network.run(connecting.build()));
      await network.run((async () => {
        for await (const item of client.session.requestStream("forever")) if (item === 2) break;
      })());
      await network.run(over.promise);
    }
  },
);

testOverNetworks(
  "A caller that gives up frees the slot only when interceptor and handler have ended",
  async (network) => {
    const entered = deferred<InterceptedCall>();
    const goOn = deferred();
    const slow: Interceptor = async (call, next) => {
      entered.resolve(call);
      await goOn.promise;
      return await next(call);
    };
    const { client, server, service } = await join(network, { server: [[slow]] });
    const controller = new AbortController();
    const asked = failureOf(client.session.request("double", 1, { signal: controller.signal }));
    const call = await network.run(entered.promise);
    controller.abort();
    assert.equal((await network.run(asked)).code, "CANCELLED");
    await network.until(() => call.signal.aborted);
    assert.equal((call.signal.reason as EchoStreamError).code, "CANCELLED");
    assert.equal(server.stats.callsRunning, 1);
    goOn.resolve();
    await network.until(() => server.stats.callsRunning === 0);
    assert.equal(service.caught, undefined);
  },
);

testOverNetworks(
  "A handler that goes on while an interceptor has answered keeps its slot, and is told",
  async (network) => {
    const goOn = deferred();
    const caught = deferred<Call>();
    const impatient: Interceptor = (call, next) => {
      next(call);
      return call.kind === "unary" ? "early" : SEQUENCE;
    };
    const address = await network.start(
      network.server()
        .handler("slow", cbor(), async (_session, _payload, call) => {
          caught.resolve(call);
          await goOn.promise;
          throw new Error("Nobody hears this");
        })
        .use(impatient)
        .use(async (call, next) => await next(call))
        .build(),
    );
    const client = await network.connect<unknown>(address);
    assert.equal(await network.run(client.session.request("slow")), "early");
    const call = await network.run(caught.promise);
    assert.equal(call.signal.aborted, true);
    assert.deepEqual(await network.run(collect(client.session.requestStream("slow"))), ["a", "b"]);
    goOn.resolve();
    assert.equal(await network.run(client.session.request("slow")), "early");
  },
);

const SEQUENCE: AsyncIterable<string> = {
  async *[Symbol.asyncIterator]() {
    yield "a";
    yield "b";
  },
};
