/**
 * What a broadcast costs above the transport, for one session: encoded once for all, or for each: `node bench/micro/broadcast.ts [sessions]`.
 *
 * @module
 */

import process from "node:process";
import * as z from "zod";
import { Connection } from "../../src/connection/connection.ts";
import { transportOptions } from "../../src/connection/options.ts";
import type { ConnectionSink, StreamId, TransportConnection, TransportStats } from "../../src/connection/transport.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { ProcessAdmission } from "../../src/rpc/admission.ts";
import { DEFAULT_LIMITS } from "../../src/rpc/limits.ts";
import { Listeners } from "../../src/rpc/listeners.ts";
import { Router } from "../../src/rpc/router.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { Broadcast } from "../../src/session/broadcast.ts";
import { Members } from "../../src/session/members.ts";
import { Session } from "../../src/session.ts";
import type { SessionBehavior } from "../../src/session/session_options.ts";
import { StreamHandlers } from "../../src/stream/stream_handlers.ts";
import { silentLogger } from "../../src/trace.ts";
import { LIST, RECORD } from "./sample_values.ts";

/** Takes everything at once and keeps nothing. */
class SinkConnection implements TransportConnection {
  readonly remote = { address: "127.0.0.1", port: 1 };
  readonly local = { address: "127.0.0.1", port: 2 };
  sink!: ConnectionSink;
  #next = -1;

  open(): StreamId {
    return this.#next--;
  }

  write(stream: StreamId, bytes: Uint8Array): void {
    this.sink.onWritten(stream, bytes.length);
  }

  reset(): void {}
  stop(): void {}
  grant(): void {}
  sendDatagram(): void {}
  sendMessage(): void {}
  close(): void {}

  stats(): TransportStats {
    throw new TypeError("A sink has no statistics");
  }
}

const sessions = Number(process.argv[2] ?? 500);
const record = z.object({
  id: z.number(),
  name: z.string(),
  tags: z.array(z.string()),
  position: z.object({ x: z.number(), y: z.number(), z: z.number() }),
  active: z.boolean(),
  note: z.string(),
  time: z.number(),
});
const pushes = new Map([["plain", cbor<unknown>()], ["record", record], ["list", z.array(record)]]);
const members = new Members(pushes);
const behavior: SessionBehavior = {
  router: new Router(),
  listeners: new Listeners(),
  streams: new StreamHandlers(),
  pushes,
  members,
  // Nobody acknowledges.
  limits: { ...DEFAULT_LIMITS, maxUnackedEvents: Infinity },
  admission: new ProcessAdmission(),
  log: silentLogger,
};
const all = Array.from({ length: sessions }, () => {
  const transport = new SinkConnection();
  const connection = Connection.accept(transport, { transport: transportOptions({}, StreamKind.MESSAGES) });
  transport.sink = connection;
  connection.onEstablished();
  const session = new Session(connection, behavior);
  session.open();
  return session;
});
const everybody = new Broadcast(members);

for (
  const [label, name, value] of [
    ["64 bytes", "bytes", new Uint8Array(64)],
    ["150 B", "plain", RECORD],
    ["150 B, validated", "record", RECORD],
    ["15 KB", "plain", LIST],
    ["15 KB, validated", "list", LIST],
  ] as const
) {
  const rounds = label.startsWith("15") ? 20 : 400;
  const once = await measure(rounds, () => everybody.emit(name, value));
  const each = await measure(rounds, async () => {
    for (const session of all) await session.emit(name, value);
  });
  console.log(
    `${label}: ${once.toFixed(2)} us encoded once, ${each.toFixed(2)} us for each, ${(each / once).toFixed(1)} times`,
  );
}

/** Microseconds of processor time for one session. */
async function measure(rounds: number, send: () => Promise<void>): Promise<number> {
  for (let n = 0; n < rounds / 5; n++) await send();
  const before = process.cpuUsage();
  for (let n = 0; n < rounds; n++) await send();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (rounds * sessions);
}
