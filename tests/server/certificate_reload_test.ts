/**
 * Servers with several certificates, and servers that get others while they run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsClientOptions } from "../../src/connection/tls.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import { RpcServer } from "../../src/server/server.ts";
import { Authority } from "../support/certificates.ts";
import { Network } from "../support/networks.ts";

const authority = new Authority("Test authority");

function networkTest(name: string, body: (network: Network) => Promise<void>): void {
  test(name, async () => {
    const network = new Network();
    try {
      await body(network);
    } finally {
      await network.close();
    }
  });
}

/** The names in the certificate that a client with these options is shown. */
async function shown(network: Network, address: SocketAddress, tls: TlsClientOptions = {}): Promise<string[]> {
  const client = await network.connect(address, { tls: { ca: authority.ca, ...tls }, reconnect: false });
  const names = client.session.peerCertificate!.subjectAltNames.map(({ value }) => value);
  await client.close();
  return names;
}

networkTest(
  "A server shows the certificate for the name it is asked for, and the first for all others",
  async (network) => {
    const others = [["*.example.org", "example.org"], ["api.example.org"]].map((names) => authority.issue({ names }));
    const server = network.server().tls({ ...authority.issue(), others }).build();
    const address = await network.start(server);
    for (
      const [serverName, first] of [
        ["localhost", "localhost"],
        ["127.0.0.1", "localhost"],
        ["example.org", "*.example.org"],
        ["www.example.org", "*.example.org"],
        ["api.example.org", "api.example.org"],
      ] as const
    ) {
      assert.equal((await shown(network, address, { serverName }))[0], first, serverName);
    }
    await assert.rejects(shown(network, address, { serverName: "a.b.example.org" }), {
      code: "UNAUTHENTICATED",
      message: /certificate is not valid for a\.b\.example\.org/,
    });
  },
);

networkTest("Sessions live on when the certificate is reloaded, and new ones see the new one", async (network) => {
  const server = network.server().tls(authority.issue())
    .handler("echo", (_session, bytes) => bytes)
    .build();
  const address = await network.start(server);
  const client = await network.connect(address, { tls: { ca: authority.ca } });
  const before = client.session.peerCertificate!.fingerprintSha256;

  const renewed = authority.issue({ names: ["localhost", "127.0.0.1", "renewed.example"] });
  server.reloadCertificate(renewed);
  assert.deepEqual(await shown(network, address), ["localhost", "127.0.0.1", "renewed.example"]);
  assert.deepEqual(await client.request("echo", Uint8Array.of(1)), Uint8Array.of(1));
  assert.equal(client.session.peerCertificate!.fingerprintSha256, before);
  assert.equal(client.state, "connected");
});

networkTest("A reload can ask other clients for certificates, and judge them anew", async (network) => {
  const other = new Authority("Another authority");
  const server = network.server().tls(authority.issue()).build();
  const address = await network.start(server);
  const own = (from: Authority): TlsClientOptions => {
    const { cert, key } = from.issue({ names: ["client"] });
    return { cert, key };
  };
  await shown(network, address);
  server.reloadCertificate({ ...authority.issue(), clientCa: other.ca });
  await assert.rejects(shown(network, address), { code: "UNAUTHENTICATED" });
  await assert.rejects(shown(network, address, own(authority)), { code: "UNAUTHENTICATED" });
  await shown(network, address, own(other));
  server.reloadCertificate(authority.issue());
  await shown(network, address);
});

networkTest("A certificate that cannot be used is refused by name, and the old one stays", async (network) => {
  const server = network.server().tls(authority.issue()).build();
  const address = await network.start(server);
  const before = await shown(network, address);
  const [one, other] = [authority.issue({ names: ["one"] }), authority.issue({ names: ["other"] })];
  const damaged = one.cert.replace(/[A-Za-z0-9+/]{8}\n/, "AAAAAAAA\n");
  for (
    const [tls, error] of [
      [{ cert: "", key: one.key }, { name: "TypeError", message: /^Certificate is empty/ }],
      [{ cert: one.key, key: one.key }, { name: "TypeError", message: /^Certificate contains no certificate/ }],
      [{ cert: "/nowhere.pem", key: one.key }, { name: "TypeError", message: /^Certificate cannot be read/ }],
      [{ cert: damaged, key: one.key }, { code: "INVALID_ARGUMENT" }],
      [{ cert: one.cert, key: other.key }, {
        code: "INVALID_ARGUMENT",
        message: "Key does not belong to the certificate",
      }],
      [{ ...one, others: [{ cert: one.cert, key: other.key }] }, {
        code: "INVALID_ARGUMENT",
        message: "Key 2 does not belong to the certificate",
      }],
      [{ ...one, others: [authority.issue({ names: ["127.0.0.1"] })] }, {
        code: "INVALID_ARGUMENT",
        message: "Certificate 2 names no host that a client could ask for",
      }],
      [{ ...one, clientCertificate: "optional" }, { name: "TypeError", message: /clientCertificate needs clientCa/ }],
      [{ ...one, verify: () => true }, { name: "TypeError", message: /verify needs clientCa/ }],
    ] as const
  ) {
    assert.throws(() => server.reloadCertificate(tls), error);
    assert.deepEqual(await shown(network, address), before);
  }
});

networkTest("A server that has no certificate of its own, or does not run, reloads none", async (network) => {
  const idle = RpcServer.builder().bind("127.0.0.1:0").tls(authority.issue()).build();
  assert.throws(() => idle.reloadCertificate(authority.issue()), {
    name: "TypeError",
    message: /^Server is not started/,
  });
  const server = network.server().build();
  await network.start(server);
  assert.throws(() => server.reloadCertificate(authority.issue()), {
    name: "TypeError",
    message: /^Server runs on a development certificate/,
  });
});
