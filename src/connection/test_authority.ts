/**
 * Certificates for tests of programs, made by the native addon as they are asked for.
 *
 * @module
 */

import { nativeAddon } from "./native.ts";
import { type Addon, attempt } from "./native_addon.ts";

/** What a certificate of a {@link TestAuthority} says. */
export interface TestCertificateOptions {
  /** Host names, IP addresses, URIs and e-mail addresses it is for. Default `localhost`, `127.0.0.1` and `::1`. */
  readonly names?: readonly string[];
  /** Common name of its subject. Default the first of the names. */
  readonly commonName?: string;
  /** From when on it is valid. Default a day ago. */
  readonly notBefore?: Date;
  /** Until when it is valid. Default in a day. */
  readonly notAfter?: Date;
}

/** A certificate authority that lives as long as the test. */
export interface TestAuthority {
  /** Its own certificate, PEM: what `ca` and `clientCa` take. */
  readonly ca: string;
  /**
   * A new certificate and its key, PEM: what `tls` of a server and a client take.
   * @throws {EchoStreamError} INVALID_ARGUMENT when a name cannot be in a certificate.
   */
  issue(options?: TestCertificateOptions): { readonly cert: string; readonly key: string };
}

/**
 * Make an authority for a test of mutual TLS, say. Its keys are in memory only.
 * @param name Common name of its subject.
 * @throws {EchoStreamError} UNAVAILABLE when the native addon cannot be loaded.
 */
export async function createTestAuthority(name = "Test authority"): Promise<TestAuthority> {
  const addon: Addon = await nativeAddon();
  const authority = attempt(() => addon.createAuthority(name));
  return {
    ca: authority.certificatePem,
    issue({ names = DEFAULT_NAMES, commonName = names[0] ?? "", notBefore, notAfter } = {}) {
      const issued = attempt(() =>
        addon.issueCertificate(name, authority.keyPem, {
          commonName,
          names: [...names],
          notBeforeMs: notBefore?.getTime() ?? Date.now() - DAY_MS,
          notAfterMs: notAfter?.getTime() ?? Date.now() + DAY_MS,
        })
      );
      return { cert: issued.certificatePem, key: issued.keyPem };
    },
  };
}

const DEFAULT_NAMES: readonly string[] = ["localhost", "127.0.0.1", "::1"];
const DAY_MS = 86_400_000;
