/**
 * What the certificate of a peer says, and the program's own judgement of it.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";

/** One name a certificate is for (RFC 5280 §4.2.1.6). */
export interface SubjectAltName {
  readonly kind: "dns" | "ip" | "uri" | "email";
  /** As in the certificate; an address in its usual notation. */
  readonly value: string;
}

/** The certificate a peer has proven to hold the key of. */
export interface PeerCertificate {
  /** Its subject as RFC 4514 writes names: `"CN=unit 7,O=Example"`. May be empty. */
  readonly subject: string;
  /** The common name in it. */
  readonly commonName: string | undefined;
  /** Who issued it, written as {@link subject} is. */
  readonly issuer: string;
  /** Whom it is for; names of other kinds are left out. */
  readonly subjectAltNames: readonly SubjectAltName[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of {@link der}, 64 hexadecimal digits in lower case: what `pin` takes. */
  readonly fingerprintSha256: string;
  /** The whole of it. */
  readonly der: Uint8Array;
}

/**
 * Judges the certificate of a peer that has been verified already. Anything but `true`, and whatever it throws, refuses the peer. It decides
 * at once: what takes time belongs into an `onConnect` hook, which reads `session.peerCertificate`.
 */
export type VerifyPeer = (certificate: PeerCertificate) => boolean;

/**
 * Why `verify` refuses the peer of `connection`, for it and for a log; `undefined` when it does not, or there is nothing to judge. The
 * certificate is read only where somebody judges it.
 */
export function refusalOf(
  verify: VerifyPeer | undefined,
  connection: { readonly peerCertificate: PeerCertificate | undefined },
): EchoStreamError | undefined {
  const certificate = verify && connection.peerCertificate;
  if (verify === undefined || certificate === undefined) return undefined;
  let verdict: unknown;
  try {
    verdict = verify(certificate);
  } catch (cause) {
    // Text is for the peer only where it was written for it.
    return cause instanceof EchoStreamError ? cause : refused(cause);
  }
  if (verdict === true) return undefined;
  if (!(verdict instanceof Promise)) return refused();
  verdict.catch(() => {});
  return refused(new TypeError("verify returned a promise; decide at once, or in an onConnect hook"));
}

function refused(cause?: unknown): EchoStreamError {
  return new EchoStreamError(ErrorCode.UNAUTHENTICATED, "The certificate is not accepted", { cause });
}
