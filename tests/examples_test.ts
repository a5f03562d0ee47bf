import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceFiles } from "./support/repository.ts";
import { runScript } from "./support/run_script.ts";

/** Each example runs alone, with the one permission that it names, and ends by itself; these lines are what it promises to show. */
const EXPECTED: Record<string, readonly string[]> = {
  "examples/contract.ts": [
    "server: seen tea",
    "tea left: 1",
    "sold: tea",
    "RESOURCE_EXHAUSTED: only 1 left",
    "bread: 1",
    "done",
  ],
  "examples/echo.ts": [
    "echo: hello",
    "add: 42",
    "user.name: Ada",
    "user.name: NOT_FOUND - No user 7",
    "slow: DEADLINE_EXCEEDED",
    "done",
  ],
  "examples/events.ts": [
    "ada joined",
    "bob joined",
    "bob hears ada: hello",
    "bob hears ada: how are you?",
    "bob hears ada: bye",
    "server: ada left, ended by remote",
    "done",
  ],
  "examples/playout.ts": [
    "server: play frame 0, 160 bytes",
    "server: play frame 4, 160 bytes",
    "server: 5 frames played",
    "done",
  ],
  "examples/plugin.ts": [
    "server: starts, counter is there: true",
    "Hello, Ada",
    "Hello, Bob",
    "greetings: 2",
    "connections: 1",
    "server: shut down",
    "done",
  ],
  "examples/stream.ts": [
    'server: stream "microphone" at 48000 Hz',
    "server: frame 0 at 0, 1920 bytes",
    "server: frame 4 at 3840, 1920 bytes",
    "server: stream ended",
    "client: 5 frames sent and taken",
    "done",
  ],
  "examples/streaming_calls.ts": [
    "countdown: 1000000",
    "countdown: 999998",
    "server: countdown ends",
    "sum: 10",
    "shout: HELLO!",
    "shout: BYE!",
    "done",
  ],
};

test("every example has its expected output here", () => {
  assert.deepEqual(sourceFiles("examples"), Object.keys(EXPECTED).sort());
});

for (const [example, lines] of Object.entries(EXPECTED)) {
  test(`${example} runs to its end and shows what it promises`, async () => {
    const { code, output } = await runScript(example, { permissions: ["--allow-ffi"] });
    assert.equal(code, 0, output);
    const shown = output.split("\n");
    assert.deepEqual(lines.filter((line) => !shown.includes(line)), [], output);
  });
}
