/**
 * A self-signed certificate for the peers that need one, made anew by each server process: nothing secret is committed and nothing expires.
 * X.509 (RFC 5280) in DER, as far as a leaf for `localhost` and one IPv4 address needs it.
 *
 * @module
 */
import { createSign, generateKeyPairSync, randomBytes } from "node:crypto";

/** Certificate and private key as PEM text. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Make a certificate for `localhost` and an IPv4 address, valid for a day either side of now. */
export function selfSignedCertificate(host: string): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const name = sequence(set(sequence(oid(COMMON_NAME), der(0x0c, text("localhost")))));
  const alternativeNames = sequence(der(0x82, text("localhost")), der(0x87, Uint8Array.from(host.split("."), Number)));
  const extensions = der(0xa3, sequence(sequence(oid(SUBJECT_ALT_NAME), der(0x04, alternativeNames))));
  const body = sequence(
    der(0xa0, integer(Uint8Array.of(2))),
    integer(Uint8Array.of(1, ...randomBytes(8))),
    algorithm,
    name,
    sequence(time(-DAY_MS), time(DAY_MS)),
    name,
    new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
    extensions,
  );
  const signature = new Uint8Array(createSign("sha256").update(body).sign(privateKey));
  const certificate = sequence(body, algorithm, der(0x03, concat([Uint8Array.of(0), signature])));
  return { cert: pem("CERTIFICATE", certificate), key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

const DAY_MS = 86_400_000;
/** 1.2.840.10045.4.3.2, 2.5.4.3 and 2.5.29.17, encoded. */
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];

function der(tag: number, content: Uint8Array): Uint8Array {
  const length = content.length;
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >> 8, length & 0xff];
  return concat([Uint8Array.from(head), content]);
}

function sequence(...parts: Uint8Array[]): Uint8Array {
  return der(0x30, concat(parts));
}

function set(...parts: Uint8Array[]): Uint8Array {
  return der(0x31, concat(parts));
}

function integer(bytes: Uint8Array): Uint8Array {
  return der(0x02, bytes);
}

function oid(bytes: readonly number[]): Uint8Array {
  return der(0x06, Uint8Array.from(bytes));
}

/** GeneralizedTime, `YYYYMMDDHHMMSSZ`. */
function time(offsetMs: number): Uint8Array {
  return der(0x18, text(`${new Date(Date.now() + offsetMs).toISOString().replace(/[-:T]|\.\d+/g, "")}`));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
