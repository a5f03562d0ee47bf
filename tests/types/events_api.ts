/**
 * What compiles and what does not of subscriptions, iterators and broadcasts. Checked by `tsc` and `deno check`, never run.
 *
 * @module
 */

import * as z from "zod";
import { type Broadcast, cbor, RpcClient, RpcServer, type Session } from "../../mod.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_equal: Equal<A, B>): void {}

const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .pushes({ said: z.string(), coerced: z.coerce.number(), any: cbor<{ x: number }>() })
  .handler("join", cbor<string>(), async (session, room) => {
    session.join(room);
    await session.to(room).except(session, "quiet").emit("said", "hello");
    await session.broadcast.emit("any", { x: 1 }, { delivery: "datagram" });
    // @ts-expect-error -- no such push
    await session.to(room).emit("sayd", "hello");
    // @ts-expect-error -- the payload is text
    await session.to(room).emit("said", 5);
    return [...session.rooms];
  })
  .listener("log", z.string(), async (_session, text) => void await text, { capacity: 4, overflow: "dropOldest" })
  .listener("raw", (_session, bytes) => bytes.length, {
    onDropped: (dropped, session: Session) => [dropped, session.id],
  })
  // @ts-expect-error -- no such policy
  .listener("wrong", () => {}, { overflow: "drop" })
  .build();

export async function atServer(): Promise<void> {
  await server.broadcast.emit("said", "hello");
  const room = server.to("a", "b");
  await room.emit("any", { x: 1 });
  // @ts-expect-error -- no such delivery
  await room.emit("any", { x: 1 }, { delivery: "udp" });
  same<typeof room extends Broadcast<infer P> ? keyof P : never, "said" | "coerced" | "any">(true);
  for await (const { sessionId, session, answer, error } of room.emitWithAck<number>("ready", "x", { timeoutMs: 10 })) {
    same<typeof answer, number | undefined>(true);
    same<typeof sessionId, string>(true);
    same<typeof error, unknown>(true);
    session?.join("c");
  }
}

export async function atClient(): Promise<void> {
  const client = await RpcClient.connect<typeof server>("127.0.0.1:1");
  for await (const text of client.events("said", { capacity: 1, overflow: "dropOldest" })) {
    same<typeof text, string>(true);
  }
  for await (const n of client.events("said", z.string().transform((text) => text.length))) {
    same<typeof n, number>(true);
  }
  for await (const n of client.events("coerced")) same<typeof n, number>(true);
  // @ts-expect-error -- the server does not push this
  client.events("log");
  using subscription = client.on("any", ({ x }) => x.toFixed(), { overflow: "close", capacity: 2 });
  same<typeof subscription.dropped, number>(true);
  await client.emit("log", "x", { delivery: "datagram" });
  // @ts-expect-error -- the payload is text
  await client.emit("log", 5, { delivery: "datagram" });
}
