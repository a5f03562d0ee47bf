import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerQueue } from "../timer_queue.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { EventReports } from "./event_reports.ts";

function reportsOn(clock: VirtualClock): { readonly reports: EventReports; readonly sent: string[] } {
  const sent: string[] = [];
  const sink = {
    sendEventAck: (sequence: number) => void sent.push(`ack ${sequence}`),
    sendEventUnheard: (name: string, count: number, sequence: number) =>
      void sent.push(`unheard ${name} ${count} ${sequence}`),
  };
  return { reports: new EventReports(sink, new TimerQueue(clock)), sent };
}

test("EventReports acknowledge every 64 events, and the rest after 10 ms", async () => {
  const clock = new VirtualClock();
  const { reports, sent } = reportsOn(clock);
  for (let sequence = 1; sequence <= 130; sequence++) reports.taken(sequence);
  assert.deepEqual(sent, ["ack 64", "ack 128"]);
  await clock.advance(9);
  assert.equal(sent.length, 2);
  await clock.advance(1);
  assert.deepEqual(sent, ["ack 64", "ack 128", "ack 130"]);
  await clock.advance(1_000);
  assert.equal(sent.length, 3);
});

test("EventReports tell of unheard events once a name, with their count and latest sequence", async () => {
  const clock = new VirtualClock();
  const { reports, sent } = reportsOn(clock);
  for (const [name, sequence] of [["a", 1], ["b", 2], ["a", 3], ["", 4]] as const) {
    reports.unheard(name, sequence);
    reports.taken(sequence);
  }
  await clock.advance(10);
  assert.deepEqual(sent, ["unheard a 2 3", "unheard b 1 2", "ack 4"]);
});

test("EventReports send nothing once their connection is gone", async () => {
  const clock = new VirtualClock();
  const { reports, sent } = reportsOn(clock);
  reports.taken(1);
  reports.unheard("a", 1);
  reports.end();
  await clock.advance(100);
  assert.deepEqual([sent, clock.pendingTimers], [[], 0]);
});
