import assert from "node:assert/strict";
import { test } from "node:test";
import type { TlsClientOptions } from "../../src/connection/tls.ts";
import { Authority, type Certificate, type CertificateOptions } from "../support/certificates.ts";
import { Network } from "../support/networks.ts";

const authority = new Authority("Test authority");

/** Serve with `certificate`, let a client that trusts by `tls` echo once. */
async function echoOnce(certificate: Certificate, tls: TlsClientOptions): Promise<void> {
  const network = new Network();
  try {
    const server = network.server().tls(certificate).handler("echo", (_session, bytes) => bytes).build();
    const client = await network.connect(await network.start(server), { tls });
    assert.deepEqual(await client.request("echo", Uint8Array.of(1)), Uint8Array.of(1));
    await client.close();
  } finally {
    await network.close();
  }
}

function refused(name: string, issued: CertificateOptions, tls: TlsClientOptions, reason: RegExp): void {
  test(name, async () => {
    await assert.rejects(echoOnce(authority.issue(issued), tls), (error: Error & { code: string }) => {
      assert.equal(error.code, "UNAUTHENTICATED");
      assert.match(error.message, /127\.0\.0\.1:\d+/);
      assert.match(error.message, reason);
      return true;
    });
  });
}

test("A server with a certificate of a given authority is trusted", () => {
  return echoOnce(authority.issue(), { ca: authority.ca });
});

test("A server whose certificate is pinned is trusted, whatever name it carries", () => {
  const certificate = authority.issue({ names: ["elsewhere.example"] });
  return echoOnce(certificate, { pin: certificate.pin });
});

test("Verification can be switched off, by a long name and with a warning", () => {
  return echoOnce(authority.issue({ names: ["elsewhere.example"] }), { dangerouslySkipVerification: true });
});

refused(
  "A certificate of an unknown authority is refused, saying so",
  {},
  { ca: new Authority("Other").ca },
  /unable to get local issuer|unknown|self.signed|issuer/i,
);
refused("A certificate for another name is refused, saying so", { names: ["elsewhere.example", "10.0.0.1"] }, {
  ca: authority.ca,
}, /not valid for 127\.0\.0\.1/);
refused("An expired certificate is refused, saying so", { days: [-3, -2] }, { ca: authority.ca }, /expired/i);
refused(
  "A certificate that is not valid yet is refused, saying so",
  { days: [2, 3] },
  { ca: authority.ca },
  /not yet valid/i,
);
refused("A certificate other than the pinned one is refused, saying so", {}, { pin: authority.issue().pin }, /pin/i);
refused(
  "A certificate of a private authority is refused by a client that was not given it",
  {},
  {},
  /issuer|unknown|self.signed/i,
);
