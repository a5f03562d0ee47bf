import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_ACCEPT_OPTIONS } from "./accept_options.ts";
import { type PortShare, portShare, type PortShareNeeds, threadCount, threadWarning } from "./threads.ts";

test("threadCount is 1 unless told otherwise, and takes 1 to 64", () => {
  assert.equal(threadCount(undefined), 1);
  assert.equal(threadCount(64), 64);
  for (const wrong of [0, -1, 1.5, 65, NaN, Infinity, "2" as unknown as number, null as unknown as number]) {
    assert.throws(
      () => threadCount(wrong),
      new RangeError(`threads is ${wrong}, expected a whole number from 1 to 64`),
    );
  }
});

test("threadWarning speaks up when threads outnumber processors", () => {
  assert.equal(threadWarning(1, 1), undefined);
  assert.equal(threadWarning(4, 4), undefined);
  const warning = threadWarning(3, 2);
  assert.equal(warning?.level, "warn");
  assert.deepEqual(warning?.fields, { threads: 3, processors: 2 });
});

const NEEDS: PortShareNeeds = {
  threads: 2,
  accept: { ...DEFAULT_ACCEPT_OPTIONS, secret: new Uint8Array(32) },
  earlyData: false,
  ports: [5000],
};

test("portShare takes each of so many servers once, or nothing", () => {
  assert.equal(portShare(undefined, { ...NEEDS, ports: [0] }), undefined);
  assert.deepEqual(portShare({ index: 0, count: 1 }, NEEDS), { index: 0, count: 1 });
  assert.deepEqual(portShare({ index: 31, count: 32 }, NEEDS), { index: 31, count: 32 });
});

test("portShare names what is wrong", () => {
  const rejects = (given: unknown, error: RegExp, needs: Partial<PortShareNeeds> = {}): void =>
    assert.throws(() => portShare(given as PortShare, { ...NEEDS, ...needs }), error);
  rejects(true, /^TypeError: reusePort is true, expected { index, count }$/);
  rejects(null, /^TypeError: reusePort is null/);
  rejects({ index: 0 }, /^RangeError: reusePort\.count is undefined, expected a whole number from 1 to 32$/);
  rejects({ index: 0, count: 33 }, /^RangeError: reusePort\.count is 33/);
  rejects({ index: 2, count: 2 }, /^RangeError: reusePort\.index is 2, expected a whole number from 0 to 1$/);
  rejects({ index: -1, count: 2 }, /^RangeError: reusePort\.index is -1/);
  const share = { index: 0, count: 2 };
  rejects(share, /^TypeError: reusePort needs accept: { secret }/, { accept: DEFAULT_ACCEPT_OPTIONS });
  rejects(share, /^TypeError: reusePort and earlyData exclude each other/, { earlyData: true });
  rejects(share, /^TypeError: reusePort needs a port that all know, not 0$/, { ports: [5000, 0] });
});
