/**
 * Which session is in which room, and the way from a broadcast to the sessions it is for. In one process that is
 * {@link "./memory_rooms.ts"}; a store for several processes carries broadcasts to the others besides.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import type { CallOptions } from "../rpc/call_options.ts";

/** Whom a broadcast is for: the sessions in any of `rooms`, or all where none is named, without those excepted. */
export interface Audience {
  readonly rooms: readonly string[];
  readonly exceptRooms: readonly string[];
  /** By their ids. */
  readonly exceptSessions: readonly string[];
}

/** An event as it is sent to many: validated and encoded, once. */
export interface EncodedEvent {
  readonly name: string;
  /** How the payload is to be read: 0 as bytes, 1 as CBOR (docs/protocol.md, "Payload encodings"). */
  readonly encoding: Encoding;
  /** Nobody changes it any more. */
  readonly payload: Uint8Array;
  /** Whether it travels as a datagram. */
  readonly volatile: boolean;
}

/** A request as it is sent to many. */
export interface EncodedRequest {
  readonly method: string;
  /** As of an {@link EncodedEvent}. */
  readonly encoding: Encoding;
  readonly payload: Uint8Array;
  readonly options: CallOptions;
}

/** What one session answered. */
export interface MemberAnswer {
  readonly sessionId: string;
  /** What its handler returned. */
  readonly answer?: unknown;
  /** Why there is no answer. */
  readonly error?: unknown;
}

/** The sessions of this process, lent to a store. One that is not there any more is passed over. */
export interface LocalSessions {
  /** Ids of all that are served. */
  ids(): Iterable<string>;
  /** Send to each of them; never throws. */
  emit(sessionIds: Iterable<string>, event: EncodedEvent): void;
  /** Ask one of them; `undefined` when it is not there. Never rejects. */
  request(sessionId: string, request: EncodedRequest): Promise<MemberAnswer | undefined>;
}

/**
 * Keeps rooms. Sessions are known by their ids, and everything a store is given can be written down, so that a store may tell other
 * processes. Calls are synchronous and do not throw: what fails in between processes is for the store to report.
 */
export interface RoomStore {
  /** How sessions of this process are reached; called once, before anything else. */
  attach(local: LocalSessions): void;
  /** Put a session of this process into a room; nothing happens when it is there. */
  join(sessionId: string, room: string): void;
  /** Take it out. */
  leave(sessionId: string, room: string): void;
  /** It has ended: take it out of all rooms. */
  leaveAll(sessionId: string): void;
  /** Rooms of a session of this process. */
  roomsOf(sessionId: string): ReadonlySet<string>;
  /** Send to everybody in the audience, wherever they are. */
  emit(audience: Audience, event: EncodedEvent): void;
  /** Ask everybody in the audience; `onAnswer` is called once for each. Resolves when all have answered or failed. */
  request(audience: Audience, request: EncodedRequest, onAnswer: (answer: MemberAnswer) => void): Promise<void>;
}
