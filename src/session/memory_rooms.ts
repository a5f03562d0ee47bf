/**
 * Rooms of one process.
 *
 * @module
 */

import type { Audience, EncodedEvent, EncodedRequest, LocalSessions, MemberAnswer, RoomStore } from "./room_store.ts";

/** Keeps rooms in memory. A room exists for as long as somebody is in it. */
export class MemoryRooms implements RoomStore {
  readonly #members = new Map<string, Set<string>>();
  readonly #rooms = new Map<string, Set<string>>();
  #local: LocalSessions | undefined;

  attach(local: LocalSessions): void {
    this.#local = local;
  }

  join(sessionId: string, room: string): void {
    add(this.#members, room, sessionId);
    add(this.#rooms, sessionId, room);
  }

  leave(sessionId: string, room: string): void {
    remove(this.#members, room, sessionId);
    remove(this.#rooms, sessionId, room);
  }

  leaveAll(sessionId: string): void {
    for (const room of this.#rooms.get(sessionId) ?? NOBODY) remove(this.#members, room, sessionId);
    this.#rooms.delete(sessionId);
  }

  roomsOf(sessionId: string): ReadonlySet<string> {
    return this.#rooms.get(sessionId) ?? NOBODY;
  }

  emit(audience: Audience, event: EncodedEvent): void {
    this.#local?.emit(this.select(audience), event);
  }

  async request(
    audience: Audience,
    request: EncodedRequest,
    onAnswer: (answer: MemberAnswer) => void,
  ): Promise<void> {
    const local = this.#local;
    if (local === undefined) return;
    const asked = Array.from(this.select(audience), async (id) => {
      const answer = await local.request(id, request);
      if (answer !== undefined) onAnswer(answer);
    });
    await Promise.all(asked);
  }

  /** Ids of the sessions in `audience`, each once. */
  select({ rooms, exceptRooms, exceptSessions }: Audience): Iterable<string> {
    const all = this.#in(rooms);
    if (exceptRooms.length === 0 && exceptSessions.length === 0) return all;
    const excepted = new Set(exceptSessions);
    for (const room of exceptRooms) for (const id of this.#members.get(room) ?? NOBODY) excepted.add(id);
    return without(all, excepted);
  }

  #in(rooms: readonly string[]): Iterable<string> {
    if (rooms.length === 0) return this.#local?.ids() ?? NOBODY;
    const [first = "", ...others] = rooms;
    const members = this.#members.get(first) ?? NOBODY;
    if (others.length === 0) return members;
    const all = new Set(members);
    for (const room of others) for (const id of this.#members.get(room) ?? NOBODY) all.add(id);
    return all;
  }
}

function* without(ids: Iterable<string>, excepted: ReadonlySet<string>): Generator<string> {
  for (const id of ids) if (!excepted.has(id)) yield id;
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function remove(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) sets.delete(key);
}

const NOBODY: ReadonlySet<string> = new Set();
