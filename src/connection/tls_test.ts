import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { type LogRecord } from "../trace.ts";
import { clientTls, clientVerification, serverIdentity } from "./tls.ts";

/** The shape of DER is all that is looked at here; the TLS stack judges the rest. */
const DER = btoa(String.fromCharCode(0x30, 3, 1, 1, 0));
const LONG_DER = btoa(String.fromCharCode(0x30, 0x82, 1, 0) + "x".repeat(256));
const block = (label: string, body = DER): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const CERT = block("CERTIFICATE");
const KEY = block("PRIVATE KEY");

test("serverIdentity takes PEM as text, bytes, path and file URL", () => {
  const folder = mkdtempSync(join(tmpdir(), "echostream-tls-"));
  try {
    const path = join(folder, "cert.pem");
    writeFileSync(path, CERT);
    for (const cert of [CERT, new TextEncoder().encode(CERT), path, pathToFileURL(path), pathToFileURL(path).href]) {
      assert.deepEqual(serverIdentity({ cert, key: KEY }), {
        certificates: [{ certPem: CERT, keyPem: KEY }],
        clientAuthority: undefined,
        ticketKeys: undefined,
      });
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("serverIdentity takes chains, and keys in their usual forms", () => {
  const chain = `subject=somebody\n${CERT}${block("CERTIFICATE", LONG_DER)}`;
  assert.equal(serverIdentity({ cert: chain, key: KEY }).certificates[0]?.certPem, chain);
  for (const key of [block("RSA PRIVATE KEY"), block("EC PARAMETERS") + block("EC PRIVATE KEY")]) {
    assert.equal(serverIdentity({ cert: CERT, key }).certificates[0]?.keyPem, key);
  }
});

for (
  const [name, options, message] of [
    [
      "a certificate that is a key",
      { cert: KEY, key: KEY },
      "Certificate contains no certificate, only PRIVATE KEY; are cert and key swapped?",
    ],
    ["a key that is a certificate", { cert: CERT, key: CERT }, "Key contains no private key, only CERTIFICATE"],
    ["a public key", { cert: CERT, key: block("PUBLIC KEY") }, "Key contains no private key, only PUBLIC KEY"],
    [
      "bytes without PEM",
      { cert: new Uint8Array([0x30, 0]), key: KEY },
      "Certificate contains no certificate: it holds no PEM block",
    ],
    [
      "a certificate that was cut",
      { cert: block("CERTIFICATE", DER.slice(0, 4)), key: KEY },
      "Certificate contains a damaged certificate",
    ],
    [
      "a certificate that is not Base64",
      { cert: block("CERTIFICATE", "%%%"), key: KEY },
      "Certificate contains a damaged certificate",
    ],
    ["a damaged key", { cert: CERT, key: block("PRIVATE KEY", "AAAA") }, "Key is damaged"],
    ["an encrypted key", { cert: CERT, key: block("ENCRYPTED PRIVATE KEY") }, "Key is encrypted"],
    [
      "an old encrypted key",
      { cert: CERT, key: block("RSA PRIVATE KEY", `Proc-Type: 4,ENCRYPTED\n\n${DER}`) },
      "Key is encrypted",
    ],
    [
      "a missing file",
      { cert: "/nowhere/cert.pem", key: KEY },
      'Certificate cannot be read from "/nowhere/cert.pem": ',
    ],
    ["a missing key file", { cert: CERT, key: "/nowhere/key.pem" }, 'Key cannot be read from "/nowhere/key.pem": '],
    ["nothing", { cert: undefined as unknown as string, key: KEY }, "Certificate is undefined, expected PEM text"],
    ["an empty text", { cert: "", key: KEY }, "Certificate is empty"],
    [
      "a web address",
      { cert: new URL("https://example.com/cert.pem"), key: KEY },
      "Certificate is at https://example.com/cert.pem, expected a file URL",
    ],
  ] as const
) {
  test(`serverIdentity names the mistake: ${name}`, () => {
    assert.throws(
      () => serverIdentity(options),
      (error) => error instanceof TypeError && error.message.startsWith(message),
    );
  });
}

test("serverIdentity shows no key material in its message", () => {
  const lost = `MIIEvQIBADANBg\n${"secret".repeat(50)}\n`;
  assert.throws(
    () => serverIdentity({ cert: CERT, key: lost }),
    (error: Error) => /Key cannot be read/.test(error.message) && !error.message.startsWith("secret"),
  );
});

test("clientVerification trusts the system and the development authority when told nothing", () => {
  assert.deepEqual(clientVerification(), { kind: "development" });
  assert.deepEqual(clientVerification({}), { kind: "development" });
});

test("clientVerification takes an authority, and says when it holds none", () => {
  assert.deepEqual(clientVerification({ ca: CERT }), { kind: "authority", pem: CERT });
  assert.throws(() => clientVerification({ ca: KEY }), {
    name: "TypeError",
    message: /^CA contains no certificate, only PRIVATE KEY/,
  });
});

test("clientVerification takes pins in both forms", () => {
  const hex = "00112233445566778899aabbccddeeff".repeat(2);
  const bytes = Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16));
  const base64 = `sha256/${btoa(String.fromCharCode(...bytes))}`;
  const colons = hex.toUpperCase().match(/../g)!.join(":");
  for (const pin of [hex, base64, colons, [hex, base64]]) {
    const verification = clientVerification({ pin });
    assert.ok(verification.kind === "pin");
    for (const each of verification.sha256) assert.deepEqual(each, bytes);
  }
  for (const pin of ["", "abc", "sha256/AAAA", `sha1/${btoa("x".repeat(20))}`, "sha256/%"]) {
    assert.throws(() => clientVerification({ pin }), { name: "TypeError", message: /^Pin ".*" is not "sha256\/"/ });
  }
  assert.throws(() => clientVerification({ pin: [] }), /empty list/);
});

test("clientVerification logs that verification is switched off, and takes one way only", () => {
  const records: LogRecord[] = [];
  const log = (record: LogRecord): void => void records.push(record);
  assert.deepEqual(clientVerification({ dangerouslySkipVerification: true }, log), { kind: "none" });
  assert.deepEqual(records.map(({ level, category }) => [level, category]), [["warn", "tls"]]);
  assert.throws(() => clientVerification({ ca: CERT, dangerouslySkipVerification: true }, log), /exclude each other/);
});

test("serverIdentity takes more certificates and the authority of clients, naming mistakes by number", () => {
  const identity = serverIdentity({ cert: CERT, key: KEY, others: [{ cert: CERT, key: KEY }], clientCa: CERT });
  assert.equal(identity.certificates.length, 2);
  assert.deepEqual(identity.clientAuthority, { pem: CERT, required: true });
  const optional = serverIdentity({ cert: CERT, key: KEY, clientCa: CERT, clientCertificate: "optional" });
  assert.equal(optional.clientAuthority?.required, false);
  const wrong = { cert: CERT, key: KEY, others: [{ cert: CERT, key: CERT }] };
  assert.throws(() => serverIdentity(wrong), { name: "TypeError", message: /^Key 2 contains no private key/ });
  assert.throws(
    () => serverIdentity({ cert: CERT, key: KEY, clientCa: KEY }),
    /^TypeError: Client CA contains no cert/,
  );
  const unknown = { cert: CERT, key: KEY, clientCa: CERT, clientCertificate: "maybe" as "optional" };
  assert.throws(() => serverIdentity(unknown), /^TypeError: clientCertificate is "maybe", expected/);
});

test("clientTls takes a certificate with its key, and a name for the server", () => {
  const tls = clientTls({ ca: CERT, cert: CERT, key: KEY, serverName: "example.org" });
  assert.deepEqual(tls.certificate, { certPem: CERT, keyPem: KEY });
  assert.equal(tls.serverName, "example.org");
  assert.throws(
    () => clientTls({ cert: CERT }),
    /^TypeError: TLS options cert and key belong together, key is missing/,
  );
  assert.throws(() => clientTls({ key: KEY }), /cert is missing/);
  assert.throws(
    () => clientTls({ cert: KEY, key: KEY }),
    /^TypeError: Certificate of the client contains no certificate/,
  );
  assert.throws(() => clientTls({ serverName: "" }), /^TypeError: serverName is empty/);
});
