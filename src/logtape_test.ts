import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, type LogRecord as LogTapeRecord, reset } from "@logtape/logtape";
import { World } from "../tests/support/world.ts";
import { failureOf } from "../tests/support/session_pair.ts";
import { logTapeLogger } from "./logtape.ts";

/** What LogTape got while `body` ran, in short; `lowestLevel` of the category `echostream`. */
async function logged(
  lowestLevel: "debug" | "warning",
  body: () => void | Promise<void>,
): Promise<[level: string, category: string, message: string, properties: Record<string, unknown>][]> {
  const records: LogTapeRecord[] = [];
  await configure({
    sinks: { memory: (record) => void records.push(record) },
    loggers: [
      { category: "echostream", lowestLevel, sinks: ["memory"] },
      { category: ["logtape", "meta"], lowestLevel: "fatal" },
    ],
  });
  try {
    await body();
  } finally {
    await reset();
  }
  return records.map((
    { level, category, message, properties },
  ) => [level, category.join("."), message.join(""), properties]);
}

test("logTapeLogger hands records over with their level, category, fields and error", async () => {
  const log = logTapeLogger();
  const error = new Error("why");
  const records = await logged("debug", () => {
    log({ level: "debug", category: "clock", message: "Ticks" });
    log({ level: "info", category: "server", message: "Begins", fields: { peer: "127.0.0.1:1", calls: 3 } });
    log({ level: "warn", category: "tls", message: "Wonders" });
    log({ level: "error", category: "rpc", message: "Fails", fields: { callId: 7 }, error });
  });
  assert.deepEqual(records, [
    ["debug", "echostream.clock", "Ticks", {}],
    ["info", "echostream.server", "Begins", { peer: "127.0.0.1:1", calls: 3 }],
    ["warning", "echostream.tls", "Wonders", {}],
    ["error", "echostream.rpc", "Fails", { callId: 7, error }],
  ]);
});

test("logTapeLogger takes a message as text, not as a template", async () => {
  const records = await logged("debug", () => {
    logTapeLogger()({
      level: "error",
      category: "rpc",
      message: 'Handler of "{x} {{y" failed',
      fields: { x: "secret" },
    });
  });
  assert.equal(records[0]?.[2], 'Handler of "{x} {{y" failed');
});

test("logTapeLogger leaves what is not worth it to LogTape's levels", async () => {
  const log = logTapeLogger();
  const records = await logged("warning", () => {
    for (const level of ["debug", "info", "warn", "error"] as const) log({ level, category: "x", message: level });
  });
  assert.deepEqual(records.map(([level]) => level), ["warning", "error"]);
});

test("A server with logTapeLogger is silent until LogTape is configured, and then says why a handler failed", async () => {
  const world = new World();
  const cause = new Error("no database");
  const server = world.server().options({ log: logTapeLogger() })
    .handler("fails", () => {
      throw cause;
    })
    .build();
  await world.start(server);
  const client = world.adopt(await world.connectHere());
  await world.run(failureOf(client.request("fails", "")));
  const records = await logged("warning", async () => {
    await world.run(failureOf(client.request("fails", "")));
  });
  assert.deepEqual(records, [
    ["error", "echostream.rpc", 'Handler of "fails" failed', { method: "fails", callId: 1, error: cause }],
  ]);
  await world.close();
});
