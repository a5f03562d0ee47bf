import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptOptions, DEFAULT_ACCEPT_OPTIONS } from "./accept_options.ts";

test("acceptOptions fills in the defaults of the security table, also for fields that are undefined", () => {
  assert.deepEqual(acceptOptions({}), DEFAULT_ACCEPT_OPTIONS);
  const { maxConnections, maxConnectionsPerAddress, maxHandshakes, maxHandshakesPerAddress, retryThreshold } =
    acceptOptions({ maxConnections: 5, retryThreshold: 0, maxHandshakes: undefined as unknown as number });
  assert.deepEqual(
    [maxConnections, maxConnectionsPerAddress, maxHandshakes, maxHandshakesPerAddress, retryThreshold],
    [5, 1_024, 1_000, 64, 0],
  );
});

test("acceptOptions refuses values out of range, naming them", () => {
  for (const name of ["maxConnections", "maxConnectionsPerAddress", "maxHandshakes", "maxHandshakesPerAddress"]) {
    assert.throws(() => acceptOptions({ [name]: 0 }), { name: "RangeError", message: new RegExp(`^${name} is 0`) });
  }
  assert.throws(() => acceptOptions({ retryThreshold: -1 }), /^RangeError: retryThreshold is -1/);
  assert.throws(() => acceptOptions({ retryThreshold: 1.5 }), /^RangeError: retryThreshold is 1.5/);
  assert.throws(() => acceptOptions({ exemptLoopback: 1 as unknown as boolean }), /^TypeError: exemptLoopback is 1/);
  assert.throws(() => acceptOptions({ maxConnection: 1 } as never), {
    name: "TypeError",
    message: 'There is no accept option called "maxConnection"',
  });
});

test("acceptOptions says what is wrong with a secret without showing it", () => {
  assert.throws(() => acceptOptions({ secret: new Uint8Array(31).fill(7) }), {
    name: "RangeError",
    message: "secret has 31 bytes, expected at least 32",
  });
  assert.throws(() => acceptOptions({ secret: "swordfish" as unknown as Uint8Array }), {
    name: "TypeError",
    message: "secret is no Uint8Array",
  });
  const secret = new Uint8Array(32);
  assert.equal(acceptOptions({ secret }).secret, secret);
});
