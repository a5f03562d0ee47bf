/**
 * Mutual TLS: servers that ask their clients for a certificate, and what the program gets to see of it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { transportOptions } from "../../src/connection/options.ts";
import type { PeerCertificate } from "../../src/connection/peer_certificate.ts";
import type { TlsClientOptions, TlsServerOptions } from "../../src/connection/tls.ts";
import { EchoStreamError } from "../../src/protocol/error.ts";
import { encodeSettings, Feature } from "../../src/protocol/settings.ts";
import { StreamKind } from "../../src/protocol/stream_header.ts";
import { Writer } from "../../src/protocol/writer.ts";
import type { RpcServer } from "../../src/server/server.ts";
import { RecordingSink } from "../native/recording_sink.ts";
import { Authority, type CertificateOptions } from "../support/certificates.ts";
import { Network } from "../support/networks.ts";

const servers = new Authority("Authority of servers");
const clients = new Authority("Authority of clients");

/** A server that asks for certificates and keeps sessions, and what it has seen of its sessions. */
class Gate {
  readonly network = new Network();
  readonly seen: (PeerCertificate | undefined)[] = [];
  readonly #options: Partial<TlsServerOptions> | undefined;

  /** @param options On top of the authority of clients; `undefined`: it asks for nothing. */
  constructor(options: Partial<TlsServerOptions> | undefined) {
    this.#options = options;
  }

