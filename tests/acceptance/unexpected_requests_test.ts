/**
 * Unexpected requests: more or fewer than the method takes, or a call of another shape. One test a case, `Unexpected Requests: case`.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RpcClient } from "../../src/client/client.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { testOverNetworks } from "../support/networks.ts";
import { failureOf } from "../support/session_pair.ts";

/** Send so many requests, then the end of them. */
function channelOf(method: "Unary" | "ServerStream", count: number) {
  return async (client: RpcClient): Promise<unknown> => {
    const channel = client.requestChannel(method);
    for (let n = 0; n < count; n++) await channel.send("");
    return await channel.response();
  };
}

const CASES: Readonly<Record<string, { call(client: RpcClient): Promise<unknown>; code: string }>> = {
  "unary/no-request": { call: channelOf("Unary", 0), code: "INVALID_ARGUMENT" },
  "unary/multiple-requests": { call: channelOf("Unary", 2), code: "INVALID_ARGUMENT" },
  "server-stream/no-request": { call: channelOf("ServerStream", 0), code: "INVALID_ARGUMENT" },
  "server-stream/multiple-requests": { call: channelOf("ServerStream", 3), code: "INVALID_ARGUMENT" },
  "server-stream/as-unary": { call: (client) => client.request("ServerStream", ""), code: "UNIMPLEMENTED" },
  "client-stream/as-unary": { call: (client) => client.request("ClientStream", ""), code: "UNIMPLEMENTED" },
};

for (const [name, { call, code }] of Object.entries(CASES)) {
  testOverNetworks(`Unexpected Requests: ${name}`, async (network) => {
    let ran = 0;
    const server = network.server()
      .handler("Unary", cbor<unknown>(), () => ran++)
      .handler("ServerStream", cbor<unknown>(), async function* () {
        yield ran++;
      })
      .channel("ClientStream", cbor<unknown>(), async (_session, requests) => {
        ran++;
        for await (const _ of requests);
      })
      .build();
    const client = await network.connect(await network.start(server));
    assert.equal((await network.run(failureOf(call(client)))).code, code);
    assert.equal(ran, 0, "no handler ran");
    await network.run(client.request("Unary", ""));
    assert.equal(ran, 1, "the connection serves the next call");
  });
}
