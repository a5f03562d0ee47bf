/**
 * Initial packets of a QUIC client, made by hand (RFC 9000 §17.2.2): their keys follow from the connection id alone (RFC 9001 §5.2), so
 * anybody on the network can write one that is authentic, whatever it contains.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";

/** What {@link sealInitial} may be told. */
export interface InitialFields {
  /** Default: eight zeros. */
  readonly sourceId?: Uint8Array;
  /** Of several packets to the same connection id each needs its own. Default 0. */
  readonly packetNumber?: number;
}

/**
 * An Initial packet to `destinationId` with these frames and PADDING up to `length` bytes, 1200 being the least a server may answer.
 * @param token Of a Retry packet, up to 16,383 bytes. Default none.
 */
export function sealInitial(
  destinationId: Uint8Array,
  frames: Uint8Array,
  length = 1200,
  token: Uint8Array = new Uint8Array(0),
  { sourceId = new Uint8Array(8), packetNumber = 0 }: InitialFields = {},
): Uint8Array {
  const head = [
    0xc3, // long header, Initial, packet number of four bytes
    0,
    0,
    0,
    1, // version
    destinationId.length,
    ...destinationId,
    sourceId.length,
    ...sourceId,
    0x40 | (token.length >> 8),
    token.length & 0xff,
    ...token,
  ];
  const bodyBytes = Math.max(frames.length, length - head.length - 2 - PACKET_NUMBER_BYTES - TAG_BYTES);
  const restBytes = PACKET_NUMBER_BYTES + bodyBytes + TAG_BYTES;
  const number = [24, 16, 8, 0].map((bits) => (packetNumber >> bits) & 0xff);
  const header = Uint8Array.of(...head, 0x40 | (restBytes >> 8), restBytes & 0xff, ...number);
  const body = new Uint8Array(bodyBytes);
  body.set(frames);

  const keys = clientKeys(destinationId);
  const cipher = createCipheriv("aes-128-gcm", keys.key, nonceOf(keys.iv, packetNumber));
  cipher.setAAD(header);
  const packet = Uint8Array.of(...header, ...cipher.update(body), ...cipher.final(), ...cipher.getAuthTag());
  const mask = protectionMask(keys.protection, packet, header.length - PACKET_NUMBER_BYTES);
  packet[0]! ^= mask[0]! & 0x0f;
  for (let at = 0; at < PACKET_NUMBER_BYTES; at++) packet[header.length - PACKET_NUMBER_BYTES + at]! ^= mask[1 + at]!;
  return packet;
}

/** What is in an Initial packet of a client, whose packet number is below 256. @throws {Error} when its seal is wrong. */
export function openInitial(datagram: Uint8Array): { readonly sourceId: Uint8Array; readonly frames: Uint8Array } {
  const packet = datagram.slice(0, firstPacketEnd(datagram));
  const sourceAt = 6 + packet[5]!;
  const sourceId = packet.slice(sourceAt + 1, sourceAt + 1 + packet[sourceAt]!);
  // Behind a token's length, which is 0, and the length of the rest, of two bytes.
  const numberAt = sourceAt + 1 + sourceId.length + 3;
  const keys = clientKeys(packet.slice(6, sourceAt));
  const mask = protectionMask(keys.protection, packet, numberAt);
  packet[0]! ^= mask[0]! & 0x0f;
  const numberBytes = (packet[0]! & 0x03) + 1;
  for (let at = 0; at < numberBytes; at++) packet[numberAt + at]! ^= mask[1 + at]!;
  const bodyAt = numberAt + numberBytes;
  const decipher = createDecipheriv("aes-128-gcm", keys.key, nonceOf(keys.iv, packet[bodyAt - 1]!));
  decipher.setAAD(packet.subarray(0, bodyAt));
  decipher.setAuthTag(packet.subarray(packet.length - TAG_BYTES));
  const frames = decipher.update(packet.subarray(bodyAt, packet.length - TAG_BYTES));
  decipher.final();
  return { sourceId, frames: new Uint8Array(frames) };
}

/** A CRYPTO frame (RFC 9000 §19.6) of up to 16,383 bytes. */
export function cryptoFrame(offset: number, data: Uint8Array): Uint8Array {
  const at = new Uint8Array(8);
  new DataView(at.buffer).setBigUint64(0, BigInt(offset) | 0xc000_0000_0000_0000n);
  return Uint8Array.of(0x06, ...at, 0x40 | (data.length >> 8), data.length & 0xff, ...data);
}

/** Where the first packet of a client's datagram ends (RFC 9000 §17.2): what lies behind an Initial may be padding that nothing protects. */
export function firstPacketEnd(datagram: Uint8Array): number {
  if ((datagram[0]! & 0xf0) !== 0xc0) return datagram.length; // no Initial
  let at = 5;
  for (const _id of ["destination", "source"]) at += 1 + datagram[at]!;
  at += 1; // a client's token is empty, and its length of two bytes
  return at + 2 + (((datagram[at]! & 0x3f) << 8) | datagram[at + 1]!);
}

/** The token in an Initial packet of a client, `undefined` when it is another packet. */
export function initialToken(packet: Uint8Array): Uint8Array | undefined {
  if ((packet[0]! & 0xf0) !== 0xc0) return undefined;
  let at = 5;
  for (const _id of ["destination", "source"]) at += 1 + packet[at]!;
  // A length of one byte, or two; nobody's token is longer.
  const first = packet[at]!;
  const [start, length] = first < 0x40 ? [at + 1, first] : [at + 2, ((first & 0x3f) << 8) | packet[at + 1]!];
  return packet.subarray(start, start + length);
}

function clientKeys(destinationId: Uint8Array): { key: Uint8Array; iv: Uint8Array; protection: Uint8Array } {
  const secret = expandLabel(hmac(INITIAL_SALT, destinationId), "client in", 32);
  return {
    key: expandLabel(secret, "quic key", 16),
    iv: expandLabel(secret, "quic iv", 12),
    protection: expandLabel(secret, "quic hp", 16),
  };
}

/** RFC 9001 §5.3, for numbers of up to four bytes. */
function nonceOf(iv: Uint8Array, packetNumber: number): Uint8Array {
  const nonce = Uint8Array.from(iv);
  for (let at = 0; at < 4; at++) nonce[nonce.length - 1 - at]! ^= (packetNumber >> (8 * at)) & 0xff;
  return nonce;
}

/** Header protection (RFC 9001 §5.4): its sample lies four bytes behind the start of the packet number. */
function protectionMask(key: Uint8Array, packet: Uint8Array, numberAt: number): Uint8Array {
  return createCipheriv("aes-128-ecb", key, null).update(packet.subarray(numberAt + 4, numberAt + 20));
}

/** HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1) without context, for up to 32 bytes. */
function expandLabel(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  return hmac(secret, Uint8Array.of(0, length, name.length, ...name, 0, 1)).subarray(0, length);
}

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}

const PACKET_NUMBER_BYTES = 4;
const TAG_BYTES = 16;
/** RFC 9001 §5.2. */
const INITIAL_SALT = Uint8Array.from([
  0x38,
  0x76,
  0x2c,
  0xf7,
  0xf5,
  0x59,
  0x34,
  0xb3,
  0x4d,
  0x17,
  0x9a,
  0xe6,
  0xa4,
  0xc8,
  0x0c,
  0xad,
  0xcc,
  0xbb,
  0x7f,
  0x0a,
]);
