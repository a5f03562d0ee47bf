// deno-lint-ignore-file require-await -- handlers that return promises are what is checked here
/**
 * What compiles and what does not, from a server's builder to a client's calls. Checked by `tsc` and `deno check`, never run.
 *
 * @module
 */

import * as v from "valibot";
import * as z from "zod";
import {
  cbor,
  type None,
  RpcClient,
  RpcServer,
  type ServerBuilder,
  type ServerPlugin,
  type Session,
} from "../../mod.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}

async function handleRequest(session: Session, payload: Uint8Array): Promise<Uint8Array> {
  await session.emit("notification", "x");
  return payload;
}

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .handler("early", async (session, bytes) => {
    // Untyped until pushes are declared.
    await session.emit("notification", "x");
    return bytes;
  })
  .pushes({ notification: z.string(), coerced: z.coerce.number() })
  .handler("m", handleRequest)
  .handler("sync", (_session, bytes) => bytes)
  .handler("text", () => "text travels as UTF-8")
  .handler("raw.idempotent", { idempotent: true }, (_session, bytes) => bytes.subarray(1))
  .handler("add", cbor<{ a: number; b: number }>(), (_session, { a, b }) => a + b)
  .handler("later", { input: z.object({ id: z.string() }), idempotent: true }, async (_session, { id }) => id.length)
  .handler(
    "io",
    { input: z.object({ id: z.coerce.number() }), output: v.object({ name: v.string() }) },
    async (_session, payload, call) => {
      same<boolean, typeof call.signal.aborted>(true);
      same<number, typeof payload.id>(true);
      return { name: payload.id.toFixed() };
    },
  )
  .handler("late", async (session, bytes) => {
    await session.emit("notification", "x");
    return bytes;
  })
  .listener("raw.log", (_session, bytes) => void bytes.byteLength)
  .listener("log", z.string(), (_session, text) => void text.length)
  .stream("camera", async (session, incoming) => {
    for await (const frame of incoming) await session.emit("notification", String(frame.timestamp));
  })
  .onStart((context) => context.set("db", new Map()))
  .onShutdown((context) => context.get<Map<string, string>>("db")?.clear())
  .onConnect((session) => session.emit("notification", session.peerAddr()))
  .onDisconnect((_session, reason) => void reason.codeName)
  .build();

/** A client that knows nothing: bytes. */
export async function untyped(): Promise<Uint8Array> {
  const client = await RpcClient.connect("[::1]:5000");
  await client.emit("anything", "text");
  client.on("anything", (payload) => same<unknown, typeof payload>(true));
  client.on("anything", z.number(), (payload) => same<number, typeof payload>(true));
  await client.createStream("anything");
  // @ts-expect-error values need a typed client
  await client.request("method", { a: 1 });
  return await client.request("method", new Uint8Array(1));
}

/** A client that takes its types from the server. */
export async function typed(): Promise<void> {
  const client = await RpcClient.connect<typeof server>("127.0.0.1:5000", { timeoutMs: 100 });
  const sum = await client.request("add", { a: 1, b: 2 }, { timeoutMs: 500, metadata: { tenant: "a" } });
  same<number, typeof sum>(true);
  const io = await client.request("io", { id: 1 });
  same<string, typeof io.name>(true);
  const bytes = await client.request("sync", new Uint8Array(1));
  same<Uint8Array, typeof bytes>(true);
  const text = await client.request("text", "in");
  same<Uint8Array, typeof text>(true);
  const length = await client.request("later", { id: "a" });
  same<number, typeof length>(true);
  // @ts-expect-error there is no such method
  await client.request("nope", 1);
  // @ts-expect-error b is missing
  await client.request("add", { a: 1 });
  // @ts-expect-error id of "later" is a string
  await client.request("later", { id: 1 });

  await client.emit("log", "hi");
  await client.emit("raw.log", new Uint8Array(1));
  // @ts-expect-error the listener takes text
  await client.emit("log", 5);
  // @ts-expect-error nobody listens
  await client.emit("nope", "x");

  using subscription = client.on("notification", (payload) => same<string, typeof payload>(true));
  subscription.close();
  client.on("coerced", (payload) => same<number, typeof payload>(true));
  // @ts-expect-error the server pushes no such event
  client.on("nope", () => {});

  const camera = await client.createStream("camera", { clockRate: 90_000 });
  await camera.send(new Uint8Array(1), { timestamp: 0 });
  // @ts-expect-error nobody takes this stream
  await client.createStream("nope");
  await client.session.emit("log", "the session knows the events too");
  // @ts-expect-error the listener takes text
  await client.session.emit("log", 5);
}

interface Api {
  readonly methods: {
    add: (input: { a: number; b: number }) => number;
    slow: (input: string) => Promise<string[]>;
  };
  readonly events: { log: string };
  readonly pushes: { notification: string };
}

/** A client that is told by an interface. */
export async function explicit(): Promise<void> {
  const client = await RpcClient.connect<Api>("127.0.0.1:5000");
  const sum = await client.request("add", { a: 1, b: 2 });
  same<number, typeof sum>(true);
  const list = await client.request("slow", "x");
  same<string[], typeof list>(true);
  await client.emit("log", "x");
  client.on("notification", (payload) => same<string, typeof payload>(true));
  // @ts-expect-error the interface has no streams
  await client.createStream("camera");
  // @ts-expect-error the event takes text
  await client.emit("log", 1);
}

