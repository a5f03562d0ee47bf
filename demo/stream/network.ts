/**
 * Network process of the demo: `network.ts PORT DURATION_MS SEED` stands in front of a server on 127.0.0.1, prints `forwarding on ADDRESS`, and does
 * to packets what `network_path.ts` says. Its time begins with the line `start` on its standard input, until when it only
 * delays; it ends with its input.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { UdpProxy } from "../../tests/support/udp_proxy.ts";
import { delayMsAt, NETWORK, networkPhases } from "./network_path.ts";

const [port, durationMs, seed] = process.argv.slice(2).map(Number) as [number, number, number];
const { delayMs, jitterMs, drop, meanBurst, reorder } = NETWORK;

const phases = networkPhases(durationMs);
const proxy = await UdpProxy.open({ address: "127.0.0.1", port }, { seed, faults: { delayMs } });
console.log(`forwarding on ${proxy.address.address}:${proxy.address.port}`);

const commands = createInterface({ input: process.stdin });
commands.on("line", () => {
  const startedMs = performance.now();
  const changingMs = (nowMs: number): number => delayMsAt(phases, nowMs - startedMs);
  proxy.faults = { delayMs: changingMs, jitterMs, drop, meanBurst, reorder };
});
commands.on("close", () => {
  const { passed, dropped } = proxy.counts;
  console.log(`${passed} packets forwarded, ${dropped} lost`);
  process.exit();
});
