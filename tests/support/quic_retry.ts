/**
 * Retry packets of a QUIC server (RFC 9000 §17.2.5), as a client takes them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createDecipheriv } from "node:crypto";

/** What a Retry packet asks a client to come back with. */
export interface Retry {
  /** Where the next Initial packet goes. */
  readonly id: Uint8Array;
  readonly token: Uint8Array;
}

/**
 * Read the Retry packet that answers a packet to `originalId`; `undefined` when it is none.
 * @throws {Error} when its integrity tag is wrong (RFC 9001 §5.8).
 */
export function readRetry(packet: Uint8Array, originalId: Uint8Array): Retry | undefined {
  if ((packet[0]! & 0xf0) !== 0xf0) return undefined;
  const idAt = 6 + packet[5]!;
  const tokenAt = idAt + 1 + packet[idAt]!;
  const tagAt = packet.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-128-gcm", INTEGRITY_KEY, INTEGRITY_NONCE);
  decipher.setAAD(Uint8Array.of(originalId.length, ...originalId, ...packet.subarray(0, tagAt)));
  decipher.setAuthTag(packet.subarray(tagAt));
  decipher.final();
  return { id: packet.slice(idAt + 1, tokenAt), token: packet.slice(tokenAt, tagAt) };
}

const TAG_BYTES = 16;
/** RFC 9001 §5.8. */
const INTEGRITY_KEY = Buffer.from("be0c690b9f66575a1d766b54e368c84e", "hex");
const INTEGRITY_NONCE = Buffer.from("461599d35d632bf2239825bb", "hex");
