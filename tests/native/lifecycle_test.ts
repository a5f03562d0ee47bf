import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { nativeTransport } from "../../src/connection/native.ts";
import type { Verification } from "../../src/connection/transport.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { Authority, type CertificateOptions } from "../support/certificates.ts";
import { AUTHORITY, dial, identity, listen, withConnection } from "./endpoints.ts";
import { RecordingSink } from "./recording_sink.ts";

/** Dial a server with a certificate for `names`; returns how the client fared. */
async function outcome(
  options: {
    readonly certificate?: CertificateOptions;
    readonly verification?: Verification;
    readonly serverName?: string;
  },
): Promise<string> {
  const { cert, key } = AUTHORITY.issue(options.certificate);
  const accepted: RecordingSink[] = [];
  const listener = await listen({ identity: identity(cert, key) }, () => {
    const sink = new RecordingSink();
    accepted.push(sink);
    return sink;
  });
  const { client, sink } = await dial(listener, {
    ...(options.verification && { verification: options.verification }),
    ...(options.serverName && { serverName: options.serverName }),
  });
  await sink.until(() => sink.established || sink.closed !== undefined);
  const result = sink.established ? "established" : `${sink.closed?.by}: ${sink.closed?.reason}`;
  client.close(0, "");
  await sink.ended();
  await listener.close();
  return result;
}

test("Native transport tells both ends code and reason of a close", () =>
  withConnection({}, async ({ client, clientSink, serverSink }) => {
    client.close(0x1_0000_0001, "enough ✓");
    const expected = { application: true, code: 0x1_0000_0001, reason: "enough ✓" };
    assert.deepEqual(await clientSink.ended(), { by: "local", ...expected });
    assert.deepEqual(await serverSink.ended(), { by: "remote", ...expected });
  }));

test("Native transport sends what was written before a close", () =>
  withConnection({}, async ({ client, serverSink }) => {
    client.sendMessage(Uint8Array.of(1));
    client.close(0, "");
    await serverSink.ended();
    assert.equal(serverSink.stream(2).finished, true);
  }));

test("Native transport verifies name and authority of the server", async () => {
  const other = new Authority("Another authority");
  assert.equal(await outcome({}), "established");
  assert.equal(await outcome({ serverName: "127.0.0.1" }), "established", "an IP address in the certificate");
  assert.equal(
    await outcome({ serverName: "127.0.0.2" }),
    "handshake: certificate is not valid for 127.0.0.2",
  );
  assert.equal(
    await outcome({ certificate: { names: ["example.org"] } }),
    "handshake: certificate is not valid for localhost",
  );
  assert.equal(
    await outcome({ verification: { kind: "authority", pem: other.ca } }),
    "handshake: certificate is self-signed or of an unknown authority",
  );
  assert.equal(await outcome({ certificate: { days: [-10, -5] } }), "handshake: certificate has expired");
  assert.equal(await outcome({ certificate: { days: [-10, -5] }, verification: { kind: "none" } }), "established");
});

test("Native transport believes a pinned certificate and no other", async () => {
  const { cert, key } = AUTHORITY.issue({ names: ["example.org"] });
  const digest = createHash("sha256").update(new X509Certificate(cert).raw).digest();
  const listener = await listen({ identity: identity(cert, key) }, () => new RecordingSink());
  for (const [sha256, expected] of [[new Uint8Array(digest), true], [new Uint8Array(32), false]] as const) {
    const { client, sink } = await dial(listener, { verification: { kind: "pin", sha256: [sha256] } });
    await sink.until(() => sink.established || sink.closed !== undefined);
    assert.equal(sink.established, expected);
    if (!expected) assert.equal(sink.closed?.reason, "certificate does not match the pinned SHA-256 digest");
    client.close(0, "");
    await sink.ended();
  }
  await listener.close();
});

