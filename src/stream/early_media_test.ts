import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerQueue } from "../timer_queue.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { EarlyMedia } from "./early_media.ts";
import type { LossyIntake } from "./lossy_intake.ts";
import type { UnitReader } from "./unit_reader.ts";

/** What waits, the clock it waits on, and what became of it. */
function scene(): { clock: VirtualClock; early: EarlyMedia; events: string[]; intake: LossyIntake; unit: UnitReader } {
  const clock = new VirtualClock();
  const events: string[] = [];
  const onDatagram = (bytes: Uint8Array): void => void events.push(`datagram ${bytes[0]}`);
  return {
    clock,
    early: new EarlyMedia(new TimerQueue(clock), () => clock.nowUs()),
    events,
    intake: { fragments: { onDatagram } } as unknown as LossyIntake,
    unit: {
      begin: () => void events.push("unit begins"),
      refuse: () => void events.push("unit refused"),
    } as unknown as UnitReader,
  };
}

test("EarlyMedia gives what waited to the stream it was for, in order, and nothing else", () => {
  const { early, events, intake, unit } = scene();
  early.addDatagram(1, Uint8Array.of(1), 0, 0);
  early.addUnit(1, unit);
  early.addDatagram(2, Uint8Array.of(2), 0, 0);
  early.release(1, intake);
  assert.deepEqual([events, early.length], [["datagram 1", "unit begins"], 1]);
  early.release(2, undefined);
  assert.deepEqual([events.length, early.length], [2, 0]);
});

test("EarlyMedia keeps a bounded number of units and datagrams, and of bytes; the oldest go", () => {
  const { early, events, intake, unit } = scene();
  for (let n = 0; n < 1_000; n++) early.addUnit(n, unit);
  assert.deepEqual([early.length, events.length], [256, 744]);
  early.clear();
  for (let n = 0; n < 1_000; n++) early.addDatagram(7, new Uint8Array(60_000).fill(n), 0, 0);
  assert.ok(early.length <= 17, `${early.length} datagrams of 60,000 bytes`);
  early.release(7, intake);
  assert.equal(events.at(-1), `datagram ${999 % 256}`);
});

test("EarlyMedia drops what has waited for two seconds", async () => {
  const { early, events, unit, clock } = scene();
  early.addUnit(1, unit);
  await clock.advance(1_500);
  early.addDatagram(1, Uint8Array.of(1), 0, 0);
  await clock.advance(600);
  assert.deepEqual([events, early.length], [["unit refused"], 1]);
  await clock.advance(1_500);
  assert.equal(early.length, 0);
});
