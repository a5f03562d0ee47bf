/**
 * SETTINGS: what one end tells the other about itself, once, at the start of its control stream. Nobody waits for it:
 * {@link FLOOR_SETTINGS} hold until it arrives, and limits in it can only be higher. Spec: docs/protocol.md, "SETTINGS".
 *
 * @module
 */

import { Encoding } from "./encoding.ts";
import { protocolViolation } from "./error.ts";
import { beginFrame, endFrame, FrameType } from "./frame.ts";
import { checkName } from "./name.ts";
import { nameRefusal, Reader } from "./reader.ts";
import { utf8Length } from "./utf8.ts";
import {
  MAX_CONTROL_FRAME_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_METADATA_BYTES,
  MAX_METADATA_ENTRIES,
  MAX_TOKEN_BYTES,
} from "./version.ts";
import type { Writer } from "./writer.ts";

/** What an end announces about itself. */
export interface Settings {
  /** Largest message, and body of a MESSAGE, EVENT or MEDIA frame, it accepts. */
  readonly maxMessageBytes: number;
  /** Largest metadata block it accepts. */
  readonly maxMetadataBytes: number;
  /** Most metadata entries it accepts. */
  readonly maxMetadataEntries: number;
  /** Sum of {@link Feature} bits. */
  readonly features: number;
  /** Encoding ids it reads. */
  readonly encodings: readonly number[];
  /** The peer may resume this session with it on a later connection. */
  readonly sessionToken: Uint8Array | undefined;
  /** The session this connection is to resume. */
  readonly resumeToken: Uint8Array | undefined;
  /** Sequence of the last event seen in that session; 0 when none was. */
  readonly resumeEventSequence: number;
  /** Names of methods that may be called by id, which is the place in this list. */
  readonly methodNames: readonly string[];
}

/** What holds for a peer whose SETTINGS have not arrived. */
export const FLOOR_SETTINGS: Settings = {
  maxMessageBytes: MAX_MESSAGE_BYTES,
  maxMetadataBytes: MAX_METADATA_BYTES,
  maxMetadataEntries: MAX_METADATA_ENTRIES,
  features: 0,
  encodings: [Encoding.RAW, Encoding.CBOR],
  sessionToken: undefined,
  resumeToken: undefined,
  resumeEventSequence: 0,
  methodNames: [],
};

/** Bits of {@link Settings.features}. Bits a receiver does not know mean nothing to it. */
export const Feature = {
  /** Takes streaming calls. Without it, a bidirectional stream is refused. */
  STREAMING_CALLS: 0x1,
  /** Keeps a session whose connection is lost, and comes back to it when it is a client. */
  RESUME: 0x2,
} as const;

/**
 * Append a SETTINGS frame of what differs from {@link FLOOR_SETTINGS}. `methodNames` come from {@link internableMethodNames}.
 *
 * @throws {RangeError} when a limit is below its floor or a token has not 1 to 256 bytes.
 */
export function encodeSettings(writer: Writer, settings: Partial<Settings>): void {
  const all: Settings = { ...FLOOR_SETTINGS, ...settings };
  const frame = beginFrame(writer, FrameType.SETTINGS);
  for (const [id, field] of LIMITS) {
    if (all[field] < FLOOR_SETTINGS[field]) {
      throw new RangeError(`${field} ${all[field]} is below its floor ${FLOOR_SETTINGS[field]}`);
    }
    if (all[field] > FLOOR_SETTINGS[field]) writeSetting(writer, id, () => writer.varint(all[field]));
  }
  if (all.features > 0) writeSetting(writer, SettingId.FEATURES, () => writer.varint(all.features));
  if (all.encodings.join() !== FLOOR_SETTINGS.encodings.join()) {
    writeSetting(writer, SettingId.ENCODINGS, () => all.encodings.forEach((id) => writer.varint(id)));
  }
  writeToken(writer, SettingId.SESSION_TOKEN, all.sessionToken);
  writeToken(writer, SettingId.RESUME_TOKEN, all.resumeToken);
  if (all.resumeEventSequence > 0) {
    writeSetting(writer, SettingId.RESUME_EVENT_SEQUENCE, () => writer.varint(all.resumeEventSequence));
  }
  if (all.methodNames.length > 0) {
    writeSetting(writer, SettingId.METHOD_NAMES, () => all.methodNames.forEach((name) => writer.text(name)));
  }
  endFrame(writer, frame);
}

