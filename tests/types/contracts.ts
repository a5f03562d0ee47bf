/**
 * What compiles and what does not of contracts, and of many methods in one call. Checked by `tsc` and `deno check`, never run.
 *
 * @module
 */

import * as z from "zod";
import { cbor, channel, contract, handler, isApplicationError, RpcClient, RpcServer } from "../../mod.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}

const shop = contract({
  "shop.buy": {
    input: z.object({ item: z.string() }),
    output: z.object({ price: z.coerce.number<string>() }),
    errors: { gone: z.string(), closed: {} },
    idempotent: true,
  },
  "shop.prices": { kind: "serverStream", input: z.string(), output: z.number() },
  "shop.haggle": { kind: "channel", input: z.number(), output: z.number() },
  "shop.blob": {},
  "shop.seen": { kind: "event", payload: z.string() },
  "shop.raw": { kind: "event" },
  "shop.closing": { kind: "push", payload: z.coerce.number<string>() },
  "shop.camera": { kind: "stream" },
});

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .pushes({ mine: z.string() })
  .implement(shop, {
    "shop.buy": async (session, { item }, call) => {
      await session.emit("shop.closing", "5");
      await session.emit("mine", "x");
      // @ts-expect-error nobody declared it
      await session.emit("nope", 1);
      // @ts-expect-error the contract says text
      await session.emit("shop.closing", 5);
      same<string, typeof item>(true);
      if (item === "") throw call.error("gone", item);
      // @ts-expect-error the contract declares no such error
      if (item === "a") throw call.error("gon", item);
      return { price: item };
    },
    "shop.prices": async function* (_session, text) {
      yield text.length;
    },
    "shop.haggle": async function* (_session, offers) {
      for await (const offer of offers) yield offer;
    },
    "shop.blob": (_session, bytes) => bytes.subarray(1),
    "shop.seen": (_session, text) => same<string, typeof text>(true),
    "shop.raw": (_session, bytes) => void bytes.byteLength,
    "shop.camera": async (session, incoming) => {
      for await (const frame of incoming) await session.emit("mine", String(frame.timestamp));
    },
  })
  .handlers({
    echo: (session, bytes) => {
      // @ts-expect-error the push takes text
      void session.emit("mine", 5);
      return bytes.subarray(1);
    },
    parts: async function* (_session, bytes) {
      yield bytes;
    },
    half: handler(cbor<number>(), (session, n) => {
      // @ts-expect-error the push takes text
      void session.emit("mine", 5);
      return n / 2;
    }),
    count: handler(cbor<number>(), async function* (_session, n) {
      yield n;
    }),
    strict: handler(
      { input: z.string(), output: z.number(), errors: { odd: z.number() } },
      async (session, text, call) => {
        await session.emit("mine", text);
        if (text === "") throw call.error("odd", text.length);
        // @ts-expect-error it declares no such error
        if (text === "a") throw call.error("even", 1);
        return text.length;
      },
    ),
    bytes: handler({ idempotent: true }, (_session, bytes) => bytes.subarray(1)),
    sum: channel({ input: z.number(), output: z.number() }, async function* (_session, items) {
      for await (const n of items) yield n;
    }),
    upload: channel((_session, items) => void items),
  })
  .handler("last", cbor<number>(), (_session, n) => n)
  .build();

const alone = handler(cbor<number>(), async (session, n) => {
  await session.emit("anything", n);
  return n;
});
RpcServer.builder().pushes({ mine: z.string() }).handlers({ alone });

/** A client that is told by the contract. */
export async function byContract(): Promise<void> {
  const client = await RpcClient.connect<typeof shop>("127.0.0.1:5000");
  const bought = await client.request("shop.buy", { item: "tea" });
  same<{ price: number }, typeof bought>(true);
  const blob = await client.request("shop.blob", "x");
  same<Uint8Array, typeof blob>(true);
  for await (const n of client.requestStream("shop.prices", "")) same<number, typeof n>(true);
  const haggle = client.requestChannel("shop.haggle");
  await haggle.send(1);
  for await (const n of haggle) same<number, typeof n>(true);
  await client.emit("shop.seen", "x");
  await client.emit("shop.raw", blob);
  client.on("shop.closing", (n) => same<number, typeof n>(true));
  await client.createStream("shop.camera");
  // @ts-expect-error that is not in the contract
  await client.request("last", 1);
  // @ts-expect-error that is an event
  await client.request("shop.seen", "x");
  // @ts-expect-error that is a push
  await client.emit("shop.closing", "5");
  const error: unknown = undefined;
  if (isApplicationError(error, client, "shop.buy", "gone")) same<string, typeof error.data>(true);
  if (isApplicationError(error, shop, "shop.buy", "closed")) same<undefined, typeof error.data>(true);
}

/** A client that is told by the server knows what it implements, and the rest. */
export async function byServer(): Promise<void> {
  const client = await RpcClient.connect<typeof server>("127.0.0.1:5000");
  same<{ price: number }, Awaited<ReturnType<typeof client.request<"shop.buy">>>>(true);
  same<number, Awaited<ReturnType<typeof client.request<"half">>>>(true);
  same<Uint8Array, Awaited<ReturnType<typeof client.request<"echo">>>>(true);
  same<Uint8Array, Awaited<ReturnType<typeof client.request<"bytes">>>>(true);
  same<number, Awaited<ReturnType<typeof client.request<"strict">>>>(true);
  await client.request("last", 1);
  for await (const part of client.requestStream("parts", "")) same<Uint8Array, typeof part>(true);
  for await (const n of client.requestStream("count", 1)) same<number, typeof n>(true);
  const sum = client.requestChannel("sum");
  // @ts-expect-error an item is a number
  await sum.send("1");
  await client.requestChannel("upload").send("text");
  // @ts-expect-error it takes text
  await client.request("strict", 5);
  const error: unknown = undefined;
  if (isApplicationError(error, client, "strict", "odd")) same<number, typeof error.data>(true);
  if (isApplicationError(error, client, "shop.buy", "gone")) same<string, typeof error.data>(true);
}

/** Clients take the same. */
export async function atClient(): Promise<void> {
  const device = contract({
    "device.name": { input: z.string(), output: z.string() },
    "device.blink": { kind: "event", payload: z.number() },
  });
  await RpcClient.builder<typeof server>()
    .connect("127.0.0.1:5000")
    .handlers({
      whoami: () => "me",
      double: handler(cbor<number>(), async (session, n) => {
        await session.emit("shop.seen", "x");
        // @ts-expect-error the server takes text
        await session.emit("shop.seen", 5);
        return n * 2;
      }),
    })
    .implement(device, {
      "device.name": (_session, article) => `${article} lamp`,
      "device.blink": (_session, times) => same<number, typeof times>(true),
    })
    .build();
  // @ts-expect-error "device.blink" is missing
  RpcClient.builder().implement(device, { "device.name": () => "" });
}

RpcServer.builder().handlers({
  // @ts-expect-error without a schema bytes or text are returned
  wrong: () => 5,
});
RpcServer.builder().handlers({
  // @ts-expect-error the result does not match the output schema
  wrong: handler({ input: z.string(), output: z.number() }, () => "x"),
});
// @ts-expect-error its output is missing
contract({ m: { input: z.string() } });
// @ts-expect-error there is no such kind
contract({ m: { kind: "stram" } });
