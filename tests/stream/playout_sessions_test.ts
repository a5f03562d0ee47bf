/**
 * Streams that are played at the other end of a session.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { PlayoutItem } from "../../src/stream/playout_item.ts";
import { testSessions } from "../support/session_pair.ts";

for (const delivery of ["reliable", "expiring", "datagram"] as const) {
  testSessions(`A stream of delivery "${delivery}" is played in order and to its end`, {}, async (pair) => {
    const items: PlayoutItem[] = [];
    const clocks = new Set<unknown>();
    let early = 0;
    pair.server.streams.handle("s", async (_session, incoming) => {
      clocks.add(incoming.peerClock);
      for await (const item of incoming.playout({ targetMs: 30, late: "deliver" })) {
        items.push(item);
        if (item.kind === "frame" && pair.server.connection.clock.nowUs() < item.playoutUs) early++;
      }
    });
    const stream = await pair.run(pair.client.session.createStream("s", { delivery }));
    for (let n = 0; n < 5; n++) await pair.run(stream.send(new Uint8Array(1_000), { timestamp: n * 5_000 }));
    await pair.run(stream.end());
    const frames = items.filter((item) => item.kind === "frame");
    assert.deepEqual(frames.map(({ sequence }) => sequence), [0, 1, 2, 3, 4]);
    assert.equal(early, 0);
    assert.equal(clocks.size, 1);
    assert.ok(clocks.has(pair.server.session.clock));
    for (const frame of frames) assert.ok(frame.captureUs !== undefined);
  });
}
