import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import type { Untyped } from "../../src/plugin/api.ts";
import { RpcServer } from "../../src/server/server.ts";
import type { ServerOptions } from "../../src/server/definition.ts";
import { Network } from "../support/networks.ts";
import { type ServerProcess, startServer } from "../support/server_process.ts";
import { openSocket, UdpProxy } from "../support/udp_proxy.ts";
import { waitUntil } from "../support/wait_until.ts";

const onLinux = process.platform === "linux" ? {} : { skip: "a port is shared on Linux only" };
const accept = { secret: new Uint8Array(32).fill(9) };
/** Flows enough that it is out of the question for all of them to come to the same socket. */
const FLOWS = 24;

/** Servers that share a port, and clients that come to it from ports of their own. */
class Scene implements AsyncDisposable {
  readonly network = new Network();
  readonly proxies: UdpProxy[] = [];
  readonly processes: ServerProcess[] = [];
  readonly port: number;
  /** Calls that wait for their end. */
  waiting = 0;

  private constructor(port: number) {
    this.port = port;
  }

  static async open(): Promise<Scene> {
    const socket = await openSocket();
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    return new Scene(port);
  }

  /** A server in this process; `who` tells its index. */
  async serve(index: number, count: number, options: ServerOptions = {}): Promise<RpcServer> {
    const server = RpcServer.builder()
      .bind(`127.0.0.1:${this.port}`)
      .options({ ...this.network.options, accept, reusePort: { index, count }, ...options })
      .handler("who", () => String(index))
      .handler("wait", (_session, _bytes, { signal }) => {
        this.waiting++;
        return new Promise<string>((resolve) => signal.addEventListener("abort", () => resolve("")));
      })
      .build();
    await this.network.start(server);
    return server as unknown as RpcServer;
  }

  /** A server in a process of its own. */
  async spawn(index: number, count: number, threads = 1): Promise<ServerProcess> {
    const args = [this.port, index, count, threads].map(String);
    const server = await startServer("tests/support/sharing_server.ts", args);
    this.processes.push(server);
    return server;
  }

  /** Clients whose packets come from as many ports. */
  connect(count: number): Promise<RpcClient<Untyped>[]> {
    return Promise.all(Array.from({ length: count }, async () => {
      const proxy = await UdpProxy.open({ address: "127.0.0.1", port: this.port });
      this.proxies.push(proxy);
      return await this.network.connect(proxy.address);
    }));
  }

  /** As many as it takes until each of `servers` serves one. */
  async connectUntil(servers: readonly string[]): Promise<RpcClient<Untyped>[]> {
    const clients: RpcClient<Untyped>[] = [];
    const found = new Set<string>();
    while (!servers.every((server) => found.has(server))) {
      const more = await this.connect(FLOWS);
      for (const server of await served(more)) found.add(server);
      clients.push(...more);
    }
    return clients;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network.close();
    for (const proxy of this.proxies) await proxy.close();
    for (const server of this.processes) await server.kill();
  }
}

/** Who serves each of them. */
async function served(clients: readonly RpcClient<Untyped>[]): Promise<string[]> {
  const answers = await Promise.all(clients.map((client) => client.request("who", "", { idempotent: true })));
  return answers.map((answer) => new TextDecoder().decode(answer as Uint8Array));
}

test("Servers that share a port share its clients, who stay when one joins", onLinux, async () => {
  await using scene = await Scene.open();
  const first = await scene.serve(0, 2);
  const early = await scene.connect(FLOWS);
  assert.deepEqual(new Set(await served(early)), new Set(["0"]));
  // The kernel spreads packets anew: half of the clients' come to the second server, which hands them over.
  const second = await scene.serve(1, 2);
  const late = await scene.connect(FLOWS);
  for (let round = 0; round < 3; round++) assert.deepEqual(new Set(await served(early)), new Set(["0"]));
  assert.deepEqual(new Set(await served(late)), new Set(["0", "1"]));
  assert.ok(second.endpointStats.handedOver > 0);
  assert.equal(first.endpointStats.connections + second.endpointStats.connections, 2 * FLOWS);
  assert.equal(first.endpointStats.resetsSent + second.endpointStats.resetsSent, 0);
});

test("Clients of a server that shares a port stay with it when their own port changes", onLinux, async () => {
  await using scene = await Scene.open();
  const servers = [await scene.serve(0, 2, { threads: 2 }), await scene.serve(1, 2, { threads: 2 })];
  const clients = await scene.connect(FLOWS);
  const before = await served(clients);
  await Promise.all(scene.proxies.map((proxy) => proxy.rebind()));
  assert.deepEqual(await served(clients), before);
  assert.ok(servers.some((server) => server.endpointStats.handedOver > 0));
});

test("Newcomers go to another server while one shuts down", onLinux, async () => {
  await using scene = await Scene.open();
  const first = await scene.serve(0, 2);
  const [waiting] = await scene.connect(1);
  const second = await scene.serve(1, 2);
  const call = new AbortController();
  const outcome = waiting!.request("wait", "", { signal: call.signal }).catch(() => {});
  await waitUntil(() => first.endpointStats.connections === 1 && scene.waiting === 1);
  const stopped = first.shutdown({ graceMs: 60_000 });
  const newcomers = await scene.connect(FLOWS);
  assert.deepEqual(new Set(await served(newcomers)), new Set(["1"]));
  assert.ok(first.endpointStats.droppedUnwanted === 0 && second.endpointStats.connections >= FLOWS);
  call.abort();
  await outcome;
  await stopped;
});

test("Processes share a port, and what one leaves behind comes to the others", onLinux, async () => {
  await using scene = await Scene.open();
  const [gone] = [await scene.spawn(0, 3, 2), await scene.spawn(1, 3, 2), await scene.spawn(2, 3, 2)];
  const clients = await scene.connectUntil(["0", "1", "2"]);
  const before = await served(clients);
  await gone!.kill();
  const stay = clients.filter((_, index) => before[index] !== "0");
  const theirs = before.filter((server) => server !== "0");
  assert.deepEqual(await served(stay), theirs);
  // Its clients are told by the others, which share its keys, and come to them.
  const moved = await served(clients.filter((_, index) => before[index] === "0"));
  assert.ok(moved.length > 0 && moved.every((server) => server !== "0"));
  // Who comes back takes its place again.
  await scene.spawn(0, 3, 2);
  await scene.connectUntil(["0"]);
  assert.deepEqual(await served(stay), theirs);
});

test("A port is shared only with servers that share it, each with an index of its own", onLinux, async () => {
  await using scene = await Scene.open();
  await scene.serve(0, 2);
  await assert.rejects(scene.serve(0, 2), { code: "UNAVAILABLE", message: /Another server has the index 0 of 127/ });
  const alone = scene.network.server().bind(`127.0.0.1:${scene.port}`).build();
  await assert.rejects(scene.network.start(alone), { code: "UNAVAILABLE", message: /already in use/ });
  await using other = await Scene.open();
  const owner = RpcServer.builder().bind(`127.0.0.1:${other.port}`).options(other.network.options).build();
  await other.network.start(owner);
  await assert.rejects(other.serve(0, 2), {
    code: "UNAVAILABLE",
    message: /in use by a program that does not share it/,
  });
});
