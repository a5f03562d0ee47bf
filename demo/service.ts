/**
 * What the demo's server offers: methods, events each way, a stream that takes a file, hooks and a plugin.
 *
 * @module
 */
import { createHash } from "node:crypto";
import process from "node:process";
import * as z from "zod";
import { cbor, RpcServer, type Session } from "../mod.ts";
import { AuditPlugin } from "./audit_plugin.ts";

/** What the server tells the sender of a file once it has all of it. */
export interface FileReceipt {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The service, listening on a port of the system's choice. */
export const server = RpcServer.builder()
  .bind("127.0.0.1:0")
  .set("motd", "have a nice day")
  .plugin(new AuditPlugin())
  .pushes({ welcome: z.string(), tock: z.number(), "file.received": cbor<FileReceipt>() })
  .onStart((context) => say(`onStart: the day's message is "${context.get("motd")}"`))
  .onConnect(async (session) => {
    say("onConnect: a client arrived");
    await session.emit("welcome", `welcome, ${session.serverCtx().get("motd")}`);
  })
  .onDisconnect((_session, reason) => say(`onDisconnect: a client left (ended by ${reason.by})`))
  .onShutdown(() => say("onShutdown: everything is closed"))
  .handler("echo", (_session, bytes) => bytes)
  .handler("add", cbor<{ a: number; b: number }>(), (_session, { a, b }) => a + b)
  .handler("user.rename", z.object({ id: z.number().int(), name: z.string().min(2) }), (session, user) => {
    mark(session, "renames");
    return `user ${user.id} is now ${user.name}`;
  })
  .handler("sleep", cbor<null>(), (session, _nothing, call) =>
    new Promise<null>((resolve) => {
      call.signal.addEventListener("abort", () => {
        mark(session, "calls given up");
        resolve(null);
      });
    }))
  .handler("ask.back", cbor<string>(), (session, question) => session.request<string>("answer", question))
  .listener("tick", z.number(), async (session, n) => await session.emit("tock", n))
  .stream("file", async (session, incoming) => {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const frame of incoming) {
      hash.update(frame.payload);
      bytes += frame.payload.length;
    }
    const name = String(new Map(incoming.metadata).get("name") ?? "file");
    await session.emit("file.received", { name, bytes, sha256: hash.digest("hex") });
  })
  .stream("sink", async (_session, incoming) => {
    for await (const _frame of incoming);
  })
  .build();

/** For people; the process that started this one puts it on the screen. */
function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function mark(session: Session, what: string): void {
  session.serverCtx().get<(what: string) => void>("audit.mark")?.(what);
}