class Lengths implements ServerPlugin {
  readonly name = "lengths";

  install(builder: ServerBuilder<None, None, None, None>) {
    return builder
      .set("plugin.config", "value")
      .handler("plugin.method", z.string(), (_session, text) => text.length)
      .listener("plugin.event", z.number(), () => {})
      .pushes({ extra: z.number() });
  }
}

const withPlugin = RpcServer.builder()
  .plugin(new Lengths())
  .handler("h", async (session, bytes) => {
    await session.emit("extra", 1);
    // @ts-expect-error "extra" takes numbers
    await session.emit("extra", "1");
    return bytes;
  })
  .bind("127.0.0.1:0")
  .build();

/** A plugin's types join the server's. */
export async function plugins(): Promise<void> {
  const client = await RpcClient.connect<typeof withPlugin>("127.0.0.1:5000");
  const length = await client.request("plugin.method", "a");
  same<number, typeof length>(true);
  await client.emit("plugin.event", 1);
  client.on("extra", (payload) => same<number, typeof payload>(true));
}

const streaming = RpcServer.builder()
  .handler("ticks", cbor<{ every: number }>(), async function* (_session, { every }) {
    yield every;
  })
  .handler("checked", { input: z.string(), output: z.object({ n: z.number() }) }, async function* () {
    yield { n: 1 };
  })
  .handler("web", () => new ReadableStream<Uint8Array>())
  .channel("sum", cbor<number>(), async (_session, items) => {
    let sum = 0;
    for await (const n of items) sum += n;
    return sum;
  })
  .channel("shout", { input: z.string(), output: z.string() }, async function* (_session, items) {
    for await (const line of items) yield line.toUpperCase();
  })
  .handler("unary", (_session, bytes) => bytes)
  .bind("127.0.0.1:0")
  .build();

/** Streaming calls are inferred, and not mixed up with others. */
export async function streamingCalls(): Promise<void> {
  const client = await RpcClient.connect<typeof streaming>("127.0.0.1:5000");
  for await (const tick of client.requestStream("ticks", { every: 5 })) same<number, typeof tick>(true);
  for await (const item of client.requestStream("checked", "x")) same<{ n: number }, typeof item>(true);
  for await (const item of client.requestStream("web", "")) same<Uint8Array, typeof item>(true);
  const sum = client.requestChannel("sum");
  await sum.send(1);
  same<number, Awaited<ReturnType<typeof sum.response>>>(true);
  const shout = client.requestChannel("shout");
  // @ts-expect-error an item is text
  await shout.send(1);
  for await (const line of shout) same<string, typeof line>(true);
  // @ts-expect-error its answer is a sequence
  await client.request("ticks", { every: 5 });
  // @ts-expect-error its answer is one value
  client.requestStream("unary", "");
  // @ts-expect-error it takes one value
  client.requestChannel("ticks");
  // @ts-expect-error it takes a sequence
  client.requestStream("sum", 1);
}

/** What streams is known of an API written by hand, too. */
export interface ClockApi {
  readonly methods: { ticks(input: { every: number }): AsyncIterable<number> };
}

/** {@link ClockApi} */
export async function ticks(): Promise<void> {
  const client = await RpcClient.connect<ClockApi>("127.0.0.1:5000");
  for await (const tick of client.requestStream("ticks", { every: 5 })) same<number, typeof tick>(true);
}

RpcServer.builder()
  // @ts-expect-error an item does not match the output schema
  .handler("o", { input: z.string(), output: z.number() }, async function* () {
    yield "x";
  });

/** A client with handlers and hooks. */
export async function clientBuilder(): Promise<void> {
  const client = await RpcClient.builder<typeof server>()
    .connect("127.0.0.1:5000")
    .set("cache", new Map())
    .handler("whoami", () => "me")
    .handler("double", cbor<number>(), (_session, n) => n * 2)
    .listener("notification", (session, payload) => {
      same<string, typeof payload>(true);
      return session.emit("log", payload);
    })
    .stream("screen", async (_session, incoming) => {
      for await (const frame of incoming) void frame.payload;
    })
    .onConnect(async (context, session) => {
      context.set("sum", await session.request("add", { a: 1, b: 2 }));
    })
    .onDisconnect((context, reason) => void [context.has("sum"), reason.by])
    .plugin({ name: "p", install: (builder) => builder.set("p", 1) })
    .build();
  same<number, Awaited<ReturnType<typeof client.request<"add">>>>(true);
}

RpcServer.builder()
  // @ts-expect-error a handler without a schema returns bytes or text
  .handler("bad", async () => ({ a: 1 }));

RpcServer.builder().pushes({ n: z.string() }).handler("x", async (session, bytes) => {
  // @ts-expect-error the push takes text
  await session.emit("n", 5);
  // @ts-expect-error nobody declared it
  await session.emit("m", "x");
  return bytes;
});

RpcServer.builder()
  // @ts-expect-error the handler's result does not match the output schema
  .handler("o", { input: z.string(), output: z.number() }, async () => "x");
