import assert from "node:assert/strict";
import { test } from "node:test";
import { runScript } from "./support/run_script.ts";

test("one connection answers 30,000 calls, 64 at a time, and memory does not keep growing", async () => {
  // Without forced collections the heap breathes; a leak of every call's payload and promise would still be larger than this.
  const { code, output } = await runScript("bench/soak/calls.ts", { parameters: ["30000", "10000", "48"] });
  assert.equal(code, 0, output);
});

test("100,000 calls one after the other leave memory flat", async () => {
  const { code, output } = await runScript("bench/soak/calls.ts", {
    parameters: ["100000", "20000", "8", "1"],
    collects: true,
  });
  assert.equal(code, 0, output);
});

test("30,000 frames of every delivery are played and memory does not keep growing", async () => {
  const { code, output } = await runScript("bench/soak/playout.ts", { parameters: ["30000", "10000", "48"] });
  assert.equal(code, 0, output);
});

test("fifty endpoints leave no thread, descriptor or timer behind, and the process ends by itself", async () => {
  const { code, output } = await runScript("bench/soak/endpoints.ts", { parameters: ["50"] });
  assert.equal(code, 0, output);
});
