/**
 * The sessions of one server that broadcasts reach, and the store that knows their rooms.
 *
 * @module
 */

import { Encoding } from "../protocol/encoding.ts";
import { DEFAULT_LIMITS } from "../rpc/limits.ts";
import { EncodedValue } from "../rpc/payload.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { Session } from "../session.ts";
import { MemoryRooms } from "./memory_rooms.ts";
import type { EncodedEvent, EncodedRequest, LocalSessions, MemberAnswer, RoomStore } from "./room_store.ts";

/** Sessions that were let in and have not ended, by id. */
export class Members implements LocalSessions {
  /** Schemas of the events sent, by name. */
  readonly pushes: ReadonlyMap<string, StandardSchemaV1>;
  /** Largest broadcast. */
  maxMessageBytes: number = DEFAULT_LIMITS.maxMessageBytes;
  readonly #sessions = new Map<string, Session>();
  #rooms: RoomStore = new MemoryRooms();

  constructor(pushes: ReadonlyMap<string, StandardSchemaV1>) {
    this.pushes = pushes;
    this.#rooms.attach(this);
  }

  /** Who knows which session is in which room. */
  get rooms(): RoomStore {
    return this.#rooms;
  }

  /** Replace the store in memory, before there are sessions. */
  set rooms(rooms: RoomStore) {
    this.#rooms = rooms;
    rooms.attach(this);
  }

  /** A session of this process. */
  find(sessionId: string): Session | undefined {
    return this.#sessions.get(sessionId);
  }

  /** Broadcasts reach `session` from now on. */
  admit(session: Session): void {
    this.#sessions.set(session.id, session);
  }

  /** It has ended: it leaves its rooms. */
  forget(session: Session): void {
    this.#sessions.delete(session.id);
    this.#rooms.leaveAll(session.id);
  }

  ids(): Iterable<string> {
    return this.#sessions.keys();
  }

  emit(sessionIds: Iterable<string>, event: EncodedEvent): void {
    const { name, volatile } = event;
    const payload = payloadOf(event);
    for (const id of sessionIds) this.#sessions.get(id)?.emitEncoded(name, payload, volatile);
  }

  async request(sessionId: string, request: EncodedRequest): Promise<MemberAnswer | undefined> {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return undefined;
    return await session.direct.parts.requester.request(request.method, payloadOf(request), request.options).then(
      (answer) => ({ sessionId, answer }),
      (error) => ({ sessionId, error }),
    );
  }
}

/** As it is sent: without being encoded again. */
function payloadOf({ encoding, payload }: EncodedEvent | EncodedRequest): Uint8Array | EncodedValue {
  return encoding === Encoding.RAW ? payload : new EncodedValue(payload);
}
