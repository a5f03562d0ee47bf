import assert from "node:assert/strict";
import { test } from "node:test";

import { silentLogger } from "../trace.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { parseAddress } from "./address.ts";
import { Connection } from "./connection.ts";
import { dial, type DialRequest } from "./dial.ts";
import { memoryNetwork, type MemoryNetworkOptions } from "./memory.ts";
import { transportOptions } from "./options.ts";
import { type Transport, type TransportConnection } from "./transport.ts";

const OPTIONS = transportOptions({}, 2);

interface Site {
  readonly clock: VirtualClock;
  readonly transport: Transport;
  /** Addresses dialled, with the time in milliseconds. */
  readonly attempts: [string, number][];
  readonly accepted: Connection[];
  readonly request: (address: string, more?: Partial<DialRequest>) => Promise<Connection>;
}

async function site(options: MemoryNetworkOptions, listening: readonly string[] = []): Promise<Site> {
  const clock = new VirtualClock();
  const { transport } = memoryNetwork({ clock, delayMs: 10, ...options });
  const accepted: Connection[] = [];
  for (const address of listening) {
    await transport.listen({ ...OPTIONS, address: { address, port: 5_000 }, identity: undefined }, (connection) => {
      const server = Connection.accept(connection, { transport: OPTIONS, clock, log: silentLogger });
      accepted.push(server);
      return server;
    });
  }
  const attempts: [string, number][] = [];
  const watched: Transport = {
    listen: transport.listen.bind(transport),
    dial: (options, sink) => {
      attempts.push([options.address.address, clock.nowUs() / 1000]);
      return transport.dial(options, sink);
    },
    resolve: transport.resolve.bind(transport),
    setReferenced: transport.setReferenced.bind(transport),
    nowUs: transport.nowUs.bind(transport),
  };
  const request = (address: string, more: Partial<DialRequest> = {}): Promise<Connection> =>
    dial({
      transport: watched,
      address: parseAddress(address),
      transportOptions: OPTIONS,
      tls: { verification: { kind: "none" } },
      connection: { clock, log: silentLogger },
      ...more,
    });
  return { clock, transport, attempts, accepted, request };
}

test("dial connects to a literal address and hands the connection over before anything can arrive", async () => {
  const { clock, request } = await site({}, ["127.0.0.1"]);
  const states: string[] = [];
  const connection = await clock.run(request("127.0.0.1:5000", {
    connection: { clock, log: silentLogger, onEstablished: (established) => void states.push(established.state) },
  }));
  assert.deepEqual(states, ["established"]);
  assert.deepEqual(connection.remote, { address: "127.0.0.1", port: 5_000 });
  assert.equal(clock.nowUs(), 20_000);
});

test("dial starts the next address after 250 ms, in turns of IP version, and keeps the first that answers", async () => {
  const hosts = { "many.test": ["2001:db8::a", "2001:db8::b", "10.0.0.1", "10.0.0.2"] };
  const { clock, attempts, request } = await site({ hosts, silentAddresses: ["2001:db8::a", "10.0.0.1"] }, [
    "2001:db8::b",
  ]);
  const connection = await clock.run(request("many.test:5000"));
  assert.equal(connection.remote.address, "2001:db8::b");
  assert.deepEqual(attempts, [["2001:db8::a", 0], ["10.0.0.1", 250], ["2001:db8::b", 500]]);
  await clock.advance(20_000);
  assert.equal(attempts.length, 3);
});

test("dial goes on at once when an address refuses", async () => {
  const hosts = { "two.test": ["::1", "127.0.0.1"] };
  const { clock, attempts, request } = await site({ hosts }, ["127.0.0.1"]);
  await clock.run(request("two.test:5000"));
  assert.deepEqual(attempts, [["::1", 0], ["127.0.0.1", 20]]);
});

test("dial closes the attempt that loses", async () => {
  const hosts = { "two.test": ["::1", "127.0.0.1"] };
  const { clock, accepted, request } = await site({ hosts, delayMs: 300 }, ["127.0.0.1", "::1"]);
  const connection = await clock.run(request("two.test:5000"));
  assert.equal(connection.remote.address, "::1");
  await clock.advance(5_000);
  assert.deepEqual(accepted.map(({ local, state }) => [local.address, state]), [["::1", "established"], [
    "127.0.0.1",
    "closed",
  ]]);
});

