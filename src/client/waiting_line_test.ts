import assert from "node:assert/strict";
import { test } from "node:test";
import { EchoStreamError } from "../protocol/error.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { WaitingLine } from "./waiting_line.ts";

test("All that wait go on together, in the order they came", async () => {
  const line = new WaitingLine(new VirtualClock(), 8);
  const order: number[] = [];
  const waits = [1, 2, 3].map((n) => line.wait("it").then(() => order.push(n)));
  assert.equal(line.length, 3);
  line.open();
  await Promise.all(waits);
  assert.deepEqual([order, line.length], [[1, 2, 3], 0]);
});

test("Who waits learns why it ends: its time, its signal, the deadline behind its signal, too many, no connection at all", async () => {
  const clock = new VirtualClock();
  const line = new WaitingLine(clock, 4);
  const cancelled = new AbortController();
  const late = new AbortController();
  const waits = [
    line.wait("a", { timeoutMs: 10 }),
    line.wait("b", { signal: cancelled.signal }),
    line.wait("c", { signal: late.signal, timeoutMs: 60_000 }),
    line.wait("d"),
    line.wait("e"),
  ];
  const ends = Promise.allSettled(waits);
  await clock.advance(10);
  cancelled.abort("enough");
  late.abort(new EchoStreamError("DEADLINE_EXCEEDED", "The call behind it was not answered in time"));
  line.fail(new EchoStreamError("UNAVAILABLE", "gone"));
  const codes = (await ends).map((end) => end.status === "rejected" ? end.reason.code : "OK");
  assert.deepEqual(codes, ["DEADLINE_EXCEEDED", "CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"]);
  assert.equal(clock.pendingTimers, 0);
});

test("A signal that has aborted already ends the wait at once", async () => {
  const line = new WaitingLine(new VirtualClock(), 8);
  await assert.rejects(line.wait("it", { signal: AbortSignal.abort("no") }), {
    code: "CANCELLED",
    disposition: "notProcessed",
    cause: "no",
  });
  assert.equal(line.length, 0);
});
