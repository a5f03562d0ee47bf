import assert from "node:assert/strict";
import { test } from "node:test";

import { interleaveFamilies } from "./happy_eyeballs.ts";

test("interleaveFamilies lets the IP versions take turns, the resolver's first one first", () => {
  assert.deepEqual(interleaveFamilies(["::1", "::2", "::3", "127.0.0.1"]), ["::1", "127.0.0.1", "::2", "::3"]);
  assert.deepEqual(interleaveFamilies(["10.0.0.1", "10.0.0.2", "::1", "10.0.0.1"]), ["10.0.0.1", "::1", "10.0.0.2"]);
  assert.deepEqual(interleaveFamilies([]), []);
});
