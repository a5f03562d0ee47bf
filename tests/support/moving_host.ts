/**
 * Scenes of a host whose address changes, with servers and clients on it, to be run in a network namespace: the addresses are those of
 * its loopback device, and a route says from which of them packets to the servers leave. Prints `ok` when all was as it should be.
 *
 * @module
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { RpcClient, RpcServer, type Session } from "../../mod.ts";
import type { TransportTuning } from "../../src/connection/options.ts";
import { Authority } from "./certificates.ts";
import { waitUntil } from "./wait_until.ts";

const SERVER = "10.77.0.1";
const HOME = "10.77.0.2";
const AWAY = "10.77.0.3";
const BYTES = 1_000_000;
/** How soon an idle client notices. */
const KEEP_ALIVE: TransportTuning = { keepAliveIntervalMs: 300 };

const authority = new Authority("Moving host");
const certificate = authority.issue({ names: [SERVER] });

/** A server and its one client. */
interface Scene {
  readonly client: Pick<RpcClient, "request" | "migrate" | "session" | "state" | "close">;
  /** What the server knows the client by. */
  readonly session: Session;
  /** How often the client has gone another way. */
  moves(): number;
  close(): Promise<void>;
}

async function open(atServer: TransportTuning = {}, atClient: TransportTuning = {}): Promise<Scene> {
  const server = RpcServer.builder().bind(`${SERVER}:0`).tls(certificate)
    .options({ log: () => {}, tuning: atServer })
    .handler("echo", (_session, bytes) => bytes)
    .handler("down", () => new Uint8Array(BYTES))
    .build();
  const { addresses } = await server.start();
  const messages: string[] = [];
  const client = await RpcClient.connect(addresses[0]!, {
    tls: { ca: authority.ca },
    reconnect: false,
    retry: false,
    tuning: { ...KEEP_ALIVE, ...atClient },
    log: ({ message }) => void messages.push(message),
  });
  await client.request("echo", Uint8Array.of(1));
  const [session] = server.sessions;
  assert.ok(session !== undefined && hostOf(session) === HOME, session?.peerAddr());
  return {
    client,
    session,
    moves: () => messages.filter((message) => message === "Goes another way now").length,
    async close() {
      assert.deepEqual([...server.sessions], [session]);
      assert.equal(client.state, "connected");
      await client.close();
      await server.shutdown();
    },
  };
}

/** The host's address goes, and another one comes. */
const scenes: Record<string, () => Promise<void>> = {
  async idle() {
    const scene = await open();
    const port = portOf(scene.session);
    moveHost(HOME, AWAY);
    await waitUntil(() => hostOf(scene.session) === AWAY && portOf(scene.session) !== port);
    await waitUntil(() => scene.moves() === 1);
    assert.deepEqual(await scene.client.request("echo", Uint8Array.of(2)), Uint8Array.of(2));
    await scene.close();
  },

  async transfer() {
    const scene = await open();
    const hosts = [HOME, AWAY];
    let isOver = false;
    const transfers = ["down", "echo"].map(async (method) => {
      const request = method === "down" ? Uint8Array.of(0) : new Uint8Array(BYTES);
      while (!isOver) assert.equal((await scene.client.request(method, request)).length, BYTES);
    });
    for (let move = 1; move <= 4; move++) {
      moveHost(hosts[(move - 1) % 2]!, hosts[move % 2]!);
      await waitUntil(() => hostOf(scene.session) === hosts[move % 2] && scene.moves() === move);
    }
    isOver = true;
    await Promise.all(transfers);
    await scene.close();
  },

  async gap() {
    const scene = await open();
    const answer = scene.client.request("down", Uint8Array.of(0));
    const timeouts = () => scene.client.session.stats.connection.probeTimeouts;
    const before = timeouts();
    ip(`route delete local ${SERVER} dev lo table local`);
    ip(`address delete ${HOME}/32 dev lo`);
    const call = scene.client.request("echo", Uint8Array.of(3));
    await waitUntil(() => timeouts() >= before + 3);
    ip(`address add ${AWAY}/32 dev lo`);
    ip(`route add local ${SERVER} dev lo table local src ${AWAY}`);
    assert.equal((await answer).length, BYTES);
    assert.deepEqual(await call, Uint8Array.of(3));
    await waitUntil(() => hostOf(scene.session) === AWAY && scene.moves() === 1);
    await scene.close();
  },

  async "few ports"() {
    try {
      writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "40000 40007");
    } catch {
      // Where that is not permitted sockets get other ports.
    }
    const scene = await open();
    for (let move = 1; move <= 20; move++) {
      await scene.client.migrate();
      assert.deepEqual(await scene.client.request("echo", Uint8Array.of(move)), Uint8Array.of(move));
      assert.equal(scene.moves(), move);
    }
    await scene.close();
  },

  async off() {
    const moving = await open();
    const others = [await open({}, { activeMigration: false }), await open({ activeMigration: false })];
    const ports = others.map(({ session }) => portOf(session));
    moveHost(HOME, AWAY);
    await waitUntil(() => moving.moves() === 1);
    await waitUntil(() => others.every(({ session }) => hostOf(session) === AWAY));
    const [still, forbidden] = others as [Scene, Scene];
    assert.deepEqual(others.map(({ session }) => portOf(session)), ports);
    assert.deepEqual(others.map((scene) => scene.moves()), [0, 0]);
    await assert.rejects(forbidden.client.migrate(), { code: "UNAVAILABLE", message: /disable_active_migration/ });
    await still.client.migrate();
    assert.equal(still.moves(), 1);
    for (const scene of [moving, still, forbidden]) {
      assert.deepEqual(await scene.client.request("echo", Uint8Array.of(4)), Uint8Array.of(4));
      await scene.close();
    }
  },
};

function hostOf(session: Session): string {
  return session.peerAddr().split(":")[0]!;
}

function portOf(session: Session): string {
  return session.peerAddr().split(":")[1]!;
}

function moveHost(from: string, to: string): void {
  ip(`address add ${to}/32 dev lo`);
  ip(`route change local ${SERVER} dev lo table local src ${to}`);
  ip(`address delete ${from}/32 dev lo`);
}

function ip(command: string): void {
  execFileSync("ip", command.split(" "));
}

ip("link set lo up");
for (const address of [SERVER, HOME]) ip(`address add ${address}/32 dev lo`);
ip(`route change local ${SERVER} dev lo table local src ${HOME}`);
await scenes[process.argv[2]!]!();
console.log("ok");
