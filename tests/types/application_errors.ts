/**
 * What compiles and what does not of errors that methods declare. Checked by `tsc` and `deno check`, never run.
 *
 * @module
 */

import * as v from "valibot";
import * as z from "zod";
import {
  type Call,
  cbor,
  EchoStreamError,
  ErrorCode,
  isApplicationError,
  RpcClient,
  RpcServer,
  type Unary,
} from "../../mod.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}

const errors = {
  outOfStock: { code: ErrorCode.FAILED_PRECONDITION, data: z.object({ left: z.number() }) },
  tooDear: v.object({ price: v.number() }),
  coerced: z.coerce.number().transform(String),
  closed: { message: "Come back tomorrow" },
};

function orElse(call: Call<typeof errors>): EchoStreamError {
  return call.error("tooDear", { price: 5 });
}

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .handler("buy", { input: z.string(), output: z.number(), errors, idempotent: true }, (_session, item, call) => {
    if (item === "") throw orElse(call);
    if (item === "a") throw call.error("closed");
    if (item === "b") throw call.error("closed", undefined, { message: "Closed", metadata: { until: "9:00" } });
    if (item === "c") throw call.error("coerced", "5");
    // @ts-expect-error its data are missing
    if (item === "d") throw call.error("outOfStock");
    // @ts-expect-error left is a number
    if (item === "e") throw call.error("outOfStock", { left: "none" });
    // @ts-expect-error there is no such error
    if (item === "f") throw call.error("outOfStok", { left: 0 });
    // @ts-expect-error it has no data
    if (item === "g") throw call.error("closed", 5);
    return 1;
  })
  .handler("input", { input: z.string(), errors: { short: z.number() } }, (_session, text, call) => {
    if (text === "") throw call.error("short", text.length);
    return text.length;
  })
  .handler("bytes", { errors: { empty: {} } }, (_session, bytes, call) => {
    if (bytes.length === 0) throw call.error("empty");
    return bytes;
  })
  .handler("watch", { input: z.string(), errors: { gone: z.string() } }, async function* (_session, text, call) {
    yield text.length;
    throw call.error("gone", text);
  })
  .channel(
    "chat",
    { input: z.string(), output: z.string(), errors: { rude: z.string() } },
    async function* (_s, lines, call) {
      for await (const line of lines) {
        if (line === "!") throw call.error("rude", line);
        yield line;
      }
    },
  )
  .channel("raw", { errors: { empty: {} } }, (_session, _items, call) => {
    throw call.error("empty");
  })
  .handler("none", cbor<number>(), (_session, n, call) => {
    // @ts-expect-error it declares no errors
    if (n === 0) throw call.error("zero");
    // A handler may be written for any call.
    return n;
  })
  .handler("wrong", {
    input: z.string(),
    // @ts-expect-error that is no status
    errors: { e: { code: "NOPE" } },
  }, () => 1)
  .build();

export async function narrowed(): Promise<void> {
  const client = await RpcClient.connect<typeof server>("127.0.0.1:5000");
  try {
    same<number, Awaited<ReturnType<typeof client.request<"buy">>>>(true);
    await client.request("buy", "tea");
  } catch (error) {
    if (isApplicationError(error, client, "buy", "outOfStock")) same<number, typeof error.data.left>(true);
    if (isApplicationError(error, client, "buy", "coerced")) same<string, typeof error.data>(true);
    if (isApplicationError(error, client, "buy", "closed")) same<undefined, typeof error.data>(true);
    if (isApplicationError(error, client, "buy", "tooDear", "outOfStock")) {
      switch (error.errorName) {
        case "tooDear":
          same<number, typeof error.data.price>(true);
          break;
        case "outOfStock":
          same<number, typeof error.data.left>(true);
          break;
        default:
          same<never, typeof error>(true);
      }
    }
    if (isApplicationError(error, server, "watch", "gone")) same<string, typeof error.data>(true);
    if (isApplicationError(error, server, "chat", "rude")) same<string, typeof error.data>(true);
    if (isApplicationError(error, server, "input", "short")) same<number, typeof error.data>(true);
    if (isApplicationError(error, server, "bytes", "empty")) same<undefined, typeof error.data>(true);
    if (isApplicationError(error, server, "raw", "empty")) same<undefined, typeof error.data>(true);
    // @ts-expect-error there is no such error
    isApplicationError(error, client, "buy", "gone");
    // @ts-expect-error it declares none
    isApplicationError(error, client, "none", "gone");
    // @ts-expect-error there is no such method
    isApplicationError(error, client, "bye", "gone");
    // @ts-expect-error which one?
    isApplicationError(error, client, "buy");
  }
}

interface Api {
  readonly methods: {
    buy: Unary<string, number, { outOfStock: { left: number } }>;
    plain: (item: string) => number;
  };
}

export async function byHand(): Promise<void> {
  const client = await RpcClient.connect<Api>("127.0.0.1:5000");
  const error: unknown = await client.request("buy", "tea").catch((error) => error);
  if (isApplicationError(error, client, "buy", "outOfStock")) same<number, typeof error.data.left>(true);
  // @ts-expect-error a function type declares no errors
  isApplicationError(error, client, "plain", "outOfStock");
}

export async function atClient(): Promise<void> {
  await RpcClient.builder<typeof server>()
    .connect("127.0.0.1:5000")
    .handler("age", { input: cbor<string>(), output: cbor<number>(), errors }, (_session, _unit, call) => {
      // @ts-expect-error there is no such error
      if (call.method === "") throw call.error("private");
      throw call.error("closed");
    })
    .channel("line", { input: cbor<string>(), errors }, (_session, _lines, call) => {
      throw call.error("closed");
    })
    .handler("bytes", { errors }, (_session, _bytes, call) => {
      throw call.error("closed");
    })
    .build();
}