test("Native transport serves a development certificate to this machine", async () => {
  const listener = await listen({ identity: undefined }, () => new RecordingSink());
  assert.equal(listener.development, true);
  for (const serverName of ["localhost", "127.0.0.1"]) {
    const { client, sink } = await dial(listener, { serverName, verification: { kind: "development" } });
    await sink.until(() => sink.established || sink.closed !== undefined);
    assert.equal(sink.closed, undefined);
    client.close(0, "");
    await sink.ended();
  }
  await listener.close();
});

test("Native transport names what is wrong with a listener", async () => {
  const listener = await listen({}, () => new RecordingSink());
  const { address, port } = listener.address;
  const failsWith = (code: string, message: string) => (error: unknown) => {
    assert.ok(error instanceof EchoStreamError);
    assert.deepEqual([error.code, error.message], [code, message]);
    return true;
  };
  await assert.rejects(
    listen({ address: { address, port } }, () => new RecordingSink()),
    failsWith("UNAVAILABLE", `Address ${address}:${port} is already in use; choose another port, or 0 for a free one`),
  );
  await assert.rejects(
    listen({ identity: identity("", "") }, () => new RecordingSink()),
    failsWith("INVALID_ARGUMENT", "Certificate contains no certificate"),
  );
  const [one, other] = [AUTHORITY.issue(), AUTHORITY.issue()];
  await assert.rejects(
    listen({ identity: identity(one.cert, other.key) }, () => new RecordingSink()),
    failsWith("INVALID_ARGUMENT", "Key does not belong to the certificate"),
  );
  await listener.close();
  // The port is free again.
  await (await listen({ address: { address, port } }, () => new RecordingSink())).close();
});

test("Native transport gives up a handshake nobody answers", async () => {
  const listener = await listen({}, () => new RecordingSink());
  await listener.close();
  const { sink } = await dial(listener, { handshakeTimeoutMs: 200 });
  assert.deepEqual(await sink.ended(), {
    by: "handshake",
    application: false,
    code: 0,
    reason: "no answer within 200 ms",
  });
});

test("Native transport closes a listener without waiting for handshakes under way", async () => {
  const listener = await listen({}, () => new RecordingSink());
  const relay = createSocket("udp4");
  const answered = new Promise<void>((resolve) => {
    relay.on("message", (packet, from) => {
      // The server's answer goes no further, so the handshake hangs.
      if (from.port === listener.address.port) resolve();
      else relay.send(packet, listener.address.port, "127.0.0.1");
    });
  });
  await new Promise<void>((resolve) => relay.bind(0, "127.0.0.1", resolve));
  const { client, sink } = await dial(listener, { address: { address: "127.0.0.1", port: relay.address().port } });
  await answered;
  await listener.close();
  assert.equal(sink.established, false);
  client.close(0, "");
  await sink.ended();
  relay.close();
});

test("Native transport ends an idle connection", () =>
  withConnection({ client: { idleTimeoutMs: 100, keepAliveIntervalMs: 0 } }, async ({ clientSink }) => {
    const close = await clientSink.ended();
    assert.deepEqual([close.by, close.application], ["timeout", false]);
  }));

test("Native transport keeps a silent connection alive", () =>
  withConnection({ client: { idleTimeoutMs: 500, keepAliveIntervalMs: 50 } }, async ({ client, clientSink }) => {
    // Twenty answers to pings take at least twice the idle timeout.
    const enough = client.stats().receivedPackets + 20;
    while (clientSink.closed === undefined && client.stats().receivedPackets < enough) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(clientSink.closed, undefined);
  }));

test("Native transport resolves names and literals", async () => {
  const transport = await nativeTransport();
  assert.deepEqual(await transport.resolve("::1"), ["::1"]);
  assert.ok((await transport.resolve("localhost")).some((address) => address === "127.0.0.1" || address === "::1"));
  await assert.rejects(transport.resolve("nowhere.invalid"), (error) => {
    assert.ok(error instanceof EchoStreamError);
    assert.equal(error.code, "UNAVAILABLE");
    assert.match(error.message, /^Cannot resolve "nowhere\.invalid": /);
    return true;
  });
});
