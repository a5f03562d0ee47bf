import assert from "node:assert/strict";
import { test } from "node:test";
import type { EchoStreamError } from "../protocol/error.ts";
import { cbor } from "../rpc/schema.ts";
import { RpcServer } from "../server/server.ts";
import { createMemoryPair } from "../testing.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { bearer, bearerAuthentication } from "./bearer.ts";

/** What `whoami` answers, or fails with, to a client that sends these tokens; one after the other. */
async function answers(tokens: readonly (string | undefined)[], isAsync: boolean): Promise<unknown[]> {
  const callers = bearerAuthentication<string>({
    authenticate: (token) => {
      const identity = token === "secret" ? "ada" : undefined;
      return isAsync ? Promise.resolve(identity) : identity;
    },
    open: ["motd"],
  });
  const clock = new VirtualClock();
  const remaining = [...tokens];
  const builder = RpcServer.builder()
    .options({ log: () => {} })
    .use(callers)
    .handler("whoami", cbor(), (_session, _payload, call) => callers.identity(call))
    .handler("watch", cbor(), async function* (_session, _payload, call) {
      yield callers.identity(call);
    })
    .handler("motd", cbor(), (_session, _payload, call) => [callers.identity(call), call.metadata.length]);
  const { client, close } = await createMemoryPair(builder, {
    clock,
    client: (client) =>
      client.use(bearer({ token: () => isAsync ? Promise.resolve(remaining.shift()) : remaining.shift() })),
  });
  const { session } = client;
  const results: unknown[] = [];
  for (const [n] of tokens.entries()) {
    const method = ["whoami", "watch", "motd"][n % 3]!;
    const metadata = { authorization: "Basic x", tenant: "a" };
    const answer = method === "watch"
      ? session.requestStream(method, 1, { metadata }).next().then(({ value }) => value)
      : session.request(method, 1, { metadata });
    results.push(
      await clock.run(answer.catch((error: EchoStreamError) => [error.code, error.message, error.disposition])),
    );
  }
  await close();
  return results;
}

test("The token of a call decides who makes it, whatever its shape; open methods take calls without one", async () => {
  for (const isAsync of [false, true]) {
    assert.deepEqual(await answers(["secret", "secret", undefined, "wrong", undefined, undefined], isAsync), [
      "ada",
      "ada",
      [undefined, 2],
      ["UNAUTHENTICATED", "The token was refused", "notProcessed"],
      ["UNAUTHENTICATED", "No token came with the call", "notProcessed"],
      [undefined, 2],
    ]);
  }
});
