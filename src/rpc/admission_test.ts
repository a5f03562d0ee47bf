import assert from "node:assert/strict";
import { test } from "node:test";
import { Admission, ProcessAdmission } from "./admission.ts";

/** A call that notes when it runs. */
function call(ran: string[], name: string): { run(): void } {
  return { run: () => void ran.push(name) };
}

test("Admission runs up to its limit, then queues as many, then refuses", () => {
  const admission = new Admission(new ProcessAdmission(), 2);
  admission.open();
  const ran: string[] = [];
  assert.deepEqual(["a", "b", "c", "d", "e"].map((name) => admission.enter(call(ran, name))), [
    "run",
    "run",
    "waiting",
    "waiting",
    "refused",
  ]);
  assert.deepEqual([admission.running, admission.waiting, ran], [2, 2, []]);
  admission.leave();
  assert.deepEqual([admission.running, admission.waiting, ran], [2, 1, ["c"]]);
});

test("Admission lets nothing run before it opens, and then in order", () => {
  const admission = new Admission(new ProcessAdmission(), 2);
  const ran: string[] = [];
  assert.equal(admission.enter(call(ran, "a")), "waiting");
  assert.equal(admission.enter(call(ran, "b")), "waiting");
  assert.equal(admission.enter(call(ran, "c")), "refused");
  admission.open();
  assert.deepEqual(ran, ["a", "b"]);
});

test("Admission keeps calls waiting while there is no room for what they return", () => {
  const outlet = { writable: true };
  const admission = new Admission(new ProcessAdmission(), 10, outlet);
  admission.open();
  const ran: string[] = [];
  outlet.writable = false;
  assert.equal(admission.enter(call(ran, "a")), "waiting");
  admission.resume();
  assert.deepEqual(ran, []);
  outlet.writable = true;
  admission.resume();
  assert.deepEqual(ran, ["a"]);
});

test("Admission.withdraw takes a waiting call out, and says when there is none", () => {
  const process = new ProcessAdmission();
  const admission = new Admission(process, 1);
  const waiting = call([], "a");
  admission.enter(waiting);
  assert.deepEqual([admission.withdraw(waiting), admission.withdraw(waiting), process.waiting], [true, false, 0]);
});

test("ProcessAdmission bounds all connections together and serves them in turn", () => {
  const process = new ProcessAdmission(2);
  const [first, second] = [new Admission(process, 10), new Admission(process, 10)];
  first.open();
  second.open();
  const ran: string[] = [];
  assert.deepEqual(["a1", "a2"].map((name) => first.enter(call(ran, name))), ["run", "run"]);
  assert.equal(first.enter(call(ran, "a3")), "waiting");
  assert.equal(second.enter(call(ran, "b1")), "waiting");
  assert.equal(first.enter(call(ran, "a4")), "refused", "as many wait in the process as may run");
  first.leave();
  first.leave();
  assert.deepEqual(ran, ["a3", "b1"]);
});

test("ProcessAdmission passes over a connection that is at its own limit", () => {
  const process = new ProcessAdmission(3);
  const [first, second] = [new Admission(process, 1), new Admission(process, 2)];
  first.open();
  second.open();
  const ran: string[] = [];
  first.enter(call(ran, "a1"));
  first.enter(call(ran, "a2"));
  second.enter(call(ran, "b1"));
  second.enter(call(ran, "b2"));
  second.enter(call(ran, "b3"));
  second.leave();
  assert.deepEqual(ran, ["b3"]);
  first.leave();
  assert.deepEqual(ran, ["b3", "a2"]);
});
