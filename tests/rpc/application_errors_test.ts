/**
 * Errors that a method declares, from the handler that throws them to the caller that narrows by them: unary and streaming, both ways.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as z from "zod";
import { isApplicationError } from "../../src/client/application_error.ts";
import { RpcClient } from "../../src/client/client.ts";
import { EchoStreamError, ErrorCode } from "../../src/protocol/error.ts";
import type { Call, Handler } from "../../src/rpc/handler.ts";
import { DEFAULT_LIMITS } from "../../src/rpc/limits.ts";
import { cbor, type StandardSchemaV1 } from "../../src/rpc/schema.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { failureOf, testSessions } from "../support/session_pair.ts";

const outOfStock = { code: ErrorCode.RESOURCE_EXHAUSTED, data: z.object({ left: z.number() }), message: "Sold out" };

function shop(network: Network) {
  return network.server()
    .handler(
      "buy",
      { input: cbor<string>(), output: cbor<number>(), errors: { outOfStock, tooDear: z.number(), closed: {} } },
      (_session, item, call) => {
        if (item === "tea") throw call.error("outOfStock", { left: 0 });
        if (item === "gold") throw call.error("tooDear", 1_000, { message: "Too dear for you" });
        if (item === "sunday") throw call.error("closed");
        if (item === "wrong") throw call.error("outOfStock", { left: "none" } as never);
        if (item === "other") throw new EchoStreamError("NOT_FOUND", "No such item", { errorName: "other" });
        throw new Error("A secret");
      },
    )
    .handler("watch", { input: cbor<number>(), errors: { outOfStock } }, async function* (_session, upTo, call) {
      for (let n = 0; n < upTo; n++) yield n;
      throw call.error("outOfStock", { left: upTo });
    })
    .channel("haggle", { input: cbor<number>(), errors: { tooDear: z.number() } }, async function* (_s, offers, call) {
      for await (const offer of offers) {
        if (offer > 2) throw call.error("tooDear", offer);
        yield offer;
      }
    })
    .build();
}

testOverNetworks(
  "A declared error reaches the caller with its status, name and data, and is narrowed by the guard",
  async (network) => {
    const server = shop(network);
    const client = await network.connect<typeof server>(await network.start(server));
    const tea: unknown = await network.run(failureOf(client.request("buy", "tea")));
    assert.ok(isApplicationError(tea, client, "buy", "outOfStock", "tooDear"));
    if (tea.errorName === "outOfStock") assert.equal(tea.data.left, 0);
    assert.deepEqual(
      [tea.code, tea.message, tea.method, tea.remote, tea.disposition],
      ["RESOURCE_EXHAUSTED", "Sold out", "buy", true, "processed"],
    );
    assert.ok(!isApplicationError(tea, client, "buy", "tooDear", "closed"));
    assert.ok(!isApplicationError(tea, client, "watch", "outOfStock"), "that is another method's error");

    const gold = await network.run(failureOf(client.request("buy", "gold")));
    assert.deepEqual([gold.code, gold.message, gold.data], ["FAILED_PRECONDITION", "Too dear for you", 1_000]);
    const sunday = await network.run(failureOf(client.request("buy", "sunday")));
    assert.deepEqual([sunday.errorName, sunday.data], ["closed", undefined]);
    const other = await network.run(failureOf(client.request("buy", "other")));
    assert.deepEqual([other.code, other.message, other.errorName], ["NOT_FOUND", "No such item", "other"]);
    assert.deepEqual(network.messages("error"), []);
    assert.ok(!isApplicationError(new Error("outOfStock"), client, "buy", "outOfStock"));
  },
);

testOverNetworks(
  "Data that do not match their schema, and what is not declared, are INTERNAL and logged",
  async (network) => {
    const server = shop(network);
    const client = await network.connect<typeof server>(await network.start(server));
    for (const item of ["wrong", "boom"]) {
      const failure = await network.run(failureOf(client.request("buy", item)));
      assert.deepEqual(
        [failure.code, failure.message, failure.errorName, failure.data],
        ["INTERNAL", "Handler failed", undefined, undefined],
      );
    }
    const [mismatch, secret] = network.records.filter(({ level }) => level === "error").map(({ error }) =>
      error as Error
    );
    assert.match(mismatch!.message, /^Data of error "outOfStock" of "buy" do not match their schema/);
    assert.equal(secret!.message, "A secret");
  },
);

testOverNetworks("A stream that fails with a declared error gives its items first", async (network) => {
  const server = shop(network);
  const client = await network.connect<typeof server>(await network.start(server));
  const seen: number[] = [];
  try {
    for (const items = client.requestStream("watch", 3);;) {
      const { value, done } = await network.run(items.next());
      assert.ok(!done);
      seen.push(value);
    }
  } catch (error) {
    if (!isApplicationError(error, client, "watch", "outOfStock")) throw error;
    assert.equal(error.data.left, 3);
  }
  assert.deepEqual(seen, [0, 1, 2]);

  const haggle = client.requestChannel("haggle");
  void haggle.send(1).then(() => haggle.send(5));
  assert.equal((await network.run(haggle.next())).value, 1);
  const failure: unknown = await network.run(failureOf(haggle.next()));
  assert.ok(isApplicationError(failure, client, "haggle", "tooDear"));
  assert.equal(failure.data, 5);
});

testOverNetworks("A client's handlers declare errors, too", async (network) => {
  const server = network.server()
    .handler("ask", cbor<null>(), async (session, _nothing, call) => {
      const failure = await failureOf(session.request("age", "years", call.options()));
      return [failure.code, failure.method, failure.errorName, failure.data];
    })
    .build();
  const address = await network.start(server);
  const client = network.adopt(
    await network.run(
      RpcClient.builder<typeof server>().connect(address).options(network.options)
        .handler("age", { input: cbor<string>(), errors: { private: z.string() } }, (_session, unit, call) => {
          throw call.error("private", `No ${unit} for you`);
        })
        .build(),
    ),
  );
  assert.deepEqual(await network.run(client.request("ask", null)), [
    "FAILED_PRECONDITION",
    "age",
    "private",
    "No years for you",
  ]);
});

testSessions("An asynchronous schema of an error is waited for, within the deadline of the call", {}, async (pair) => {
  const validations: (() => void)[] = [];
  const slow: StandardSchemaV1<string> = {
    "~standard": {
      version: 1,
      vendor: "tests",
      validate: (value) => new Promise((resolve) => validations.push(() => resolve({ value: value as string }))),
    },
  };
  const errors = { slow };
  const handler: Handler<unknown> = async (_session, _payload, call) => {
    throw await Promise.resolve((call as Call<typeof errors>).error("slow", "data"));
  };
  pair.server.router.handle("unary", handler, { errors });
  pair.server.router.handle("channel", handler, { errors, channel: true });
  const { session } = pair.client;
  for (const request of [() => session.request("unary", ""), () => session.requestChannel("channel").next()]) {
    const failing = failureOf(request());
    await pair.until(() => validations.length > 0);
    validations.pop()!();
    const failure = await pair.run(failing);
    assert.deepEqual([failure.code, failure.errorName, failure.data], ["FAILED_PRECONDITION", "slow", "data"]);
  }
  const late = await pair.run(failureOf(session.request("unary", "", { timeoutMs: 50 })));
  assert.equal(late.code, "DEADLINE_EXCEEDED");
  await pair.until(() => validations.length > 0);
  validations.pop()!();
});

testSessions("Data too large for the peer are left out, and their name with them", {}, async (pair) => {
  const errors = { large: cbor<Uint8Array>() };
  const data = new Uint8Array(DEFAULT_LIMITS.maxMessageBytes);
  const handler: Handler<unknown> = (_session, _payload, call) => {
    throw (call as Call<typeof errors>).error("large", data, { message: "Large" });
  };
  pair.server.router.handle("unary", handler, { errors });
  pair.server.router.handle("channel", handler, { errors, channel: true });
  const { session } = pair.client;
  for (const request of [() => session.request("unary", ""), () => session.requestChannel("channel").next()]) {
    const { code, message, errorName, data } = await pair.run(failureOf(request()));
    assert.deepEqual([code, message, errorName, data], ["FAILED_PRECONDITION", "Large", undefined, undefined]);
  }
});
