/**
 * Network process of the demo: `network.ts PORT DURATION_MS SEED` stands in front of a server on 127.0.0.1, prints `forwarding on ADDRESS`, and does
 * to packets what `network_path.ts` says. Its time begins with the line `start` on its standard input, until when it only
 * delays; it ends with its input.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import process from "node:process";
import { createInterface } from "node:readline";
import { Impairment } from "./impairment.ts";
import { delayMsAt, NETWORK, networkPhases } from "./network_path.ts";

const [serverPort, durationMs, seed] = process.argv.slice(2).map(Number) as [number, number, number];
const HOST = "127.0.0.1";
/** What the kernel gives by default holds no key frame. */
const SOCKET_BUFFER_BYTES = 4 << 20;

const phases = networkPhases(durationMs);
let startedMs = Infinity;
const counts = { passed: 0, lost: 0 };
let clientPort: number | undefined;
const towardsClients = await openSocket();
const towardsServer = await openSocket();
const there = direction(towardsServer, () => serverPort, seed);
const back = direction(towardsClients, () => clientPort!, seed + 1);
towardsClients.on("message", (packet, from) => {
  clientPort = from.port;
  there(packet);
});
towardsServer.on("message", (packet) => back(packet));
console.log(`forwarding on ${HOST}:${towardsClients.address().port}`);

const commands = createInterface({ input: process.stdin });
commands.on("line", () => startedMs = performance.now());
commands.on("close", () => {
  console.log(`${counts.passed} packets forwarded, ${counts.lost} lost`);
  process.exit();
});

/** Takes the packets of one direction in; they leave when they are due. */
function direction(socket: Socket, port: () => number, seed: number): (packet: Uint8Array) => void {
  const impairment = new Impairment({
    ...NETWORK,
    seed,
    delayMsAt: (ms) => delayMsAt(phases, ms - startedMs),
  });
  const queue: { readonly dueMs: number; readonly packet: Uint8Array }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const send = (): void => {
    timer = undefined;
    while (queue[0] !== undefined && queue[0].dueMs <= performance.now()) {
      counts.passed++;
      // A full buffer loses the packet, as networks do.
      socket.send(queue.shift()!.packet, port(), HOST, () => {});
    }
    wait();
  };
  const wait = (): void => {
    if (queue[0] !== undefined) timer ??= setTimeout(send, Math.max(0, queue[0].dueMs - performance.now()));
  };
  return (packet) => {
    const nowMs = performance.now();
    const dueMs = startedMs === Infinity ? nowMs + NETWORK.delayMs : impairment.dueMs(nowMs);
    if (dueMs === undefined) return void counts.lost++;
    let at = queue.length;
    while (at > 0 && queue[at - 1]!.dueMs > dueMs) at--;
    queue.splice(at, 0, { dueMs, packet: Uint8Array.from(packet) });
    // The one that became the first is due before the timer.
    if (at === 0) {
      clearTimeout(timer);
      timer = undefined;
    }
    wait();
  };
}

function openSocket(): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: SOCKET_BUFFER_BYTES });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, HOST, () => resolve(socket));
  });
}
