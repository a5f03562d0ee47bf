/**
 * The closing table of the demo: rates and latency percentiles over the connection that was just shown.
 *
 * @module
 */
import { measureCalls, measureFlow } from "../bench/macro/load.ts";
import type { RpcClient } from "../mod.ts";
import { bytesText } from "./screen.ts";
import type { server } from "./service.ts";

const OPTIONS = { warmUpMs: 300, durationMs: 700 };
const CALL_BYTES = 64;
const FRAME_BYTES = 64 * 1024;
const FIRST_FRAMES = 128;

/** Rows of the table, its head first. Takes about five seconds. */
export async function measureRates(client: RpcClient<typeof server>): Promise<string[][]> {
  const peer = {
    call(payload: Uint8Array, done: (bytes: number) => void): void {
      void client.request("echo", payload).then((answer) => done(answer.length));
    },
  };
  const sendFrames = async (count: number): Promise<void> => {
    const stream = await client.createStream("sink");
    const frame = new Uint8Array(FRAME_BYTES);
    for (let sent = 0; sent < count; sent++) await stream.send(frame);
    await stream.end();
  };
  const rows = [["what", "rate", "p50", "p99"]];
  for (const inFlight of [1, 64, 512]) {
    const { ops, p50Us, p99Us } = await measureCalls(peer, inFlight, CALL_BYTES, OPTIONS);
    rows.push([
      `requests of ${CALL_BYTES} bytes, ${inFlight} in flight`,
      `${ops.toLocaleString("en")}/s`,
      `${p50Us} µs`,
      `${p99Us} µs`,
    ]);
  }
  const { mbPerS } = await measureFlow(sendFrames, FIRST_FRAMES, FRAME_BYTES, OPTIONS);
  rows.push(["one stream, frames of 64 KiB", `${bytesText(mbPerS * 1e6)}/s`, "", ""]);
  return rows;
}
