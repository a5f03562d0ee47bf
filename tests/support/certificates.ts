/**
 * Certificate authorities and certificates made anew by each test: nothing secret is committed and nothing expires by surprise.
 * X.509 v3 (RFC 5280) in DER, as far as TLS on loopback looks at it.
 *
 * @module
 */

import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";

/** What a certificate says. */
export interface CertificateOptions {
  /** DNS names, IPv4 literals, URIs and e-mail addresses it is for. Default `localhost` and 127.0.0.1. */
  readonly names?: readonly string[];
  /** First and last day, counted from today. Default -1 to 1. */
  readonly days?: readonly [first: number, last: number];
}

/** A certificate and its key as PEM text. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the certificate's DER as a pin, `sha256/` and Base64. */
  readonly pin: string;
}

/** Issues certificates; a client trusts them given its {@link ca}. */
export class Authority {
  /** Its own certificate, PEM. */
  readonly ca: string;
  readonly #name: Uint8Array;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#name = distinguishedName(name);
    this.#key = privateKey;
    // pathLen absent, CA true (RFC 5280 §4.2.1.9).
    const extensions = [extension(BASIC_CONSTRAINTS, sequence(der(0x01, Uint8Array.of(0xff))), true)];
    this.ca = pem("CERTIFICATE", this.#sign(this.#name, publicKey, [-1, 1], extensions));
  }

  /** Issue a certificate for a server, or a client. */
  issue({ names = ["localhost", "127.0.0.1"], days = [-1, 1] }: CertificateOptions = {}): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const alternativeNames = sequence(
      ...names.map((name) =>
        /^[\d.]+$/.test(name)
          ? der(0x87, Uint8Array.from(name.split("."), Number))
          : der(name.includes("://") ? 0x86 : name.includes("@") ? 0x81 : 0x82, text(name))
      ),
    );
    const bytes = this.#sign(distinguishedName(names[0]!), publicKey, days, [
      extension(SUBJECT_ALT_NAME, alternativeNames),
    ]);
    return {
      cert: pem("CERTIFICATE", bytes),
      key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
      pin: `sha256/${createHash("sha256").update(bytes).digest("base64")}`,
    };
  }

  #sign(subject: Uint8Array, key: KeyObject, days: readonly [number, number], extensions: Uint8Array[]): Uint8Array {
    const algorithm = sequence(oid(ECDSA_WITH_SHA256));
    const body = sequence(
      der(0xa0, integer(Uint8Array.of(2))),
      integer(Uint8Array.of(1, ...randomBytes(8))),
      algorithm,
      this.#name,
      sequence(day(days[0]), day(days[1])),
      subject,
      new Uint8Array(key.export({ type: "spki", format: "der" })),
      der(0xa3, sequence(...extensions)),
    );
    const signature = new Uint8Array(createSign("sha256").update(body).sign(this.#key));
    return sequence(body, algorithm, der(0x03, Uint8Array.of(0, ...signature)));
  }
}

function extension(id: readonly number[], value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [der(0x01, Uint8Array.of(0xff))] : []), der(0x04, value));
}

function distinguishedName(commonName: string): Uint8Array {
  return sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, text(commonName)))));
}

/** UTCTime, which reaches 2049 (RFC 5280 §4.1.2.5.1). */
function day(fromToday: number): Uint8Array {
  const iso = new Date(Date.now() + fromToday * 86_400_000).toISOString();
  return der(0x17, text(`${iso.slice(2, 19).replace(/[-T:]/g, "")}Z`));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return der(0x30, Uint8Array.from(parts.flatMap((part) => [...part])));
}

function integer(bytes: Uint8Array): Uint8Array {
  return der(0x02, bytes);
}

function oid(encoded: readonly number[]): Uint8Array {
  return der(0x06, Uint8Array.from(encoded));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function der(tag: number, body: Uint8Array): Uint8Array {
  const { length } = body;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Uint8Array.of(tag, ...head, ...body);
}

function pem(label: string, bytes: Uint8Array): string {
  const base64 = btoa(String.fromCharCode(...bytes)).replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

// Object identifiers, encoded (X.690 §8.19).
const COMMON_NAME = [0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
