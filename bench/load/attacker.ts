/**
 * Told a number of seconds, begins a thousand handshakes a second, each from an address and port of its own, and answers nothing. Its first
 * packets are genuine: a ClientHello of a real client, sealed anew for every connection id.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { setTimeout as pause } from "node:timers/promises";
import { RpcClient, type SocketAddress } from "../../mod.ts";
import { openInitial, sealInitial } from "../../tests/support/quic_initial.ts";
import { serve, settings } from "./program.ts";

const PER_SECOND = 1_000;
const TICK_MS = 10;
/** A ClientHello with a key share of ML-KEM takes two packets. */
const PACKETS = 2;

const server = settings<SocketAddress>();
const hello = (await firstFlight()).map(openInitial);
await serve({}, async (seconds) => ({ begun: await attack(Number(seconds)) }));

async function attack(seconds: number): Promise<number> {
  const startedMs = performance.now();
  let begun = 0;
  for (;;) {
    const passedMs = performance.now() - startedMs;
    if (passedMs >= seconds * 1000) return begun;
    for (; begun < passedMs * PER_SECOND / 1000; begun++) beginHandshake();
    await pause(TICK_MS);
  }
}

function beginHandshake(): void {
  const id = randomBytes(8);
  const socket = createSocket("udp4");
  const [a, b, c] = randomBytes(3);
  socket.bind(0, `127.${a}.${b}.${1 + c! % 254}`, () => {
    for (const [packetNumber, { sourceId, frames }] of hello.entries()) {
      const packet = sealInitial(id, frames, 1200, undefined, { sourceId, packetNumber });
      const isLast = packetNumber === hello.length - 1;
      socket.send(packet, server.port, server.address, () => isLast && socket.close());
    }
  });
}

/** What a client sends to a server that does not answer. */
async function firstFlight(): Promise<Uint8Array[]> {
  const socket: Socket = createSocket("udp4");
  const packets: Uint8Array[] = [];
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  socket.on("message", (packet) => packets.length < PACKETS && packets.push(packet));
  const { port } = socket.address();
  await RpcClient.connect({ address: "127.0.0.1", port }, { timeoutMs: 200 }).catch(() => {});
  socket.close();
  return packets;
}
