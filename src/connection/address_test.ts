import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAddress, ipVersionOf, isLoopback, parseAddress } from "./address.ts";

test("parseAddress reads names, IPv4 and IPv6, with and without scheme", () => {
  assert.deepEqual(parseAddress("localhost:5000"), { host: "localhost", port: 5000, ipVersion: undefined });
  assert.deepEqual(parseAddress("127.0.0.1:0"), { host: "127.0.0.1", port: 0, ipVersion: 4 });
  assert.deepEqual(parseAddress("[::1]:65535"), { host: "::1", port: 65535, ipVersion: 6 });
  assert.deepEqual(parseAddress("echostream://a-b.example.com:443"), {
    host: "a-b.example.com",
    port: 443,
    ipVersion: undefined,
  });
  assert.deepEqual(parseAddress("echostream://[2001:db8::1]:443/"), { host: "2001:db8::1", port: 443, ipVersion: 6 });
});

test("parseAddress refuses what is no address, naming it", () => {
  for (
    const text of [
      "",
      "localhost",
      "::1:5000",
      "[::1]",
      "[127.0.0.1]:5",
      "a b:1",
      "host:-1",
      "host:x",
      "http://a:1",
      "1.2.3.4.5:6",
      "-a:1",
      "256.1.1.1:1",
    ]
  ) {
    assert.throws(() => parseAddress(text), {
      name: "TypeError",
      message: new RegExp(`Address ${JSON.stringify(text).replace(/[[\]().*+?/\\]/g, "\\$&")} .*expected "host:port"`),
    });
  }
  assert.throws(() => parseAddress(undefined as unknown as string), /Address is undefined/);
});

test("parseAddress refuses a port out of range", () => {
  assert.throws(() => parseAddress("localhost:65536"), {
    name: "RangeError",
    message: /port 65536, expected 0 to 65535/,
  });
  assert.throws(() => parseAddress("localhost:0", 1), { name: "RangeError", message: /port 0, expected 1 to 65535/ });
});

test("formatAddress puts IPv6 in brackets", () => {
  assert.equal(formatAddress({ address: "::1", port: 1 }), "[::1]:1");
  assert.equal(formatAddress({ address: "127.0.0.1", port: 1 }), "127.0.0.1:1");
  assert.equal(formatAddress(parseAddress("localhost:7")), "localhost:7");
});

test("ipVersionOf tells literals from names", () => {
  for (const text of ["0.0.0.0", "255.255.255.255"]) assert.equal(ipVersionOf(text), 4, text);
  for (const text of ["::", "::1", "fe80::1%eth0", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "2001:DB8::"]) {
    assert.equal(ipVersionOf(text), 6, text);
  }
  for (
    const text of [
      "",
      "a",
      "1.2.3",
      "01.2.3.4",
      "1:2:3",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7:8:9",
      "::1%",
      "g::1",
      "12345::",
    ]
  ) {
    assert.equal(ipVersionOf(text), undefined, text);
  }
});

test("isLoopback knows 127.0.0.0/8 and ::1 in every spelling", () => {
  for (const text of ["127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "0::1"]) {
    assert.equal(isLoopback(text), true, text);
  }
  for (const text of ["128.0.0.1", "::2", "::", "::11", "1::1", "10.127.0.1", "localhost", "::ffff:10.0.0.1"]) {
    assert.equal(isLoopback(text), false, text);
  }
});