test("dial names every address it tried, why, and how long it waited", async () => {
  const hosts = { "dead.test": ["::1", "127.0.0.1"] };
  const { clock, request } = await site({ hosts });
  await assert.rejects(clock.run(request("dead.test:5000")), {
    name: "EchoStreamError",
    code: "UNAVAILABLE",
    disposition: "notProcessed",
    message: "Cannot connect to dead.test:5000 after 40 ms: [::1]:5000: Nobody listens on [::1]:5000 (20 ms); " +
      "127.0.0.1:5000: Nobody listens on 127.0.0.1:5000 (20 ms). Does a server listen there, and may UDP pass?",
  });
});

test("dial gives up at its timeout", async () => {
  const { clock, request } = await site({ silentAddresses: ["10.0.0.1"] });
  await assert.rejects(clock.run(request("10.0.0.1:5000")), {
    code: "UNAVAILABLE",
    message: "Cannot connect to 10.0.0.1:5000 within 5000 ms: 10.0.0.1:5000: no answer. " +
      "Does a server listen there, and may UDP pass?",
  });
  assert.equal(clock.nowUs(), 5_000_000);
  await assert.rejects(clock.run(request("10.0.0.1:5000", { timeoutMs: 100 })), /within 100 ms/);
});

test("dial says that a name has no address", async () => {
  const { clock, request } = await site({});
  await assert.rejects(clock.run(request("nowhere.test:5000")), {
    code: "UNAVAILABLE",
    message: 'Cannot connect to nowhere.test:5000: Host name "nowhere.test" has no address',
  });
});

test("dial does not try other addresses once TLS has refused", async () => {
  const { clock, transport } = await site({});
  const attempts: string[] = [];
  const refusing: Transport = {
    listen: transport.listen.bind(transport),
    resolve: () => Promise.resolve(["10.0.0.1", "10.0.0.2"]),
    setReferenced: () => {},
    nowUs: () => clock.nowUs(),
    dial: ({ address }, sink) => {
      attempts.push(address.address);
      clock.setTimer(
        () =>
          sink.onClosed({ by: "handshake", application: false, code: 0x100 + 45, reason: "certificate has expired" }),
        10,
      );
      return { remote: address, local: address } as TransportConnection;
    },
  };
  const request = dial({
    transport: refusing,
    address: parseAddress("two.test:5000"),
    transportOptions: OPTIONS,
    tls: { verification: { kind: "system" } },
    connection: { clock, log: silentLogger },
  });
  await assert.rejects(clock.run(request), {
    code: "UNAUTHENTICATED",
    message:
      "Cannot connect to two.test:5000: TLS with 10.0.0.1:5000 failed (certificate_expired): certificate has expired",
  });
  assert.deepEqual(attempts, ["10.0.0.1"]);
});

test("dial stops when its signal aborts, before or while it tries", async () => {
  const { clock, attempts, request } = await site({ silentAddresses: ["10.0.0.1"] });
  const reason = new Error("changed my mind");
  const expected = { code: "CANCELLED", message: "Connecting to 10.0.0.1:5000 was aborted", cause: reason };
  await assert.rejects(clock.run(request("10.0.0.1:5000", { signal: AbortSignal.abort(reason) })), expected);
  assert.equal(attempts.length, 0);
  const controller = new AbortController();
  clock.setTimer(() => controller.abort(reason), 30);
  await assert.rejects(clock.run(request("10.0.0.1:5000", { signal: controller.signal })), expected);
  assert.equal(clock.nowUs(), 30_000);
  await clock.advance(20);
  assert.equal(clock.pendingTimers, 0);
});

test("dial refuses a timeout and a port that cannot be", async () => {
  const { request } = await site({});
  await assert.rejects(request("10.0.0.1:5000", { timeoutMs: 0 }), RangeError);
  await assert.rejects(request("10.0.0.1:0"), { name: "RangeError", message: /has port 0/ });
});
