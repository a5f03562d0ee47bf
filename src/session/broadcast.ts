/**
 * Events and requests to many sessions at once: whom they are for, and encoding them once for all.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { checkName } from "../protocol/name.ts";
import type { CallOptions } from "../rpc/call_options.ts";
import { copyBytes, encodeSentPayload, encodingOf } from "../rpc/payload.ts";
import type { EventName, EventPayload } from "../rpc/signature.ts";
import { type EmitOptions, isVolatile } from "../rpc/emit_options.ts";
import type { Session } from "../session.ts";
import { BroadcastAnswers } from "./broadcast_answers.ts";
import type { Members } from "./members.ts";
import { sendPush } from "./push.ts";
import type { Audience } from "./room_store.ts";

/** Options of {@link Broadcast.emitWithAck}. */
export interface AckOptions extends Omit<CallOptions, "onMetadata"> {
  /** Milliseconds a session has to answer before it counts as failed with DEADLINE_EXCEEDED. Default 5,000. */
  readonly timeoutMs?: number;
}

/**
 * Addresses sessions. Every method but those that send returns another broadcast, so that one may be kept and used again.
 *
 * ```ts
 * await server.to("lobby").except(session).emit("said", { from: "ada", text: "hello" });
 * ```
 */
// deno-lint-ignore no-explicit-any -- as `Session`
export class Broadcast<Pushes = any> {
  readonly #members: Members;
  readonly #audience: Audience;

  /** @internal Use `server.to`, `server.broadcast`, `session.to` or `session.broadcast`. */
  constructor(members: Members, audience: Audience = EVERYBODY) {
    this.#members = members;
    this.#audience = audience;
  }

  /** Only to sessions that are in one of the rooms named here and before, each once. */
  to(...rooms: string[]): Broadcast<Pushes> {
    for (const room of rooms) checkRoom(room);
    return this.#narrowed({ rooms: [...this.#audience.rooms, ...rooms] });
  }

  /** Not to these sessions, nor to those in these rooms. */
  except(...who: (Session | string)[]): Broadcast<Pushes> {
    const exceptRooms = [...this.#audience.exceptRooms];
    const exceptSessions = [...this.#audience.exceptSessions];
    for (const each of who) {
      if (typeof each === "string") exceptRooms.push(checkRoom(each));
      else exceptSessions.push(each.id);
    }
    return this.#narrowed({ exceptRooms, exceptSessions });
  }

  /**
   * Send an event, validated and encoded once. Resolves when it is on its way to everybody; nobody waits for the slowest: a session with
   * more than `limits.maxWaitingEventBytes` of broadcasts waiting is closed as too slow. What fails at one session does not disturb the others.
   * @throws {EchoStreamError} (as rejection) INVALID_ARGUMENT when the payload does not match its schema or cannot be encoded,
   * RESOURCE_EXHAUSTED when it is larger than `limits.maxMessageBytes`.
   */
  async emit<K extends EventName<Pushes>>(
    name: K,
    payload: EventPayload<Pushes, K>,
    options: EmitOptions = {},
  ): Promise<void> {
    checkName("Event", name);
    const volatile = isVolatile(options);
    await sendPush(this.#members.pushes, name, payload, (value) => {
      this.#members.rooms.emit(this.#audience, { name, ...this.#encoded(value), volatile });
    });
  }

  /**
   * Ask the handler `method` of every session, and hand out what each answers or why it does not, as they come in. Everybody is asked at once;
   * leaving the loop cancels what is still open.
   *
   * ```ts
   * for await (const { sessionId, answer, error } of server.to("lobby").emitWithAck("ready", round, { timeoutMs: 1_000 })) …
   * ```
   * @throws {EchoStreamError} INVALID_ARGUMENT or RESOURCE_EXHAUSTED when the payload cannot be sent.
   * @throws {TypeError} when the name is none.
   */
  emitWithAck<R = unknown>(method: string, payload: unknown, options: AckOptions = {}): BroadcastAnswers<R> {
    checkName("Method", method);
    const answers = new BroadcastAnswers<R>((id) => this.#members.find(id), options.signal);
    const request = {
      method,
      ...this.#encoded(payload),
      options: { ...options, timeoutMs: options.timeoutMs ?? DEFAULT_ACK_TIMEOUT_MS, signal: answers.signal },
    };
    this.#members.rooms.request(this.#audience, request, answers.onAnswer).then(answers.finish, answers.fail);
    return answers;
  }

  #narrowed(change: Partial<Audience>): Broadcast<Pushes> {
    return new Broadcast(this.#members, { ...this.#audience, ...change });
  }

  /** In a form that stays as it is while it waits for slow sessions. */
  #encoded(value: unknown): { readonly encoding: Encoding; readonly payload: Uint8Array } {
    const payload = copyBytes(encodeSentPayload(value));
    const { maxMessageBytes } = this.#members;
    if (payload.length > maxMessageBytes) {
      const message =
        `Broadcast of ${payload.length} bytes is larger than the ${maxMessageBytes} bytes that may be sent`;
      throw new EchoStreamError(ErrorCode.RESOURCE_EXHAUSTED, message, { disposition: "notProcessed" });
    }
    return { encoding: encodingOf(value), payload };
  }
}

/** @throws {TypeError} when `room` is no name of a room. */
export function checkRoom(room: unknown): string {
  if (typeof room !== "string" || room === "") throw new TypeError(`Room ${JSON.stringify(room)} is no text, or empty`);
  return room;
}

const EVERYBODY: Audience = { rooms: [], exceptRooms: [], exceptSessions: [] };
const DEFAULT_ACK_TIMEOUT_MS = 5_000;
