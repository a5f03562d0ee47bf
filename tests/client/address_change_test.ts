import assert from "node:assert/strict";
import { test } from "node:test";
import { findNamespace } from "../support/network_namespace.ts";
import { runScript } from "../support/run_script.ts";

const within = findNamespace();
const options = within === undefined ? { skip: "network namespaces or iproute2 are missing here" } : {};

for (
  const [name, scene] of [
    ["An idle client moves by itself when its host has another address", "idle"],
    ["Calls go on when their client's host has another address, four times", "transfer"],
    ["A client whose host has no way to the server for a while moves when there is one", "gap"],
    ["A client moves to a socket with the port of an earlier one", "few ports"],
    ["A client that must not move by itself is followed to its new address all the same", "off"],
  ] as const
) {
  test(name, options, async () => {
    const { code, output } = await runScript("tests/support/moving_host.ts", {
      parameters: [scene],
      within: within ?? [],
    });
    assert.equal(output, "ok\n");
    assert.equal(code, 0);
  });
}
