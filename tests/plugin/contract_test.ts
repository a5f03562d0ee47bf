/**
 * Many methods in one call, and contracts that both ends share: `.handlers({...})` and `.implement(contract, {...})` of servers and clients.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { isApplicationError } from "../../src/client/application_error.ts";
import { RpcClient } from "../../src/client/client.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { contract } from "../../src/rpc/contract.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { RpcServer } from "../../src/server/server.ts";
import { channel, handler } from "../../src/session/method_entry.ts";
import { testOverNetworks } from "../support/networks.ts";
import { failureOf } from "../support/session_pair.ts";

const shop = contract({
  "shop.buy": {
    input: z.object({ item: z.string() }),
    output: z.object({ price: z.number() }),
    errors: { outOfStock: z.object({ left: z.number() }) },
    idempotent: true,
  },
  "shop.prices": { kind: "serverStream", input: cbor<number>(), output: z.number() },
  "shop.haggle": { kind: "channel", input: z.number(), output: z.number() },
  "shop.blob": {},
  "shop.seen": { kind: "event", payload: z.string() },
  "shop.raw": { kind: "event" },
  "shop.closing": { kind: "push", payload: z.string() },
  "shop.camera": { kind: "stream" },
});

const implementation = {
  "shop.buy": () => ({ price: 1 }),
  "shop.prices": async function* () {},
  "shop.haggle": () => {},
  "shop.blob": () => "",
  "shop.seen": () => {},
  "shop.raw": () => {},
  "shop.camera": () => {},
};

testOverNetworks(
  "A contract is implemented by a server and spoken by a client that knows only the contract",
  async (network) => {
    const seen: unknown[] = [];
    const server = network.server()
      .implement(shop, {
        "shop.buy": async (session, { item }, call) => {
          await session.emit("shop.closing", `after ${item}`);
          if (item === "gold") throw call.error("outOfStock", { left: 0 });
          return { price: item.length };
        },
        "shop.prices": async function* (_session, upTo) {
          for (let n = 1; n <= upTo; n++) yield n;
        },
        "shop.haggle": async function* (_session, offers) {
          for await (const offer of offers) yield offer + 1;
        },
        "shop.blob": (_session, bytes) => bytes.subarray(1),
        "shop.seen": (_session, text) => void seen.push(text),
        "shop.raw": (_session, bytes) => void seen.push(bytes),
        "shop.camera": async (_session, incoming) => {
          for await (const { payload } of incoming) seen.push(payload);
        },
      })
      .build();
    const client = await network.connect<typeof shop>(await network.start(server));
    const closing = client.events("shop.closing");
    assert.deepEqual(await network.run(client.request("shop.buy", { item: "tea" })), { price: 3 });
    assert.equal((await network.run(closing.next())).value, "after tea");
    const failure: unknown = await network.run(failureOf(client.request("shop.buy", { item: "gold" })));
    assert.ok(isApplicationError(failure, shop, "shop.buy", "outOfStock"));
    assert.equal(failure.data.left, 0);
    assert.equal((await network.run(failureOf(client.request("shop.buy", {} as never)))).code, "INVALID_ARGUMENT");

    const prices = client.requestStream("shop.prices", 2);
    assert.deepEqual([await network.run(prices.next()), await network.run(prices.next())].map(({ value }) => value), [
      1,
      2,
    ]);
    const haggle = client.requestChannel("shop.haggle");
    await network.run(haggle.send(4));
    assert.equal(await network.run(haggle.response()), 5);
    assert.deepEqual(await network.run(client.request("shop.blob", Uint8Array.of(1, 2))), Uint8Array.of(2));

    await network.run(client.emit("shop.seen", "text"));
    await network.run(client.emit("shop.raw", Uint8Array.of(7)));
    const camera = await network.run(client.createStream("shop.camera"));
    await network.run(camera.send(Uint8Array.of(9)));
    await network.run(camera.end());
    await network.until(() => seen.length === 3);
    assert.deepEqual(seen, ["text", Uint8Array.of(7), Uint8Array.of(9)]);
  },
);

testOverNetworks(
  "A client implements a contract and takes many handlers at once, as a server does",
  async (network) => {
    const device = contract({
      "device.name": { input: z.string(), output: z.string() },
      "device.blink": { kind: "event", payload: z.number() },
    });
    const server = network.server()
      .pushes({ "device.blink": z.number() })
      .handler("ask", cbor<null>(), async (session, _nothing, call) => {
        await session.emit("device.blink", 5);
        return [
          await session.request("device.name", "the", call.options()),
          await session.request("double", 4, call.options()),
          await session.requestChannel("count", call.options()).response(),
        ];
      })
      .build();
    const address = await network.start(server);
    const blinks: number[] = [];
    const client = network.adopt(
      await network.run(
        RpcClient.builder<typeof server>().connect(address).options(network.options)
          .implement(device, {
            "device.name": (_session, article) => `${article} lamp`,
            "device.blink": (_session, times) => void blinks.push(times),
          })
          .handlers({
            double: handler(cbor<number>(), (_session, n) => n * 2),
            count: channel(cbor<number>(), async (_session, items) => {
              let count = 0;
              for await (const _ of items) count++;
              return count;
            }),
          })
          .build(),
      ),
    );
    assert.deepEqual(await network.run(client.request("ask", null)), ["the lamp", 8, 0]);
    await network.until(() => blinks.length > 0);
    assert.deepEqual(blinks, [5]);
  },
);

testOverNetworks("handlers adds functions of bytes, and what handler and channel made", async (network) => {
  const server = network.server()
    .handlers({
      echo: (_session, bytes) => bytes,
      half: handler(cbor<number>(), (_session, n) => n / 2),
      strict: handler({ input: z.number(), output: z.string(), errors: { odd: z.number() } }, (_session, n, call) => {
        if (n % 2 === 1) throw call.error("odd", n);
        return String(n);
      }),
      count: handler(cbor<number>(), async function* (_session, n) {
        for (let i = 0; i < n; i++) yield i;
      }),
      sum: channel(cbor<number>(), async (_session, items) => {
        let sum = 0;
        for await (const n of items) sum += n;
        return sum;
      }),
    })
    .build();
  const client = await network.connect<typeof server>(await network.start(server));
  assert.deepEqual(await network.run(client.request("echo", "x")), Uint8Array.of(120));
  assert.equal(await network.run(client.request("half", 8)), 4);
  assert.equal(await network.run(client.request("strict", 2)), "2");
  assert.equal((await network.run(failureOf(client.request("strict", 3)))).data, 3);
  assert.equal((await network.run(client.requestStream("count", 1).next())).value, 0);
  const sum = client.requestChannel("sum");
  await network.run(sum.send(1));
  await network.run(sum.send(2));
  assert.equal(await network.run(sum.response()), 3);
});

testOverNetworks("A client that is given a contract makes its idempotent methods again", async (network) => {
  const flaky = contract({ safe: { idempotent: true }, unsafe: {} });
  let runs = 0;
  const fails = (): never => {
    runs++;
    throw new EchoStreamError("UNAVAILABLE", "Not now");
  };
  const server = network.server().implement(flaky, { safe: fails, unsafe: fails }).build();
  const retry = { maxAttempts: 3, initialBackoffMs: 1 };
  const client = await network.connect<typeof flaky>(await network.start(server), { contracts: [flaky], retry });
  await network.run(failureOf(client.request("unsafe", "")));
  assert.equal(runs, 1);
  await network.run(failureOf(client.request("safe", "")));
  assert.equal(runs, 4);
});

test("handlers names what is no method, and adds all or none", () => {
  const builder = RpcServer.builder().bind("127.0.0.1:0").handler("taken", () => "");
  const wrong: [unknown, RegExp][] = [
    [null, /handlers takes an object/],
    [{ fine: () => "", m: "text" }, /Method "m" is neither a function nor made by handler/],
    [{ fine: () => "", taken: () => "" }, /Method "taken" already has a handler/],
    [{ fine: () => "", $m: () => "" }, /names that start with "\$"/],
  ];
  for (const [handlers, message] of wrong) {
    assert.throws(() => builder.handlers(handlers as never), { name: "TypeError", message });
  }
  builder.handlers({ fine: () => "" });
});

test("implement names a handler that is missing, and one that is too many", () => {
  const builder = () => RpcServer.builder().bind("127.0.0.1:0");
  const { "shop.blob": _, ...without } = implementation as Record<string, unknown>;
  const wrong: [unknown, unknown, RegExp][] = [
    [shop, without, /"shop\.blob" of the contract has no handler/],
    [
      shop,
      { ...implementation, "shop.buy": 5 },
      /"shop\.buy" of the contract has no handler, or one that is no function/,
    ],
    [shop, { ...implementation, "shop.byu": () => {} }, /Handler "shop\.byu" is not in the contract/],
    [shop, { ...implementation, "shop.closing": () => {} }, /Push "shop\.closing" of the contract takes no handler/],
    [shop, undefined, /implemented by an object/],
    [{}, implementation, /implement takes what contract\(\{\.\.\.\}\) made/],
  ];
  for (const [contract, handlers, message] of wrong) {
    assert.throws(() => builder().implement(contract as never, handlers as never), { name: "TypeError", message });
  }
  const taken = builder().handler("shop.buy", () => "");
  assert.throws(() => taken.implement(shop, implementation as never), {
    name: "TypeError",
    message: /Method "shop\.buy" already has a handler/,
  });
  const pushes = contract({ p: { kind: "push", payload: z.string() } });
  assert.throws(() => RpcClient.builder().implement(pushes, {}), {
    name: "TypeError",
    message: /clients declare none/,
  });
});
