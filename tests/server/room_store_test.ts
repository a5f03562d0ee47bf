/**
 * A store for rooms that span servers, as one over a message bus would be: everything that leaves a server is copied as data.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { RpcClient } from "../../src/client/client.ts";
import { RpcServer } from "../../src/server/server.ts";
import { cbor } from "../../src/rpc/schema.ts";
import { MemoryRooms } from "../../src/session/memory_rooms.ts";
import type {
  Audience,
  EncodedEvent,
  EncodedRequest,
  LocalSessions,
  MemberAnswer,
  RoomStore,
} from "../../src/session/room_store.ts";
import { World } from "../support/world.ts";

/** Rooms of one server among others on a bus. */
class BusRooms extends MemoryRooms implements RoomStore {
  readonly #bus: Set<BusRooms>;

  constructor(bus: Set<BusRooms>) {
    super();
    this.#bus = bus;
  }

  override attach(local: LocalSessions): void {
    super.attach(local);
    this.#bus.add(this);
  }

  override emit(audience: Audience, event: EncodedEvent): void {
    for (const node of this.#bus) node.#deliver(structuredClone(audience), structuredClone(event));
  }

  override async request(
    audience: Audience,
    { options: { timeoutMs = 0 }, ...request }: EncodedRequest,
    onAnswer: (answer: MemberAnswer) => void,
  ): Promise<void> {
    const order = { ...structuredClone(request), options: { timeoutMs } };
    await Promise.all(Array.from(this.#bus, (node) => node.#ask(structuredClone(audience), order, onAnswer)));
  }

  #deliver(audience: Audience, event: EncodedEvent): void {
    super.emit(audience, event);
  }

  #ask(audience: Audience, request: EncodedRequest, onAnswer: (answer: MemberAnswer) => void): Promise<void> {
    return super.request(audience, request, (answer) => onAnswer(structuredClone(answer)));
  }
}

test("A RoomStore can carry broadcasts and their answers between servers", async () => {
  const world = new World();
  const bus = new Set<BusRooms>();
  const heard: string[] = [];
  const servers: RpcServer[] = [];
  const ids: string[] = [];
  for (const port of [5_001, 5_002]) {
    const server = RpcServer.builder().bind(`127.0.0.1:${port}`)
      .options({ ...world.options, rooms: new BusRooms(bus) })
      .build();
    await world.start(server);
    servers.push(server);
    for (const name of ["a", "b"]) {
      const client = await world.run(
        RpcClient.builder().connect(`127.0.0.1:${port}`).options(world.options)
          .listener("said", (_session, text) => void heard.push(`${name}${port} ${text}`))
          .handler("ready", cbor<string>(), (_session, what) => `${name}${port} ${what}`)
          .build(),
      );
      await world.clock.advanceUntil(() => server.sessions.size > (name === "a" ? 0 : 1));
      const session = [...server.sessions].at(-1)!;
      if (name === "a") session.join("lobby");
      ids.push(session.id);
      void client;
    }
  }
  const [first, second] = servers;
  await world.run(first!.to("lobby").emit("said", "hello"));
  await world.clock.advance(10);
  assert.deepEqual(heard.splice(0).sort(), ["a5001 hello", "a5002 hello"]);
  const [own] = first!.sessions;
  await world.run(second!.broadcast.except(own!).emit("said", "all"));
  await world.clock.advance(10);
  assert.deepEqual(heard.splice(0).sort(), ["a5002 all", "b5001 all", "b5002 all"]);
  const answers = new Map<string, unknown>();
  await world.run((async () => {
    for await (const { sessionId, session, answer } of first!.broadcast.emitWithAck<string>("ready", "steady")) {
      // Those of the other server have no object here.
      assert.equal(session !== undefined, answer!.slice(1, 5) === "5001");
      answers.set(sessionId, answer);
    }
  })());
  assert.deepEqual(ids.map((id) => answers.get(id)), ["a5001 steady", "b5001 steady", "a5002 steady", "b5002 steady"]);
  await world.close();
});