  /** Start it; what it logs is in `network.records`. */
  async start(): ReturnType<Network["start"]> {
    const server = this.network.server()
      .tls({ ...servers.issue(), ...(this.#options && { clientCa: clients.ca, ...this.#options }) })
      .options({ resume: true })
      .handler("whoami", (session) => session.peerCertificate?.commonName ?? "nobody")
      .onConnect((session) => void this.seen.push(session.peerCertificate))
      .build();
    return await this.network.start(server as unknown as RpcServer);
  }

  /** Connect with these options and ask who the server says this is. */
  async whoami(tls: TlsClientOptions): Promise<string> {
    const client = await this.network.connect(await this.start(), {
      tls: { ca: servers.ca, ...tls },
      reconnect: false,
    });
    return new TextDecoder().decode(await client.request("whoami", "") as Uint8Array);
  }

  /** What connecting fails with, and what the server logs of it. */
  async refusal(
    tls: TlsClientOptions,
  ): Promise<{ readonly code: string; readonly message: string; readonly log: string }> {
    const error: unknown = await this.whoami(tls).then(() => undefined, (error: unknown) => error);
    assert.ok(error instanceof EchoStreamError, String(error));
    await this.network.until(() => this.network.messages("warn").length > 0);
    const [record] = this.network.records.filter(({ level }) => level === "warn");
    return {
      code: error.code,
      message: error.message,
      log: `${record!.message}: ${String(record!.fields?.["reason"])}`,
    };
  }
}

function gateTest(name: string, gate: () => Gate, body: (gate: Gate) => Promise<void>): void {
  test(name, async () => {
    const it = gate();
    try {
      await body(it);
    } finally {
      await it.network.close();
    }
  });
}

function own(options: CertificateOptions = {}, authority = clients): { cert: string; key: string } {
  const { cert, key } = authority.issue({ names: ["unit-7"], ...options });
  return { cert, key };
}

gateTest(
  "A client's certificate is on the server's session, with all that it says",
  () => new Gate({}),
  async (gate) => {
    const names = ["unit-7", "127.0.0.1", "spiffe://example/unit/7", "unit7@example.org"];
    const { cert, key, pin } = clients.issue({ names });
    assert.equal(await gate.whoami({ cert, key }), "unit-7");
    const [seen] = gate.seen;
    assert.equal(seen!.subject, "CN=unit-7");
    assert.equal(seen!.issuer, "CN=Authority of clients");
    assert.deepEqual(seen!.subjectAltNames, [
      { kind: "dns", value: "unit-7" },
      { kind: "ip", value: "127.0.0.1" },
      { kind: "uri", value: "spiffe://example/unit/7" },
      { kind: "email", value: "unit7@example.org" },
    ]);
    const digest = createHash("sha256").update(seen!.der).digest();
    assert.equal(seen!.fingerprintSha256, digest.toString("hex"));
    assert.equal(pin, `sha256/${digest.toString("base64")}`);
    assert.ok(seen!.notBefore.getTime() < Date.now() && Date.now() < seen!.notAfter.getTime());
  },
);

gateTest("The server's certificate is on the client's session", () => new Gate({}), async (gate) => {
  const { cert, key } = own();
  const client = await gate.network.connect(await gate.start(), { tls: { ca: servers.ca, cert, key } });
  assert.equal(client.session.peerCertificate?.subject, "CN=localhost");
  assert.equal(client.session.peerCertificate?.issuer, "CN=Authority of servers");
});

gateTest("A server that asks for no certificate sees none", () => new Gate(undefined), async (gate) => {
  assert.equal(await gate.whoami(own()), "nobody");
  assert.deepEqual(gate.seen, [undefined]);
});

gateTest(
  "A client without a certificate is let in where it is optional",
  () => new Gate({ clientCertificate: "optional" }),
  async (gate) => assert.equal(await gate.whoami({}), "nobody"),
);

for (
  const [name, tls, message, log, options] of [
    [
      "without a certificate",
      {},
      "(certificate_required): the server asks for a certificate, and none was given",
      "certificate required",
      {},
    ],
    [
      "of another authority",
      own({}, servers),
      "(unknown_ca): the server refuses the certificate it was given: unknown certificate authority",
      "certificate is self-signed or of an unknown authority",
      {},
    ],
    [
      "of another authority, where it is optional",
      own({}, servers),
      "(unknown_ca): the server refuses the certificate it was given: unknown certificate authority",
      "certificate is self-signed or of an unknown authority",
      { clientCertificate: "optional" },
    ],
    [
      "whose certificate has expired",
      own({ days: [-3, -2] }),
      "(certificate_expired): the server refuses the certificate it was given: certificate expired or not yet valid",
      "certificate has expired",
      {},
    ],
    [
      "whose certificate is not valid yet",
      own({ days: [2, 3] }),
      "(certificate_expired): the server refuses the certificate it was given: certificate expired or not yet valid",
      "certificate is not yet valid",
      {},
    ],
  ] as const
) {
  gateTest(`A client ${name} fails to connect, and the server logs why`, () => new Gate(options), async (gate) => {
    const refusal = await gate.refusal(tls);
    assert.equal(refusal.code, "UNAUTHENTICATED");
    assert.ok(refusal.message.endsWith(message), refusal.message);
    assert.equal(refusal.log, `TLS with a client failed: ${log}`);
    assert.deepEqual(gate.seen, []);
  });
}

gateTest(
  "Of many clients that are refused at once the log tells one, and how many",
  () => new Gate({}),
  async (gate) => {
    const address = await gate.start();
    const attempts = Array.from({ length: 20 }, () => gate.network.connect(address, { tls: { ca: servers.ca } }));
    for (const { status } of await Promise.allSettled(attempts)) assert.equal(status, "rejected");
    const records = gate.network.records.filter(({ message }) => message === "TLS with a client failed");
    // One a second: on a machine that stands still there may be a few.
    assert.ok(records.length >= 1 && records.length < 20, String(records.length));
    const told = records.reduce((sum, { fields }) => sum + Number(fields?.["count"]), 0);
    assert.ok(told >= 1 && told <= 20, String(told));
  },
);

gateTest(
  "A client that does not trust the server is in the server's log",
  () => new Gate({}),
  async (gate) => {
    const refusal = await gate.refusal({ ca: clients.ca });
    assert.match(refusal.message, /self-signed or of an unknown authority/);
    assert.equal(
      refusal.log,
      "TLS with a client failed: the client refuses this server's certificate: unknown certificate authority",
    );
  },
);

for (
  const [name, verify, message] of [
    ["says no", () => false, "UNAUTHENTICATED: The certificate is not accepted"],
    ["throws", () => assert.fail("a secret"), "UNAUTHENTICATED: The certificate is not accepted"],
    [
      "throws on purpose",
      ({ commonName }: PeerCertificate) => {
        throw new EchoStreamError("PERMISSION_DENIED", `Not you, ${commonName}`);
      },
      "PERMISSION_DENIED: Not you, unit-7",
    ],
    [
      "promises",
      (() => Promise.reject(new Error("late"))) as unknown as () => boolean,
      "UNAUTHENTICATED: The certificate is not accepted",
    ],
  ] as const
) {
  gateTest(`A server's verify that ${name} turns the client away`, () => new Gate({ verify }), async (gate) => {
    // The refusal may overtake the end of the handshake: then connecting fails with it.
    const options = { tls: { ca: servers.ca, ...own() }, reconnect: false } as const;
    const error = await gate.network.connect(await gate.start(), options).then(
      async (client) => (await client.closed).error,
      (error: EchoStreamError) => error,
    );
    assert.equal(error.message.slice(-message.length), message);
    assert.equal(error.code, message.split(":")[0]);
    assert.deepEqual(gate.seen, [], "no hook has run");
    assert.deepEqual(gate.network.messages("warn"), ["A client is refused by verify"]);
  });
}

gateTest(
  "A server's verify sees the certificate, and lets the client in",
  () => new Gate({ verify: ({ commonName }) => commonName === "unit-7" }),
  async (gate) => assert.equal(await gate.whoami(own()), "unit-7"),
);

gateTest("A client's verify has the last word on the server", () => new Gate({}), async (gate) => {
  const address = await gate.start();
  const seen: string[] = [];
  const tls = (verdict: boolean): TlsClientOptions => ({
    ca: servers.ca,
    ...own(),
    verify: ({ issuer }) => {
      seen.push(issuer);
      return verdict;
    },
  });
  await gate.network.connect(address, { tls: tls(true) });
  await assert.rejects(gate.network.connect(address, { tls: tls(false) }), {
    code: "UNAUTHENTICATED",
    message: /^Cannot connect to 127\.0\.0\.1:\d+: the server is refused by verify: The certificate is not accepted$/,
  });
  assert.deepEqual(seen, ["CN=Authority of servers", "CN=Authority of servers"]);
});

gateTest("A resume token with another certificate begins a session of its own", () => new Gate({}), async (gate) => {
  const address = await gate.start();
  const client = await gate.network.connect(address, { tls: { ca: servers.ca, ...own() } });
  await gate.network.until(() => client.session.token !== undefined);
  const { cert, key } = own();
  const sink = new RecordingSink();
  const thief = (await gate.network.transport()).dial({
    ...transportOptions({}, StreamKind.MESSAGES),
    address,
    serverName: "localhost",
    verification: { kind: "authority", pem: servers.ca },
    certificate: { certPem: cert, keyPem: key },
  }, sink);
  const writer = new Writer();
  writer.varint(StreamKind.CONTROL);
  encodeSettings(writer, { features: Feature.RESUME, resumeToken: client.session.token, resumeEventSequence: 0 });
  thief.write(thief.open(false), writer.view(), false);
  await gate.network.until(() => gate.seen.length === 2);
  assert.notEqual(gate.seen[0]!.fingerprintSha256, gate.seen[1]!.fingerprintSha256);
  assert.equal(client.session.isConnected, true);
  thief.close(0, "");
  await sink.ended();
});
