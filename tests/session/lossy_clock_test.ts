/**
 * The clock over real QUIC through a bad network. Both ends are in one process and so have the same clock: the true offset is 0.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionClock } from "../../src/session/session_clock.ts";
import type { Faults } from "../support/impairment.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";

/** Within its bound, which is no wider than the network makes it. */
function check(clock: SessionClock, who: string): void {
  const { offsetUs, errorBoundUs, roundTripTimeUs } = clock;
  assert.equal(clock.state, "synchronized", who);
  assert.ok(Math.abs(offsetUs) <= errorBoundUs, `${who}: offset ${offsetUs} µs, error at most ${errorBoundUs} µs`);
  // Half of a round trip is unknown on any path; to that comes what clocks may have drifted since the few probes there were.
  assert.ok(errorBoundUs <= roundTripTimeUs, `${who}: ${errorBoundUs} µs at ${roundTripTimeUs} µs round trip`);
  const nowUs = performance.now() * 1000;
  const errorUs = clock.toRemoteUs(nowUs) - nowUs;
  assert.ok(Math.abs(errorUs) <= errorBoundUs + 1, `${who}: reads ${errorUs} µs off`);
}

const NETWORKS: Readonly<Record<string, readonly [there: Faults, back: Faults]>> = {
  "loses, delays and reorders packets": [
    { delayMs: 10, jitterMs: 5, drop: 0.2, reorder: 0.05 },
    { delayMs: 10, jitterMs: 5, drop: 0.2, reorder: 0.05 },
  ],
  "is four times as long one way as the other": [{ delayMs: 40, jitterMs: 2, drop: 0.1 }, { delayMs: 10, drop: 0.1 }],
};

for (const [what, [there, back]] of Object.entries(NETWORKS)) {
  test(`Both ends know the other's clock within the error they state over a network that ${what}`, async () => {
    const network = new Network();
    const server = network.server().build();
    const proxy = await UdpProxy.open(await network.start(server), { seed: 3 });
    const client = await network.connect(proxy.address);
    proxy.there.faults = there;
    proxy.back.faults = back;
    try {
      await network.until(() => server.sessions.size === 1);
      const session = [...server.sessions][0]!;
      await Promise.all([client.clock.ready(), session.clock.ready()]);
      check(client.clock, "client");
      check(session.clock, "server");
    } finally {
      await client.close();
      await proxy.close();
      await network.close();
    }
  });
}
