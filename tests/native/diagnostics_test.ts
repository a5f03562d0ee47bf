/**
 * What the native transport tells of itself: key logs, qlog files, counters, and the congestion control in force.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TransportOptions } from "../../src/connection/transport.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { ENTRY_POINT, runText } from "../support/run_script.ts";
import { waitUntil } from "../support/wait_until.ts";
import { connect, dial, listen, withConnection } from "./endpoints.ts";
import { RecordingSink } from "./recording_sink.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "echostream-diagnostics-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("The key log holds the secrets of both ends, which are the same", () =>
  inFolder(async (folder) => {
    const [ofClient, ofServer] = [join(folder, "client.log"), join(folder, "server.log")];
    await withConnection({ client: { keyLogFile: ofClient }, server: { keyLogFile: ofServer } }, async () => {});
    const lines = (path: string): string[] => readFileSync(path, "utf8").trim().split("\n").sort();
    const labels = lines(ofClient).map((line) => line.split(" ")[0]);
    for (const label of ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"]) {
      assert.ok(labels.includes(label), label);
    }
    for (const line of lines(ofClient)) assert.match(line, /^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]{64,96}$/);
    assert.deepEqual(lines(ofClient), lines(ofServer));
  }));

test("SSLKEYLOGFILE is honoured, with a warning", () =>
  inFolder(async (folder) => {
    const file = join(folder, "keys.log");
    const text = [
      `import { RpcClient, RpcServer } from "${ENTRY_POINT}";`,
      'const server = RpcServer.builder().bind("127.0.0.1:0").build();',
      "const { addresses } = await server.start();",
      "const client = await RpcClient.connect(addresses[0]);",
      "await client.close();",
      "await server.shutdown();",
    ];
    const { code, output } = await runText("key_log", text.join("\n"), { env: { SSLKEYLOGFILE: file } });
    assert.equal(code, 0, output);
    assert.match(output, /TLS secrets are written to .*keys\.log: whoever reads it can read all that is sent/);
    // Client and server write into the same file.
    const secrets = readFileSync(file, "utf8").match(/^CLIENT_TRAFFIC_SECRET_0 .*$/gm);
    assert.equal(secrets?.length, 2);
    assert.equal(secrets[0], secrets[1]);
  }));

test("A key log or a qlog folder that cannot be written is named at once", async () => {
  for (
    const [option, message] of [
      [{ keyLogFile: "/dev/null/keys.log" }, /^Key log "\/dev\/null\/keys\.log" cannot be written: /],
      [{ qlogFolder: "/dev/null/qlog" }, /^qlog folder "\/dev\/null\/qlog" cannot be written: |^This build .* no qlog/],
    ] as const
  ) {
    const named = (error: unknown): boolean => {
      assert.ok(error instanceof EchoStreamError);
      assert.equal(error.code, "INVALID_ARGUMENT");
      assert.match(error.message, message);
      return true;
    };
    await assert.rejects(listen(option, () => new RecordingSink()), named);
    const listener = await listen({}, () => new RecordingSink());
    await assert.rejects(dial(listener, option), named);
    await listener.close();
  }
});

test("A qlog folder gets a file of each connection and end, or it is said that this build has none", () =>
  inFolder(async (folder) => {
    const qlogFolder = join(folder, "deep", "qlog");
    const refusal: unknown = await listen({ qlogFolder }, () => new RecordingSink())
      .then((listener) => listener.close(), (error: unknown) => error);
    if (refusal !== undefined) {
      assert.ok(refusal instanceof EchoStreamError);
      assert.equal(
        refusal.message,
        "This build of the native addon writes no qlog files: leave qlogFolder out, or build the addon with ECHOSTREAM_FEATURES=qlog",
      );
      return;
    }
    await withConnection({ client: { qlogFolder }, server: { qlogFolder } }, async ({ client, serverSink }) => {
      client.write(client.open(false), new Uint8Array(10_000), true);
      await serverSink.until(() => serverSink.receivedBytes === 10_000);
    });
    const files = (): string[] => readdirSync(qlogFolder).sort();
    assert.deepEqual(files().map((name) => name.replace(/^[0-9a-f]{32}-/, "")).sort(), [
      "client.sqlog",
      "server.sqlog",
    ]);
    // What a connection has written is complete once it is forgotten, a while after its end.
    const records = (name: string): string[] => readFileSync(join(qlogFolder, name), "utf8").split("\x1e").slice(1);
    for (const name of files()) {
      await waitUntil(() => records(name).at(-1)?.endsWith("\n") === true && records(name).length > 10);
      const [head, ...events] = records(name).map((record) => JSON.parse(record) as Record<string, unknown>);
      assert.equal(head!["file_schema"] ?? head!["qlog_format"], head!["file_schema"] ?? "JSON-SEQ");
      const kinds = new Set(events.map((event) => event["name"]));
      for (const kind of ["packet_sent", "packet_received"]) {
        assert.ok([...kinds].some((found) => String(found).endsWith(kind)), `${kind} in ${[...kinds].join()}`);
      }
    }
  }));

for (const congestionControl of ["bbr2", "cubic", "reno"] as const) {
  test(`Data crosses under the congestion control ${congestionControl}, which the counters name`, () => {
    const option: Partial<TransportOptions> = { congestionControl };
    return withConnection({ client: option, server: option }, async ({ client, server, serverSink }) => {
      serverSink.keepsData = false;
      serverSink.onStreamData = (stream, bytes) => void serverSink.connection!.grant(stream, bytes.length);
      client.write(client.open(false), new Uint8Array(4_000_000), true);
      await serverSink.until(() => serverSink.receivedBytes === 4_000_000);
      assert.equal(client.stats().congestionControl, congestionControl);
      assert.equal(server.stats().congestionControl, congestionControl);
      assert.ok(client.stats().congestionWindowBytes > 0);
    });
  });
}

test("The counters of a connection tell its path and its packets", async () => {
  const endpoints = await connect();
  const { client, server, clientSink, serverSink } = endpoints;
  for (let n = 1; n <= 20; n++) client.sendDatagram(new Uint8Array(100), n, 0);
  await serverSink.until(() => serverSink.datagrams.length === 20);
  await clientSink.until(() => clientSink.departures.size === 20);
  await waitUntil(() => client.stats().sentDatagrams === 20);
  const stats = client.stats();
  assert.ok(stats.roundTripTimeUs > 0 && stats.roundTripTimeVariationUs > 0);
  assert.ok(stats.minRoundTripTimeUs <= stats.roundTripTimeUs);
  // Between 1,200 bytes, where QUIC begins, and what loopback carries.
  assert.ok(stats.pathMtuBytes >= 1_200 && stats.pathMtuBytes <= 65_527, String(stats.pathMtuBytes));
  assert.ok(stats.maxDatagramBytes > 0 && stats.maxDatagramBytes < stats.pathMtuBytes);
  assert.ok(stats.sentPackets > 0 && stats.receivedPackets > 0);
  assert.ok(stats.sentBytes > 2_000);
  assert.equal(stats.lostDatagrams, 0);
  await endpoints[Symbol.asyncDispose]();
  assert.equal(client.stats().sentDatagrams, 20, "they stay when the connection has ended");
  assert.equal(server.stats().receivedDatagrams, 20, "also of one that nobody has looked at before");
});