/**
 * The names at the start of `names` that fit into SETTINGS and may therefore be announced as `methodNames`.
 *
 * @throws {TypeError} when one is no name.
 */
export function internableMethodNames(names: readonly string[]): readonly string[] {
  let total = 0;
  for (const [index, name] of names.entries()) {
    checkName("Method", name);
    total += 2 + utf8Length(name);
    if (total > MAX_METHOD_NAMES_BYTES) return names.slice(0, index);
  }
  return names;
}

/**
 * The settings in the body `bytes[start, end)`, with {@link FLOOR_SETTINGS} for what is absent or lower.
 *
 * @throws {EchoStreamError} PROTOCOL_VIOLATION when the body is malformed or a setting appears twice.
 */
export function decodeSettings(bytes: Uint8Array, start: number, end: number): Settings {
  const settings: MutableSettings = { ...FLOOR_SETTINGS };
  const seen = new Set<number>();
  const reader = new Reader().open(bytes, start, end);
  while (reader.remaining > 0) {
    const id = reader.varint();
    if (seen.has(id)) throw protocolViolation(`Setting 0x${id.toString(16)} appears twice`);
    seen.add(id);
    const length = reader.varint();
    const at = reader.skip(length);
    readSetting(new Reader().open(bytes, at, at + length), id, settings);
  }
  return settings;
}

type MutableSettings = { -readonly [Field in keyof Settings]: Settings[Field] };

function readSetting(value: Reader, id: number, settings: MutableSettings): void {
  const limit = LIMITS.find(([limitId]) => limitId === id);
  if (limit !== undefined) {
    settings[limit[1]] = Math.max(value.varint(), FLOOR_SETTINGS[limit[1]]);
    return value.finish();
  }
  switch (id) {
    case SettingId.FEATURES:
      settings.features = value.varint();
      return value.finish();
    case SettingId.ENCODINGS:
      settings.encodings = readAll(value, () => value.varint());
      return;
    case SettingId.SESSION_TOKEN:
      settings.sessionToken = readToken(value);
      return;
    case SettingId.RESUME_TOKEN:
      settings.resumeToken = readToken(value);
      return;
    case SettingId.RESUME_EVENT_SEQUENCE:
      settings.resumeEventSequence = value.varint();
      return value.finish();
    case SettingId.METHOD_NAMES:
      settings.methodNames = readAll(value, () => {
        const name = value.name();
        if (nameRefusal(name) !== undefined) throw protocolViolation("A method name in SETTINGS is no name");
        return name;
      });
  }
}

function readAll<T>(value: Reader, read: () => T): T[] {
  const items: T[] = [];
  while (value.remaining > 0) items.push(read());
  return items;
}

function readToken(value: Reader): Uint8Array {
  if (value.remaining === 0 || value.remaining > MAX_TOKEN_BYTES) {
    throw protocolViolation(`Token of ${value.remaining} bytes`);
  }
  return value.rest().slice();
}

function writeSetting(writer: Writer, id: number, write: () => void): void {
  writer.varint(id);
  const mark = writer.beginLength();
  write();
  writer.endLength(mark);
}

function writeToken(writer: Writer, id: number, token: Uint8Array | undefined): void {
  if (token === undefined) return;
  if (token.length === 0 || token.length > MAX_TOKEN_BYTES) throw new RangeError(`Token of ${token.length} bytes`);
  writeSetting(writer, id, () => writer.raw(token));
}

const SettingId = {
  MAX_MESSAGE_BYTES: 0x01,
  MAX_METADATA_BYTES: 0x02,
  MAX_METADATA_ENTRIES: 0x03,
  FEATURES: 0x04,
  ENCODINGS: 0x05,
  SESSION_TOKEN: 0x06,
  RESUME_TOKEN: 0x07,
  RESUME_EVENT_SEQUENCE: 0x08,
  METHOD_NAMES: 0x09,
} as const;

const LIMITS = [
  [SettingId.MAX_MESSAGE_BYTES, "maxMessageBytes"],
  [SettingId.MAX_METADATA_BYTES, "maxMetadataBytes"],
  [SettingId.MAX_METADATA_ENTRIES, "maxMetadataEntries"],
] as const;

// Leaves room for everything else in the frame.
const MAX_METHOD_NAMES_BYTES = MAX_CONTROL_FRAME_BYTES - 2_048;
