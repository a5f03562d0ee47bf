import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { RpcServer } from "../../src/server/server.ts";
import { testOverNetworks } from "../support/networks.ts";
import { World } from "../support/world.ts";

const echo = (_session: unknown, bytes: Uint8Array): Uint8Array => bytes;
const bound = () => RpcServer.builder().bind("127.0.0.1:5000").options(new World().options);

test("Registering a method, stream or push twice is an error that names it", () => {
  assert.throws(() => bound().handler("echo", echo).handler("echo", echo), {
    name: "TypeError",
    message: 'Method "echo" already has a handler',
  });
  assert.throws(() => bound().stream("camera", () => {}).stream("camera", () => {}), {
    name: "TypeError",
    message: 'Stream "camera" already has a handler',
  });
  assert.throws(() => bound().pushes({ news: cbor<string>() }).pushes({ news: cbor<string>() }), {
    name: "TypeError",
    message: 'Push "news" is already declared',
  });
  assert.throws(() => RpcClient.builder().handler("echo", echo).handler("echo", echo), {
    name: "TypeError",
    message: 'Method "echo" already has a handler',
  });
});

test("A name that is empty, too long or not text is an error that shows it", () => {
  for (const name of ["", "x".repeat(129), "tab\t", "é".repeat(65), "\ud800"]) {
    assert.throws(() => bound().handler(name, echo), { name: "TypeError", message: /^Method name / });
    assert.throws(() => bound().listener(name, echo), { name: "TypeError", message: /^Event name / });
    assert.throws(() => bound().stream(name, () => {}), { name: "TypeError", message: /^Stream name / });
    assert.throws(() => bound().pushes({ [name]: cbor<string>() }), { name: "TypeError", message: /^Push name / });
  }
});

test("An invalid address is an error that shows it and what is expected", () => {
  for (const address of ["", "127.0.0.1", "127.0.0.1:", "::1:5000", "http://localhost:80", "a b:1", "host:99999"]) {
    const expected = { message: new RegExp(`^Address ${JSON.stringify(address).replace(/[[\]/.]/g, "\\$&")} `) };
    assert.throws(() => RpcServer.builder().bind(address), expected);
    assert.throws(() => RpcClient.builder().connect(address), expected);
  }
  assert.throws(() => RpcServer.builder().bind(5000 as never), { name: "TypeError", message: /Address is number/ });
  assert.throws(() => RpcClient.builder().connect("127.0.0.1:0"), { name: "RangeError", message: /port 0/ });
});

test("RpcClient.connect rejects for an invalid address, it does not throw", async () => {
  await assert.rejects(RpcClient.connect("nowhere"), { name: "TypeError", message: /Address "nowhere" is not valid/ });
});

test("A server without an address cannot be built", () => {
  assert.throws(() => RpcServer.builder().build(), {
    name: "TypeError",
    message: /no address to listen on; call bind/,
  });
});

test("A client without an address cannot be built", async () => {
  await assert.rejects(RpcClient.builder().build(), {
    name: "TypeError",
    message: /no address to connect to; call connect/,
  });
});

test("Building a server twice, or changing a builder after it, is an error", () => {
  const builder = bound();
  builder.build();
  const again = { name: "TypeError", message: /has built its server already/ };
  assert.throws(() => builder.build(), again);
  assert.throws(() => builder.handler("echo", echo), again);
  assert.throws(() => builder.bind("127.0.0.1:5001"), again);
});

test("Building a client twice is an error", async () => {
  const world = new World();
  const builder = RpcClient.builder().connect("127.0.0.1:5000").options(world.options);
  await assert.rejects(world.run(builder.build()), { code: "UNAVAILABLE" });
  await assert.rejects(builder.build(), { name: "TypeError", message: /has built its client already/ });
});

test("PEM that holds no certificate or key is refused at build, saying which", () => {
  const cert = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
  const key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
  const build = (cert: string, key: string) => () => bound().tls({ cert, key }).build();
  assert.throws(build(key, key), { message: /^Certificate contains no certificate/ });
  assert.throws(build(cert, cert), { message: /^Key contains no private key/ });
  assert.throws(build("-----BEGIN nothing", key), { message: /^Certificate contains no certificate/ });
  assert.throws(build("missing.pem", key), { message: /^Certificate cannot be read from "missing.pem"/ });
});

test("A CA without a certificate is refused before anything is dialled", async () => {
  const world = new World();
  const connecting = RpcClient.connect("127.0.0.1:5000", { ...world.options, tls: { ca: "-----BEGIN nothing" } });
  await assert.rejects(connecting, { message: /^CA contains no certificate/ });
});

test("An option out of range, or one that does not exist, is refused at build, naming it", () => {
  assert.throws(() => bound().options({ tuning: { idleTimeoutMs: -1 } }).build(), {
    name: "RangeError",
    message: /^idleTimeoutMs is -1/,
  });
  assert.throws(() => bound().options({ limits: { maxRunningCalls: Number.NaN } }).build(), {
    name: "RangeError",
    message: /maxRunningCalls is NaN/,
  });
  assert.throws(() => bound().options({ limits: { maxMesageBytes: 1 } as object }).build(), {
    name: "TypeError",
    message: 'There is no limit called "maxMesageBytes"',
  });
  assert.throws(() => bound().options({ tuning: { idleTimeout: 1 } as object }).build(), {
    name: "TypeError",
    message: 'There is no tuning called "idleTimeout"',
  });
});

test("A hook or handler that is not a function is refused where it is given", () => {
  assert.throws(() => bound().onStart(undefined as never), { name: "TypeError", message: /onStart hook/ });
  assert.throws(() => bound().handler("m", undefined as never), {
    name: "TypeError",
    message: /Handler of method "m"/,
  });
  assert.throws(() => bound().listener("e", 5 as never), { name: "TypeError", message: /Listener of event "e"/ });
});

testOverNetworks(
  "A grace that is no time is refused, and nothing is closed; one without end is taken",
  async (network) => {
    const server = network.server().handler("echo", echo).build();
    const client = await network.connect(await network.start(server), { reconnect: false });
    for (const graceMs of [Number.NaN, -1, "5" as never]) {
      const refused = { name: "RangeError", message: `graceMs is ${graceMs}, expected 0 or more milliseconds` };
      await assert.rejects(network.run(server.shutdown({ graceMs })), refused);
      await assert.rejects(network.run(client.close({ graceMs })), refused);
    }
    assert.deepEqual(await network.run(client.request("echo", Uint8Array.of(1))), Uint8Array.of(1));
    await network.run(server.shutdown({ graceMs: Infinity }));
    assert.equal((await network.run(client.closed)).reason, "Server is shutting down");
  },
);
