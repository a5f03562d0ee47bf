import assert from "node:assert/strict";
import { test } from "node:test";
import * as z from "zod";
import { RpcClient } from "../../src/client/client.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { RpcServer } from "../../src/server/server.ts";
import { Network, testOverNetworks } from "../support/networks.ts";

testOverNetworks("Requests, events and streams cross in both directions", async (network) => {
  const heard: unknown[] = [];
  const server = network.server()
    .pushes({ notification: z.string() })
    .handler("echo", (_session, bytes) => bytes)
    .handler("add", cbor<{ a: number; b: number }>(), (_session, { a, b }) => a + b)
    .handler("ask back", async (session) => await session.request<Uint8Array>("who", ""))
    .listener("log", z.string(), async (session, text) => {
      heard.push(text);
      await session.emit("notification", `heard ${text}`);
    })
    .stream("camera", async (session, incoming) => {
      for await (const frame of incoming) {
        heard.push([incoming.name, frame.sequence, frame.timestamp, frame.payload.length]);
      }
      const screen = await session.createStream("screen", { clockRate: 1_000 });
      await screen.send(Uint8Array.of(9), { timestamp: 5 });
      await screen.end();
    })
    .build();
  const address = await network.start(server);
  const client = await network.run(
    RpcClient.builder<typeof server>()
      .connect(address)
      .options(network.options)
      .handler("who", () => "me")
      .listener("notification", (_session, text) => void heard.push(text))
      .stream("screen", async (_session, incoming) => {
        for await (const frame of incoming) heard.push([incoming.name, incoming.clockRate, frame.timestamp]);
      })
      .build(),
  );
  const large = new Uint8Array(1_000_000).map((_, index) => index);
  assert.deepEqual(await network.run(client.request("echo", large)), large);
  assert.equal(await network.run(client.request("add", { a: 1, b: 2 })), 3);
  assert.equal(new TextDecoder().decode(await network.run(client.request("ask back", ""))), "me");
  const many = Array.from({ length: 200 }, (_, n) => client.request("add", { a: n, b: 1 }));
  assert.deepEqual(await network.run(Promise.all(many)), Array.from({ length: 200 }, (_, n) => n + 1));

  await network.run(client.emit("log", "one"));
  await network.until(() => heard.length === 2);
  assert.deepEqual(heard.splice(0), ["one", "heard one"]);

  const camera = await network.run(client.createStream("camera", { clockRate: 90_000 }));
  await network.run(camera.send(new Uint8Array(100_000), { timestamp: 0 }));
  await network.run(camera.send(new Uint8Array(3), { timestamp: 3_000 }));
  await network.run(camera.end());
  assert.deepEqual(heard, [["camera", 0, 0, 100_000], ["camera", 1, 3_000, 3], ["screen", 1_000, 5]]);
  await network.run(client.close());
});

testOverNetworks("A port is free again once shutdown has ended", async (network) => {
  const first = network.server().build();
  const { port } = await network.start(first);
  await network.connect({ address: "127.0.0.1", port });
  await network.run(first.shutdown());
  const second = RpcServer.builder().bind(`127.0.0.1:${port}`).options(network.options)
    .handler("echo", (_session, bytes) => bytes)
    .build();
  assert.equal((await network.start(second)).port, port);
  const client = await network.connect({ address: "127.0.0.1", port });
  assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
});

testOverNetworks("A shutdown lets a running call finish within the grace, and refuses new ones", async (network) => {
  let finish = (_text: string): void => {};
  let running = false;
  const server = network.server()
    .handler("slow", () => {
      running = true;
      return new Promise<string>((resolve) => finish = resolve);
    })
    .build();
  const client = await network.connect(await network.start(server), { reconnect: false });
  const slow = client.request("slow", "");
  await network.until(() => running);
  const stopped = server.shutdown({ graceMs: 5_000 });
  await network.until(() => server.sessions.size === 1);
  await assert.rejects(network.run(client.request("slow", "")), { code: "UNAVAILABLE", disposition: "notProcessed" });
  finish("done");
  assert.equal(new TextDecoder().decode(await network.run(slow)), "done");
  await network.run(stopped);
});

testOverNetworks("A client whose onConnect hook is refused learns the reason by its first request", async (network) => {
  const server = network.server()
    .onConnect(() => Promise.reject(new EchoStreamError("UNAUTHENTICATED", "No ticket")))
    .build();
  const client = await network.connect(await network.start(server));
  await assert.rejects(network.run(client.request("echo", "")), { message: /No ticket/ });
});

test("A server is reached by host name, over IPv4 and over IPv6", async () => {
  const network = new Network();
  const server = RpcServer.builder().bind("localhost:0").bind("[::1]:0").options(network.options)
    .handler("echo", (_session, bytes) => bytes)
    .build();
  const { addresses } = await server.start();
  try {
    for (const address of [...addresses, `localhost:${addresses[0]!.port}`]) {
      await using client = await RpcClient.connect(address, network.options);
      assert.deepEqual(await client.request("echo", Uint8Array.of(1)), Uint8Array.of(1));
    }
  } finally {
    await server.shutdown();
  }
});

test("A server without a certificate says on real sockets that it serves this machine only", async () => {
  const network = new Network();
  const server = RpcServer.builder().bind("0.0.0.0:0").options(network.options).build();
  const { port } = await network.start(server);
  await using client = await RpcClient.connect(`127.0.0.1:${port}`, network.options);
  assert.equal(client.session.peerAddr(), `127.0.0.1:${port}`);
  assert.deepEqual(network.messages("warn").filter((message) => message.includes("development certificate")).length, 1);
  await network.close();
});
