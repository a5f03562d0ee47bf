/**
 * Who an end is and whom it believes, as users say it: certificates, keys, authorities and pins, checked at once.
 *
 * @module
 */

import { consoleLogger, type Logger } from "../trace.ts";
import { type VerifyPeer } from "./peer_certificate.ts";
import { decodeBase64, type PemSource, readCertificates, readKey } from "./pem.ts";
import { Tickets } from "./tickets.ts";
import { type OwnCertificate, type ServerIdentity, type Verification } from "./transport.ts";

/** A certificate and its key. */
export interface CertificateAndKey {
  /** The certificate, followed by those between it and the authority. */
  readonly cert: PemSource;
  /** Its private key, not encrypted. */
  readonly key: PemSource;
}

/** Who a server is, and whether its clients have to say who they are. */
export interface TlsServerOptions extends CertificateAndKey {
  /**
   * More certificates, each shown to clients that ask for one of the host names in it, `*.example.com` included; to all others the first
   * one is. Default none.
   */
  readonly others?: readonly CertificateAndKey[];
  /** Ask clients for a certificate, and take those that these authorities have issued: `session.peerCertificate`. Default: they are not asked. */
  readonly clientCa?: PemSource;
  /** Whether a client without a certificate is refused. Default `"required"`. */
  readonly clientCertificate?: "required" | "optional";
  /** Judges the certificates of clients on top of that, before their sessions begin. */
  readonly verify?: VerifyPeer;
  /**
   * Secret keys, 48 random bytes each, by which clients of a server are known again by another, or after a restart: the first makes tickets, all
   * of them open tickets. Give the next one a day before it is to be the first, and replace them by `reloadCertificate`. Default: keys of this
   * process, renewed every two days.
   */
  readonly ticketKeys?: readonly Uint8Array[];
}

/**
 * How a client judges the server's certificate: at most one of `ca`, `pin` and `dangerouslySkipVerification`. With none it trusts the
 * system's authorities, and on a loopback address also this user's development authority.
 */
export interface TlsClientOptions {
  /** Trust only these authorities. */
  readonly ca?: PemSource;
  /**
   * Trust only certificates with one of these SHA-256 fingerprints, whatever name they carry: `sha256/` and Base64, or 64
   * hexadecimal digits, with or without colons.
   */
  readonly pin?: string | readonly string[];
  /** Trust anybody, which lets anybody in between read and change everything. Logged each time. */
  readonly dangerouslySkipVerification?: boolean;
  /** Judges the server's certificate on top of that, before anything is sent to it. */
  readonly verify?: VerifyPeer;
  /** The name to ask the server for, and to expect in its certificate. Default: the host of the address. */
  readonly serverName?: string;
  /** The client's own certificate for servers that ask for one, followed by those between it and the authority. Goes with `key`. */
  readonly cert?: PemSource;
  /** The private key of `cert`, not encrypted. */
  readonly key?: PemSource;
  /**
   * Whether to connect again by the ticket that the server gave: without its certificate, which saves both ends the most expensive part of the
   * handshake. Servers that ask for client certificates give none. Default true.
   */
  readonly resumption?: boolean;
  /** A ticket that an earlier client was given, for the first connection. Passed over where it does not fit. */
  readonly ticket?: Uint8Array;
  /** Told of each ticket, for a client to come: a secret, for one use, good for two days at most. */
  readonly onTicket?: (ticket: Uint8Array) => void;
}

/** What a client needs of its options to connect. */
export interface ClientTls {
  readonly verification: Verification;
  readonly certificate?: OwnCertificate | undefined;
  readonly serverName?: string | undefined;
  readonly verify?: VerifyPeer | undefined;
  /** `undefined`: every handshake is a full one. */
  readonly tickets?: Tickets | undefined;
}

/**
 * Who a server is.
 * @throws {TypeError} when a file cannot be read, or holds no certificate or no usable key, saying which; or options do not go together.
 */
