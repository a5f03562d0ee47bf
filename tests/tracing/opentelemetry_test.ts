/**
 * Spans of calls: one trace over several hops, whoever says how they belong together.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  type Context,
  context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
} from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { RpcClient } from "../../src/client/client.ts";
import { openTelemetry } from "../../src/opentelemetry.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { Network, testOverNetworks } from "../support/networks.ts";
import { failureOf } from "../support/session_pair.ts";

/** Spans that have ended, and what makes them. */
class Tracing {
  readonly #exporter = new InMemorySpanExporter();
  readonly provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] });
  readonly interceptor = openTelemetry({ tracerProvider: this.provider });

  get spans(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  /** The only span of that kind and name. */
  span(kind: SpanKind, name: string): ReadableSpan {
    const [span, ...more] = this.spans.filter((span) => span.kind === kind && span.name === name);
    assert.ok(span !== undefined && more.length === 0, `${name}: ${this.spans.map((span) => span.name)}`);
    return span;
  }
}

/** Keeps the active context over `await`, as the context manager of an SDK does. */
class LocalContexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    inside: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(inside, () => run.apply(self, args));
  }

  bind<T>(_context: Context, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

/** Check one thing over real QUIC; whatever was started is closed at the end. */
function testTracing(name: string, body: (network: Network, tracing: Tracing) => Promise<void>): void {
  test(name, async () => {
    const network = new Network();
    try {
      await body(network, new Tracing());
    } finally {
      await network.close();
    }
  });
}

function idOf(span: ReadableSpan): string {
  return span.spanContext().spanId;
}

/** A server whose `outer` asks another one's `inner`, with `options` deciding how; and a client of the first. */
async function chain(network: Network, tracing: Tracing, isExplicit: boolean) {
  const far = network.server().use(tracing.interceptor, { calls: "both" })
    .handler("inner", cbor<number>(), (_session, n, call) => {
      traceparents.push(call.traceparent);
      return n * 2;
    })
    .handler("items", cbor<number>(), async function* (_session, n) {
      for (let i = 0; i < n; i++) yield i;
    })
    .build();
  const traceparents: (string | undefined)[] = [];
  const between = network.adopt(
    await network.run(
      RpcClient.builder<typeof far>().connect(await network.start(far)).options(network.options)
        .use(tracing.interceptor, { calls: "both" }).build(),
    ),
  );
  const near = network.server().use(tracing.interceptor, { calls: "both" })
    .handler("outer", cbor<number>(), async (_session, n, call) => {
      await Promise.resolve();
      return await between.request("inner", n, isExplicit ? call.options() : {});
    })
    .handler("outer.items", cbor<number>(), async function* (_session, n, call) {
      yield -1;
      yield* between.requestStream("items", n, isExplicit ? call.options() : {});
    })
    .build();
  const client = network.adopt(
    await network.run(
      RpcClient.builder<typeof near>().connect(await network.start(near)).options(network.options)
        .use(tracing.interceptor, { calls: "both" }).build(),
    ),
  );
  return { client, traceparents };
}

/** Check that the spans of the two hops are one trace below `parentId`. */
function assertOneTrace(tracing: Tracing, outer: string, inner: string, parentId: string | undefined): void {
  const hops = [
    tracing.span(SpanKind.CLIENT, outer),
    tracing.span(SpanKind.SERVER, outer),
    tracing.span(SpanKind.CLIENT, inner),
    tracing.span(SpanKind.SERVER, inner),
  ];
  assert.equal(new Set(hops.map((span) => span.spanContext().traceId)).size, 1);
  assert.deepEqual(hops.map((span) => span.parentSpanContext?.spanId), [parentId, ...hops.slice(0, 3).map(idOf)]);
}

testOverNetworks("A call that makes another by call.options() is one trace of four spans", async (network) => {
  const tracing = new Tracing();
  const { client, traceparents } = await chain(network, tracing, true);
  assert.equal(await network.run(client.request("outer", 21)), 42);
  await network.until(() => tracing.spans.length === 4);
  assertOneTrace(tracing, "outer", "inner", undefined);
  const { traceId, spanId } = tracing.span(SpanKind.SERVER, "inner").spanContext();
  assert.deepEqual(traceparents, [`00-${traceId}-${spanId}-01`]);
});

testOverNetworks(
  "A streaming call that makes another is one trace of four spans, which count the answers",
  async (network) => {
    const tracing = new Tracing();
    const { client } = await chain(network, tracing, true);
    const answers: number[] = [];
    await network.run((async () => {
      for await (const answer of client.requestStream("outer.items", 3)) answers.push(answer);
    })());
    assert.deepEqual(answers, [-1, 0, 1, 2]);
    await network.until(() => tracing.spans.length === 4);
    assertOneTrace(tracing, "outer.items", "items", undefined);
    const counts = tracing.spans.map(({ name, attributes }) => [name, attributes["echostream.call.answers"]]);
    assert.deepEqual(counts.sort(), [["items", 3], ["items", 3], ["outer.items", 4], ["outer.items", 4]]);
  },
);

testOverNetworks(
  "With a context manager nested calls belong to the active span, also those of generators",
  async (network) => {
    context.setGlobalContextManager(new LocalContexts());
    try {
      for (const shape of ["outer", "outer.items"] as const) {
        const tracing = new Tracing();
        const { client } = await chain(network, tracing, false);
        const root = tracing.provider.getTracer("test").startSpan("root");
        await network.run(context.with(trace.setSpan(context.active(), root), async () => {
          if (shape === "outer") return void await client.request("outer", 21);
          for await (const _ of client.requestStream("outer.items", 2));
        }));
        await network.until(() => tracing.spans.length === 4);
        assertOneTrace(tracing, shape, shape === "outer" ? "inner" : "items", root.spanContext().spanId);
      }
    } finally {
      context.disable();
    }
  },
);

testTracing("Spans say what was called, where, and how it ended", async (network, tracing) => {
  const server = network.server().use(tracing.interceptor)
    .handler("fine", () => "")
    .handler("absent", () => {
      throw new EchoStreamError("NOT_FOUND", "Nobody of that name");
    })
    .handler("broken", () => {
      throw new TypeError("secret");
    })
    .build();
  const { address, port } = await network.start(server);
  const client = network.adopt(
    await RpcClient.builder<typeof server>().connect({ address, port }).options(network.options).use(
      tracing.interceptor,
    )
      .build(),
  );
  await client.request("fine", "");
  for (const method of ["absent", "broken", "invented"]) await failureOf(client.session.request(method));
  await network.until(() => tracing.spans.length === 8);

  const fine = tracing.span(SpanKind.CLIENT, "fine");
  assert.deepEqual(fine.attributes, {
    "rpc.system.name": "echostream",
    "rpc.method": "fine",
    "echostream.call.kind": "unary",
    "echostream.session.id": client.session.id,
    "network.peer.address": address,
    "network.peer.port": port,
    "server.address": address,
    "server.port": port,
    "rpc.response.status_code": "OK",
  });
  assert.equal(fine.status.code, SpanStatusCode.UNSET);
  assert.equal(tracing.span(SpanKind.SERVER, "fine").attributes["network.peer.address"], "127.0.0.1");

  const endings = tracing.spans.map(({ kind, name, attributes, status, events }) => [
    SpanKind[kind],
    name,
    attributes["rpc.response.status_code"],
    attributes["error.type"],
    SpanStatusCode[status.code],
    events.map((event) => event.attributes?.["exception.type"]).join(),
  ]);
  assert.deepEqual(endings.sort(), [
    ["CLIENT", "absent", "NOT_FOUND", "NOT_FOUND", "ERROR", "NOT_FOUND"],
    ["CLIENT", "broken", "INTERNAL", "INTERNAL", "ERROR", "INTERNAL"],
    ["CLIENT", "fine", "OK", undefined, "UNSET", ""],
    ["CLIENT", "invented", "UNIMPLEMENTED", "UNIMPLEMENTED", "ERROR", "UNIMPLEMENTED"],
    ["SERVER", "_OTHER", "UNIMPLEMENTED", "UNIMPLEMENTED", "ERROR", "UNIMPLEMENTED"],
    ["SERVER", "absent", "NOT_FOUND", undefined, "UNSET", ""],
    ["SERVER", "broken", "INTERNAL", "INTERNAL", "ERROR", "TypeError"],
    ["SERVER", "fine", "OK", undefined, "UNSET", ""],
  ]);
  assert.equal(tracing.span(SpanKind.SERVER, "_OTHER").attributes["rpc.method_original"], "invented");
});

testTracing(
  "A call that a server makes to its client is a CLIENT span at the server and a SERVER span at the client",
  async (network, tracing) => {
    const server = network.server().use(tracing.interceptor, { calls: "both" })
      .handler("ask.back", cbor<string>(), async (session, question, call) => {
        return await session.request("answer", question, call.options());
      })
      .build();
    const client = network.adopt(
      await RpcClient.builder<typeof server>().connect(await network.start(server)).options(network.options)
        .use(tracing.interceptor, { calls: "both" })
        .handler("answer", cbor<string>(), (_session, question) => `${question}!`)
        .build(),
    );
    assert.equal(await client.request("ask.back", "Well"), "Well!");
    await network.until(() => tracing.spans.length === 4);
    assertOneTrace(tracing, "ask.back", "answer", undefined);
  },
);

testTracing(
  "Headers of the registered propagator other than traceparent travel as metadata",
  async (network, tracing) => {
    const propagator: TextMapPropagator = {
      inject: (_context, carrier, setter) => {
        setter.set(carrier, "traceparent", "not ours to set");
        setter.set(carrier, "baggage", "tenant=a");
      },
      extract: (base) => base,
      fields: () => ["traceparent", "baggage"],
    };
    propagation.setGlobalPropagator(propagator);
    try {
      const seen: unknown[] = [];
      const server = network.server().use(tracing.interceptor)
        .handler("look", (_session, _bytes, call) => {
          seen.push(call.metadata);
          return "";
        })
        .build();
      const client = network.adopt(
        await RpcClient.builder<typeof server>().connect(await network.start(server)).options(network.options)
          .use(tracing.interceptor).build(),
      );
      await client.request("look", "", { metadata: [["baggage", "tenant=b"], ["other", "x"]] });
      assert.deepEqual(seen, [[["other", "x"], ["baggage", "tenant=a"]]]);
      await network.until(() => tracing.spans.length === 2);
      assert.equal(
        tracing.span(SpanKind.SERVER, "look").parentSpanContext?.spanId,
        idOf(tracing.span(SpanKind.CLIENT, "look")),
      );
    } finally {
      propagation.disable();
    }
  },
);

testTracing("While nothing is registered no span is made, and a trace context is passed on", async (network) => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const seen: unknown[] = [];
  const server = network.server().use(openTelemetry())
    .handler("look", (_session, _bytes, call) => {
      seen.push(call.traceparent);
      return "";
    })
    .build();
  const client = network.adopt(
    await RpcClient.builder<typeof server>().connect(await network.start(server)).options(network.options)
      .use(openTelemetry()).build(),
  );
  await client.request("look", "");
  await client.request("look", "", { traceparent });
  assert.deepEqual(seen, [undefined, traceparent]);
});

testTracing("A caller that leaves its loop, and one that cancels, end their spans", async (network, tracing) => {
  const server = network.server().use(tracing.interceptor)
    .handler("items", cbor<unknown>(), async function* () {
      for (let n = 0;; n++) yield n;
    })
    .build();
  const client = network.adopt(
    await RpcClient.builder<typeof server>().connect(await network.start(server)).options(network.options)
      .use(tracing.interceptor).build(),
  );
  for await (const n of client.requestStream("items", null)) if (n === 3) break;
  await network.until(() => tracing.spans.length === 2);
  assert.deepEqual(tracing.spans.map(({ attributes }) => attributes["rpc.response.status_code"]), [
    "CANCELLED",
    "CANCELLED",
  ]);
  assert.equal(tracing.span(SpanKind.CLIENT, "items").status.code, SpanStatusCode.UNSET);

  const unread = client.requestStream("items", null);
  await unread.headers;
  unread.cancel();
  await network.until(() => tracing.spans.length === 4);
  const codes = tracing.spans.map(({ attributes }) => attributes["rpc.response.status_code"]);
  assert.deepEqual(codes, ["CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED"]);
});
