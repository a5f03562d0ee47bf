import assert from "node:assert/strict";
import * as z from "zod";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";

const EMPTY = new Uint8Array(0);

testOverNetworks("An unknown method is UNIMPLEMENTED, names the method, and the connection lives", async (network) => {
  const address = await network.start(network.server().handler("echo", (_session, bytes) => bytes).build());
  const client = await network.connect(address);
  await assert.rejects(network.run(client.request("nope", EMPTY)), {
    name: "EchoStreamError",
    code: "UNIMPLEMENTED",
    remote: true,
    disposition: "notProcessed",
    message: /"nope"/,
  });
  assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
});

testOverNetworks(
  "A handler that throws is INTERNAL without its text; the log has it whole, the connection lives",
  async (network) => {
    const error = new Error("password=hunter2");
    const server = network.server()
      .handler("sync", () => {
        throw error;
      })
      .handler("async", () => Promise.reject(error))
      .handler("echo", (_session, bytes) => bytes)
      .build();
    const client = await network.connect(await network.start(server));
    for (const method of ["sync", "async"]) {
      await assert.rejects(network.run(client.request(method, EMPTY)), (caught: EchoStreamError) => {
        assert.equal(caught.code, "INTERNAL");
        assert.equal(caught.disposition, "processed");
        assert.doesNotMatch(caught.message, /hunter2/);
        return true;
      });
    }
    assert.deepEqual(network.records.filter((record) => record.level === "error").map((record) => record.error), [
      error,
      error,
    ]);
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
  },
);

testOverNetworks(
  "An EchoStreamError thrown on purpose reaches the caller with code, message, name and data",
  async (network) => {
    const server = network.server()
      .handler("buy", () => {
        throw new EchoStreamError("FAILED_PRECONDITION", "Only 2 left", { errorName: "OutOfStock", data: { left: 2 } });
      })
      .build();
    const client = await network.connect(await network.start(server));
    await assert.rejects(network.run(client.request("buy", EMPTY)), {
      name: "EchoStreamError",
      code: "FAILED_PRECONDITION",
      message: "Only 2 left",
      errorName: "OutOfStock",
      data: { left: 2 },
      remote: true,
    });
    assert.deepEqual(network.messages("error"), []);
  },
);

testOverNetworks(
  "Input that does not match its schema is INVALID_ARGUMENT with the issues, and no handler runs",
  async (network) => {
    let runs = 0;
    const server = network.server()
      .handler("user", z.object({ id: z.number(), tags: z.array(z.string()) }), () => ++runs)
      .build();
    const client = await network.connect<typeof server>(await network.start(server));
    await assert.rejects(
      network.run(client.request("user", { id: "1", tags: ["a", 2] } as never)),
      (caught: EchoStreamError) => {
        assert.equal(caught.code, "INVALID_ARGUMENT");
        assert.deepEqual(caught.issues?.map((issue) => issue.path), [["id"], ["tags", 1]]);
        return true;
      },
    );
    assert.equal(runs, 0);
    assert.equal(await network.run(client.request("user", { id: 1, tags: [] })), 1);
  },
);

testOverNetworks("Output that does not match its schema is INTERNAL, and the log says so", async (network) => {
  const server = network.server()
    .handler("user", { input: z.string(), output: z.object({ name: z.string() }) }, () => ({ name: 5 }) as never)
    .build();
  const client = await network.connect<typeof server>(await network.start(server));
  await assert.rejects(network.run(client.request("user", "x")), { code: "INTERNAL" });
  assert.equal(network.messages("error").length, 1);
});

testOverNetworks("A value sent to a handler of bytes is INVALID_ARGUMENT", async (network) => {
  const server = network.server().handler("echo", (_session, bytes) => bytes).build();
  const client = await network.connect(await network.start(server));
  await assert.rejects(network.run(client.request("echo", { a: 1 } as never)), { code: "INVALID_ARGUMENT" });
});

testOverNetworks(
  "A message, method name or metadata that is too large ends its call, and the connection lives",
  async (network) => {
    const server = network.server()
      .handler("echo", (_session, bytes) => bytes)
      .handler("large", () => new Uint8Array(2 * 1024 * 1024))
      .build();
    const client = await network.connect(await network.start(server));
    const tooLarge = (error: EchoStreamError): boolean =>
      error instanceof EchoStreamError && ["RESOURCE_EXHAUSTED", "INVALID_ARGUMENT"].includes(error.code);
    await assert.rejects(network.run(client.request("echo", new Uint8Array(1024 * 1024 + 1))), tooLarge);
    await assert.rejects(network.run(client.request("large", EMPTY)), tooLarge);
    await assert.rejects(network.run(client.request("x".repeat(129), EMPTY)));
    await assert.rejects(
      network.run(client.request("echo", EMPTY, { metadata: { large: "x".repeat(20_000) } })),
      tooLarge,
    );
    await assert.rejects(
      network.run(
        client.request("echo", EMPTY, {
          metadata: Array.from({ length: 65 }, (_, n): [string, string] => [`n${n}`, ""]),
        }),
      ),
      tooLarge,
    );
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
  },
);

testOverNetworks("A value nested too deep ends its call, and the connection lives", async (network) => {
  const server = network.server().handler("depth", cbor<unknown>(), () => "taken").build();
  const client = await network.connect<typeof server>(await network.start(server));
  let nested: unknown = 1;
  for (let depth = 0; depth < 70; depth++) nested = [nested];
  await assert.rejects(network.run(client.request("depth", nested)), (error: EchoStreamError) => {
    assert.match(error.code, /^(RESOURCE_EXHAUSTED|INVALID_ARGUMENT)$/);
    return true;
  });
  assert.equal(await network.run(client.request("depth", 1)), "taken");
});

testOverNetworks("An event nobody listens to is counted and reported to its sender, both ways", async (network) => {
  const server = network.server().build();
  const client = await network.connect(await network.start(server));
  await network.run(client.emit("nope", "x"));
  await network.until(() => client.session.stats.eventsUnheard === 1);
  const session = [...server.sessions][0]!;
  assert.equal(session.stats.eventsIgnored, 1);
  await network.run(session.emit("nope", "x"));
  await network.until(() => session.stats.eventsUnheard === 1);
  assert.ok(network.messages("warn").some((message) => message.includes('"nope"')));
});

testOverNetworks("A stream nobody takes is counted and refused to its sender", async (network) => {
  const server = network.server().build();
  const client = await network.connect(await network.start(server));
  const stream = await network.run(client.createStream("nope"));
  const sending = (async () => {
    await stream.send(EMPTY);
    await stream.end();
  })();
  await assert.rejects(network.run(sending), { code: "UNIMPLEMENTED", message: /"nope"/ });
  assert.equal([...server.sessions][0]!.stats.streamsIgnored, 1);
});

testOverNetworks("Calling after close is UNAVAILABLE, not processed, and says so", async (network) => {
  const client = await network.connect(await network.start(network.server().build()));
  await network.run(client.close());
  await assert.rejects(network.run(client.request("echo", EMPTY)), {
    code: "UNAVAILABLE",
    disposition: "notProcessed",
    message: /closed/,
  });
  await assert.rejects(network.run(client.emit("event", EMPTY)), { code: "UNAVAILABLE", message: /closed/ });
  await assert.rejects(network.run(client.createStream("stream")), { code: "UNAVAILABLE", message: /closed/ });
});
