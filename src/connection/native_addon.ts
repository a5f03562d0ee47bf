/**
 * The native addon as JavaScript sees it: its functions, and our options in its words. Declared here, because a published
 * `.d.ts` must not refer to the addon's own.
 *
 * @module
 */

import { EchoStreamError, type EchoStreamErrorCode } from "../protocol/error.ts";
import { ALPN } from "../protocol/version.ts";
import type { AcceptOptions } from "./accept_options.ts";
import type { PortShare } from "./threads.ts";
import type { PeerCertificate } from "./peer_certificate.ts";
import type { OwnCertificate, ServerIdentity, TransportOptions, Verification } from "./transport.ts";

/** The module `@echostream/native`. An I/O thread, a listener and a connection are numbers. */
export interface Addon {
  start(onEvents: () => void): number;
  submit(driver: number, commands: Uint8Array, length: number): void;
  drainInto(driver: number, target: Uint8Array): number;
  listen(drivers: number[], listener: number, settings: ListenSettings): Bound;
  setIdentity(driver: number, listener: number, identity: IdentitySettings): void;
  readCertificate(der: Uint8Array): CertificateContent;
  createAuthority(name: string): CertificateSettings;
  issueCertificate(name: string, keyPem: string, request: CertificateRequest): CertificateSettings;
  closeListener(driver: number, listener: number): void;
  dial(driver: number, connection: number, settings: DialSettings): Bound;
  stats(driver: number, connection: number, target: Float64Array): boolean;
  lastStats(driver: number, connection: number, target: Float64Array): void;
  listenerStats(driver: number, listener: number, target: Float64Array): boolean;
  setReferenced(driver: number, referenced: boolean): void;
  processors(): number;
  nowUs(): number;
  setAlarm(driver: number, delayUs: number): void;
  resolve(host: string): Promise<string[]>;
}

/** Transport parameters and timers, in milliseconds and bytes. */
export interface TransportSettings extends Omit<TransportOptions, "congestionControl"> {
  readonly alpn: string;
  readonly congestionControl: string;
}

/** What a server asks for. */
export interface ListenSettings {
  readonly address: string;
  readonly port: number;
  readonly identity?: IdentitySettings | undefined;
  readonly transport: TransportSettings;
  readonly accept: AcceptOptions;
  readonly share?: PortShare | undefined;
}

/** PEM of a certificate chain and its key. */
export interface CertificateSettings {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Who a server is. */
export interface IdentitySettings {
  readonly certificates: CertificateSettings[];
  readonly clientAuthorityPem?: string | undefined;
  readonly requiresClientCertificate: boolean;
  readonly ticketKeys?: Uint8Array[] | undefined;
}

/** What a certificate for a test is to say. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly names: string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A certificate, read. */
export interface CertificateContent {
  readonly subject: string;
  readonly commonName?: string | undefined;
  readonly issuer: string;
  readonly subjectAltNames: { readonly kind: string; readonly value: string }[];
  readonly digest: number[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** What a client asks for. */
export interface DialSettings {
  readonly address: string;
  readonly port: number;
  readonly serverName: string;
  readonly verification: string;
  readonly authorityPem?: string | undefined;
  readonly pins?: Uint8Array[] | undefined;
  readonly certificate?: CertificateSettings | undefined;
  readonly ticket?: Uint8Array | undefined;
  readonly wantsTicket: boolean;
  readonly transport: TransportSettings;
}

/** A bound socket, and what the kernel left of the receive buffer that was wanted. */
export interface Bound {
  readonly address: string;
  readonly port: number;
  readonly receiveBufferBytes: number;
  readonly wantedBufferBytes: number;
  /** Where the secrets of its connections are written. */
  readonly keyLogFile?: string | null | undefined;
}

/**
 * Pass a call to the addon.
 * @throws {EchoStreamError} what the addon throws, with its code.
 */
export function attempt<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const code = (cause as { code?: unknown }).code;
    const known = code === "INVALID_ARGUMENT" || code === "UNAVAILABLE";
    throw new EchoStreamError(known ? code as EchoStreamErrorCode : "INTERNAL", cause.message, { cause });
  }
}

/** Our options in the addon's words. */
export function transportSettings(options: TransportOptions): TransportSettings {
  return {
    alpn: ALPN,
    idleTimeoutMs: options.idleTimeoutMs,
    keepAliveIntervalMs: options.keepAliveIntervalMs,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    maxBidirectionalStreams: options.maxBidirectionalStreams,
    maxUnidirectionalStreams: options.maxUnidirectionalStreams,
    streamWindowBytes: options.streamWindowBytes,
    bidirectionalStreamWindowBytes: options.bidirectionalStreamWindowBytes,
    maxStreamWindowBytes: options.maxStreamWindowBytes,
    connectionWindowBytes: options.connectionWindowBytes,
    maxConnectionWindowBytes: options.maxConnectionWindowBytes,
    congestionControl: options.congestionControl,
    initialCreditBytes: options.initialCreditBytes,
    messageStreamKind: options.messageStreamKind,
    expiredStreamCode: options.expiredStreamCode,
    keyLogFile: options.keyLogFile,
    qlogFolder: options.qlogFolder,
    earlyData: options.earlyData,
    activeMigration: options.activeMigration,
  };
}

/** Our verification in the addon's words. */
export function verificationSettings(
  verification: Verification,
): Pick<DialSettings, "verification" | "authorityPem" | "pins"> {
  switch (verification.kind) {
    case "authority":
      return { verification: "authority", authorityPem: verification.pem };
    case "pin":
      return { verification: "pin", pins: [...verification.sha256] };
    default:
      return { verification: verification.kind };
  }
}

/** A server's identity in the addon's words. */
export function identitySettings({ certificates, clientAuthority, ticketKeys }: ServerIdentity): IdentitySettings {
  return {
    certificates: certificates.map(certificateSettings),
    clientAuthorityPem: clientAuthority?.pem,
    requiresClientCertificate: clientAuthority?.required ?? false,
    ticketKeys: ticketKeys && [...ticketKeys],
  };
}

/** A certificate and its key in the addon's words. */
export function certificateSettings({ certPem, keyPem }: OwnCertificate): CertificateSettings {
  return { certificatePem: certPem, keyPem };
}

/** What the addon has read of a certificate, in our words. */
export function peerCertificate(content: CertificateContent, der: Uint8Array): PeerCertificate {
  return {
    subject: content.subject,
    commonName: content.commonName,
    issuer: content.issuer,
    subjectAltNames: content.subjectAltNames as PeerCertificate["subjectAltNames"],
    notBefore: new Date(content.notBeforeMs),
    notAfter: new Date(content.notAfterMs),
    fingerprintSha256: content.digest.map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    der,
  };
}
