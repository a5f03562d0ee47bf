import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { cbor } from "../rpc/schema.ts";
import { RpcServer } from "../server/server.ts";
import { createMemoryPair } from "../testing.ts";
import type { LogRecord } from "../trace.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { logging, type LoggingOptions } from "./logging.ts";

async function served(
  options: LoggingOptions,
  body: (request: (method: string, payload?: unknown) => Promise<unknown>) => Promise<void>,
): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const clock = new VirtualClock();
  const builder = RpcServer.builder()
    .options({ log: () => {} })
    .use(logging({ log: (record) => void records.push(record), clock, ...options }))
    .handler(
      "wait",
      cbor<number>(),
      (session, ms) => new Promise<string>((resolve) => session.after(ms, () => resolve("secret"))),
    )
    .handler("fail", cbor<string>(), (_session, text) => {
      throw text === "known" ? new EchoStreamError(ErrorCode.NOT_FOUND, "secret") : new Error("secret");
    })
    .handler("count", cbor<number>(), async function* (_session, to) {
      for (let n = 0; n < to; n++) yield n;
    });
  const { client, close } = await createMemoryPair(builder, { clock });
  const { session } = client;
  await body((method, payload) =>
    clock.run(
      method === "count"
        ? session.requestStream(method, payload).next().then(() => {})
        : session.request(method, payload).catch(() => {}),
    )
  );
  await close();
  return records;
}

test("logging writes a line for each call: what, how it ended, how long it took, and never what it said", async () => {
  const records = await served({}, async (request) => {
    await request("wait", 25);
    await request("fail", "known");
    await request("fail", "unknown");
    await request("no\u202esuch");
    await request("count", 3);
  });
  const lines = records.map(({ level, message, fields }) => [level, message, fields!.code, fields!.kind]);
  assert.deepEqual(lines.slice(0, 4), [
    ["info", '"wait" ended', "OK", "unary"],
    ["info", '"fail" failed with NOT_FOUND', "NOT_FOUND", "unary"],
    ["error", '"fail" failed with INTERNAL', "INTERNAL", "unary"],
    ["info", '"no\\u{202e}such" failed with UNIMPLEMENTED', "UNIMPLEMENTED", "unary"],
  ]);
  assert.equal(records[0]!.fields!.durationMs, 25);
  assert.match(String(records[0]!.fields!.session), /^[\da-f-]{36}$/);
  assert.ok(!JSON.stringify(records).includes("secret"));
});

test("An outcome without a level gets no line", async () => {
  const records = await served({ level: ({ code }) => code === "OK" ? undefined : "debug" }, async (request) => {
    await request("wait", 1);
    await request("fail", "known");
  });
  assert.deepEqual(records.map(({ level, fields }) => [level, fields!.code]), [["debug", "NOT_FOUND"]]);
});