export function serverIdentity(options: TlsServerOptions): ServerIdentity {
  const { others = [], clientCa, clientCertificate = "required", verify, ticketKeys } = options;
  if (!["required", "optional"].includes(clientCertificate)) {
    throw new TypeError(`clientCertificate is ${JSON.stringify(clientCertificate)}, expected "required" or "optional"`);
  }
  if (clientCa === undefined && (options.clientCertificate ?? verify) !== undefined) {
    const name = verify === undefined ? "clientCertificate" : "verify";
    throw new TypeError(`TLS option ${name} needs clientCa: without it no client is asked for a certificate`);
  }
  return {
    certificates: [options, ...others].map(({ cert, key }, index) =>
      own(cert, key, index === 0 ? "" : ` ${index + 1}`)
    ),
    clientAuthority: clientCa === undefined
      ? undefined
      : { pem: readCertificates("Client CA", clientCa), required: clientCertificate === "required" },
    ticketKeys: checkedTicketKeys(ticketKeys),
  };
}

/**
 * What a client's options say about TLS. `log` hears of it when the server is not verified at all.
 * @throws {TypeError} as {@link clientVerification}; when certificate or key cannot be used, saying why, or one of them is missing.
 */
export function clientTls(options: TlsClientOptions = {}, log: Logger = consoleLogger): ClientTls {
  const { cert, key, serverName, verify, resumption = true, ticket, onTicket } = options;
  if (serverName === "") throw new TypeError("serverName is empty, expected a host name or an address");
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(`TLS options cert and key belong together, ${cert === undefined ? "cert" : "key"} is missing`);
  }
  return {
    verification: clientVerification(options, log),
    certificate: cert === undefined || key === undefined ? undefined : own(cert, key, " of the client"),
    serverName,
    verify,
    tickets: resumption ? new Tickets(ticket, onTicket, log) : undefined,
  };
}

/**
 * How a client's options want the server to be judged. `log` hears of it when that is not at all.
 * @throws {TypeError} when the authority holds no certificate, a pin is none, or several ways are given.
 */
export function clientVerification(options: TlsClientOptions = {}, log: Logger = consoleLogger): Verification {
  const { ca, pin, dangerouslySkipVerification: skip = false } = options;
  if (Number(ca !== undefined) + Number(pin !== undefined) + Number(skip) > 1) {
    throw new TypeError("TLS options ca, pin and dangerouslySkipVerification exclude each other");
  }
  if (ca !== undefined) {
    return { kind: "authority", pem: readCertificates("CA", ca) };
  }
  if (pin !== undefined) {
    const pins = typeof pin === "string" ? [pin] : pin;
    if (pins.length === 0) throw new TypeError("Pin is an empty list, no certificate could match it");
    return { kind: "pin", sha256: pins.map(parsePin) };
  }
  if (!skip) return { kind: "development" };
  log({
    level: "warn",
    category: "tls",
    message: "Certificate verification is switched off by dangerouslySkipVerification: anybody can pose as the server",
  });
  return { kind: "none" };
}

function checkedTicketKeys(keys: TlsServerOptions["ticketKeys"]): ServerIdentity["ticketKeys"] {
  if (keys?.length === 0) throw new TypeError("ticketKeys is an empty list, expected at least one key");
  for (const key of keys ?? []) {
    if (key instanceof Uint8Array && key.length === TICKET_KEY_BYTES) continue;
    const found = key instanceof Uint8Array ? `${key.length} bytes` : typeof key;
    throw new TypeError(`A ticket key has ${found}, expected ${TICKET_KEY_BYTES} random bytes`);
  }
  return keys;
}

function own(cert: PemSource, key: PemSource, which: string): OwnCertificate {
  return { certPem: readCertificates(`Certificate${which}`, cert), keyPem: readKey(`Key${which}`, key) };
}

function parsePin(pin: string): Uint8Array {
  const digits = typeof pin === "string" ? pin.replaceAll(":", "") : "";
  if (/^[\da-f]{64}$/i.test(digits)) return Uint8Array.from(digits.match(/../g)!, (byte) => Number.parseInt(byte, 16));
  const bytes = digits.startsWith("sha256/") ? decodeBase64(digits.slice("sha256/".length)) : undefined;
  if (bytes?.length === 32) return bytes;
  throw new TypeError(`Pin ${JSON.stringify(pin)} is not "sha256/" and Base64 of 32 bytes, nor 64 hexadecimal digits`);
}

/** Name, key of the MAC and key of the cipher of a ticket key, 16 bytes each. */
const TICKET_KEY_BYTES = 48;
