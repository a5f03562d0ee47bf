/**
 * gRPC's interoperability cases by their names, with the sizes and texts of the description, against {@link testService}.
 * Source: https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RpcClient } from "../../src/client/client.ts";
import type { Metadata } from "../../src/protocol/metadata.ts";
import { type Network, testOverNetworks } from "../support/networks.ts";
import { failureOf } from "../support/session_pair.ts";
import { ECHO_INITIAL, ECHO_TRAILING, type SimpleRequest, type TestService, testService } from "./interop_service.ts";

type Client = RpcClient<TestService>;

const LARGE: SimpleRequest = { responseSize: 314159, payload: new Uint8Array(271828) };
const REQUEST_SIZES = [27182, 8, 1828, 45904];
const RESPONSE_SIZES = [31415, 9, 2653, 58979];
const STATUS = { code: "UNKNOWN", message: "test status message" } as const;
const SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
const METADATA: Metadata = [
  [ECHO_INITIAL, "test_initial_metadata_value"],
  [ECHO_TRAILING, Uint8Array.of(0xab, 0xab, 0xab)],
];

const CASES: Readonly<Record<string, (client: Client) => Promise<void>>> = {
  async empty_unary(client) {
    assert.deepEqual(await client.request("TestService/EmptyCall", {}), {});
  },

  async large_unary(client) {
    const { payload } = await client.request("TestService/UnaryCall", LARGE);
    assert.deepEqual(payload, new Uint8Array(314159));
  },

  async client_streaming(client) {
    const call = client.requestChannel("TestService/StreamingInputCall");
    for (const size of REQUEST_SIZES) assert.equal(await call.send({ payload: new Uint8Array(size) }), true);
    assert.deepEqual(await call.response(), { aggregatedPayloadSize: 74922 });
  },

  async server_streaming(client) {
    const responseParameters = RESPONSE_SIZES.map((size) => ({ size }));
    const sizes: number[] = [];
    for await (const { payload } of client.requestStream("TestService/StreamingOutputCall", { responseParameters })) {
      sizes.push(payload.length);
    }
    assert.deepEqual(sizes, RESPONSE_SIZES);
  },

  async ping_pong(client) {
    const call = client.requestChannel("TestService/FullDuplexCall");
    for (const [n, size] of RESPONSE_SIZES.entries()) {
      await call.send({ responseParameters: [{ size }], payload: new Uint8Array(REQUEST_SIZES[n]!) });
      const { done, value } = await call.next();
      assert.deepEqual([done, value?.payload.length], [false, size]);
    }
    call.end();
    assert.equal((await call.next()).done, true);
  },

  async empty_stream(client) {
    const call = client.requestChannel("TestService/FullDuplexCall");
    call.end();
    assert.equal((await call.next()).done, true);
  },

  async custom_metadata(client) {
    let answered: Metadata = [];
    const onMetadata = (metadata: Metadata): void => void (answered = metadata);
    await client.request("TestService/UnaryCall", LARGE, { metadata: METADATA, onMetadata });
    // A unary call's answer has both in one.
    assert.deepEqual(answered, METADATA);

    const call = client.requestChannel("TestService/FullDuplexCall", { metadata: METADATA });
    await call.send({ responseParameters: [{ size: 314159 }], payload: LARGE.payload! });
    assert.deepEqual(await call.headers, METADATA.slice(0, 1));
    assert.equal((await call.response()).payload.length, 314159);
    assert.deepEqual(await call.trailers, METADATA.slice(1));
  },

  async per_rpc_creds(client) {
    const request = { fillUsername: true };
    const metadata = { authorization: "Bearer a-token" };
    assert.equal((await client.request("TestService/UnaryCall", request)).username, undefined);
    assert.equal((await client.request("TestService/UnaryCall", request, { metadata })).username, "a-user@example.com");
    assert.equal((await client.request("TestService/UnaryCall", request)).username, undefined);
  },

  async status_code_and_message(client) {
    const call = client.requestChannel("TestService/FullDuplexCall");
    await call.send({ responseParameters: [], responseStatus: STATUS });
    call.end();
    const failures = [
      await failureOf(client.request("TestService/UnaryCall", { responseStatus: STATUS })),
      await failureOf(call.next()),
    ];
    for (const { code, message } of failures) assert.deepEqual({ code, message }, STATUS);
  },

  async special_status_message(client) {
    const responseStatus = { code: "UNKNOWN", message: SPECIAL_MESSAGE } as const;
    const { code, message } = await failureOf(client.request("TestService/UnaryCall", { responseStatus }));
    assert.deepEqual({ code, message }, responseStatus);
  },

  async unimplemented_method(client) {
    const { code } = await failureOf(client.request("TestService/UnimplementedCall", {}));
    assert.equal(code, "UNIMPLEMENTED");
  },

  async unimplemented_service(client) {
    const { code } = await failureOf(client.request("UnimplementedService/UnimplementedCall", {}));
    assert.equal(code, "UNIMPLEMENTED");
  },

  async cancel_after_begin(client) {
    const controller = new AbortController();
    const call = client.requestChannel("TestService/StreamingInputCall", { signal: controller.signal });
    controller.abort();
    assert.equal((await failureOf(call.response())).code, "CANCELLED");
  },

  async cancel_after_first_response(client) {
    const controller = new AbortController();
    const call = client.requestChannel("TestService/FullDuplexCall", { signal: controller.signal });
    await call.send({ responseParameters: [{ size: 31415 }], payload: new Uint8Array(27182) });
    assert.equal((await call.next()).value?.payload.length, 31415);
    controller.abort();
    assert.equal((await failureOf(call.next())).code, "CANCELLED");
  },

  async timeout_on_sleeping_server(client) {
    const call = client.requestChannel("TestService/FullDuplexCall", { timeoutMs: 1 });
    const responseParameters = [{ size: 31415, intervalUs: 30_000_000 }];
    // The deadline may pass before the item was accepted.
    await call.send({ responseParameters, payload: new Uint8Array(27182) }).catch(() => {});
    assert.equal((await failureOf(call.next())).code, "DEADLINE_EXCEEDED");
  },

  async concurrent_large_unary(client) {
    const sizes = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const { payload } = await client.request("TestService/UnaryCall", LARGE);
        return payload.length;
      }),
    );
    assert.deepEqual(new Set(sizes), new Set([314159]));
    assert.equal(sizes.length, 1_000);
  },
};

for (const [name, run] of Object.entries(CASES)) {
  testOverNetworks(`interop: ${name}`, async (network) => {
    const client = await serve(network);
    await network.run(run(client));
    await network.until(() => client.session.stats.requestsPending === 0);
    assert.deepEqual(network.messages("error"), []);
  });
}

async function serve(network: Network): Promise<Client> {
  const address = await network.start(testService(network).build());
  return await network.connect<TestService>(address);
}
