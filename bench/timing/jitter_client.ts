/**
 * The jitter buffer's playout delay behind a line protocol, for a scorer that replays recorded networks:
 * `node bench/timing/jitter_client.ts`. One line in, one line out; numbers are microseconds.
 *
 * ```text
 * H <frame duration> <kind> <ms per percent of late media>   OK
 * P <sequence> <media time> <arrival time> <bytes>           D <offset> | =
 * T <time>                                                   D <offset> | =
 * E
 * ```
 *
 * `D` says that from now on the frame of media time `t` plays at local time `t + offset`, `=` that nothing has changed.
 *
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { PlayoutDelay } from "../../src/stream/playout_delay.ts";
import { PlayoutMoment } from "../../src/stream/playout_moment.ts";

const moment = new PlayoutMoment();
let delay = new PlayoutDelay();
let offsetUs = NaN;

function answer(): string {
  const rounded = Math.round(delay.offsetUs);
  if (Number.isNaN(rounded) || rounded === offsetUs) return "=";
  offsetUs = rounded;
  return `D ${offsetUs}`;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [kind, ...fields] = line.split(" ");
  const [first = NaN, second = NaN, third = NaN] = fields.map(Number);
  if (kind === "E") break;
  if (kind === "H") {
    delay = new PlayoutDelay({ frameDurationUs: first, costPerLatePercent: third, maxDelayMs: 10_000 });
    offsetUs = NaN;
  } else if (kind === "P") {
    moment.sequence = first;
    moment.mediaUs = second;
    moment.nowUs = third;
    delay.observe(moment);
  } else if (kind === "T") {
    moment.nowUs = first;
    delay.advance(moment);
  }
  process.stdout.write(`${kind === "H" ? "OK" : answer()}\n`);
}
