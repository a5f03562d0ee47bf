/**
 * The interop service: what every server of `tests/interop/` offers, in whatever language. Payloads are CBOR where nothing else is said.
 *
 * | method       | request → answer                                                                                     |
 * | ------------ | ---------------------------------------------------------------------------------------------------- |
 * | `echo`       | bytes → the same                                                                                     |
 * | `mirror`     | any value → the same                                                                                 |
 * | `add`        | `{a, b}` → their sum; INVALID_ARGUMENT unless both are numbers                                       |
 * | `fail`       | `{left}` → fails with RESOURCE_EXHAUSTED "Nothing left", name `outOfStock`, data `{left}`            |
 * | `metadata`   | bytes → the call's metadata as `[name, value]` pairs, also as metadata of the answer                 |
 * | `timeLeft`   | bytes → milliseconds until the call's deadline, or null                                              |
 * | `wait`       | bytes → never answers                                                                                |
 * | `after`      | milliseconds → the same, so much later                                                               |
 * | `ended`      | `"wait"` or `"ticks"` → how many of these calls of this session were ended from outside              |
 * | `count`      | n → items 0 to n − 1                                                                                 |
 * | `ticks`      | bytes → items 0, 1, 2 and so on, without end                                                         |
 * | `failMidway` | n → items 0 to n − 1, then ABORTED "Enough"                                                          |
 * | `sum`        | numbers → their sum                                                                                  |
 * | `double`     | numbers → each twice as large, as they come                                                          |
 * | `download`   | `{items, bytes}` → so many items of so many bytes, see {@link pattern}                               |
 * | `upload`     | items of bytes → their {@link digestOf}                                                              |
 * | `ask`        | any value → what the caller's method `answer` says to it                                             |
 * | `play`       | `{delivery, frames, bytes, parityEvery?}` → sends a media stream `speaker`; how many frames it had   |
 * | `drain`      | grace in milliseconds → null; then this session is closed in order, with GOING_AWAY                  |
 *
 * An event `note` comes back as `noted`, a volatile event `blip` as `blipped`, both with their payload. Of a media stream `mic` the
 * {@link digestOf} its frames comes back as event `heard`.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { z } from "zod";
import { systemClock } from "../../src/clock.ts";
import type { PemSource } from "../../src/connection/pem.ts";
import { ConnectionCode, EchoStreamError } from "../../src/protocol/error.ts";
import type { Delivery } from "../../src/protocol/stream_header.ts";
import { contract } from "../../src/rpc/contract.ts";
import type { Call } from "../../src/rpc/handler.ts";
import { cbor } from "../../src/rpc/schema.ts";
import type { ServerOptions } from "../../src/server/definition.ts";
import { RpcServer } from "../../src/server/server.ts";
import type { Session } from "../../src/session.ts";
import type { IncomingStream } from "../../src/stream/incoming_stream.ts";
import type { Network } from "../support/networks.ts";

/** What the receiver of frames or items tells about them. */
export interface Digest {
  readonly frames: number;
  readonly bytes: number;
  /** SHA-256 of all of them in order, hexadecimal. */
  readonly digest: string;
}

/** A media stream that is asked for: frame `n` is the {@link pattern} from byte `n` on. */
export interface PlayRequest {
  readonly delivery: Delivery;
  readonly frames: number;
  readonly bytes: number;
  readonly parityEvery?: number;
}

/** The service, for servers that implement it and clients that speak it. */
export const interop = contract({
  echo: { idempotent: true },
  mirror: { input: cbor<unknown>(), output: cbor<unknown>() },
  add: { input: z.object({ a: z.number(), b: z.number() }), output: cbor<number>() },
  fail: {
    input: cbor<{ left: number }>(),
    output: cbor<null>(),
    errors: { outOfStock: { code: "RESOURCE_EXHAUSTED", message: "Nothing left", data: cbor<{ left: number }>() } },
  },
  metadata: { input: cbor<unknown>(), output: cbor<[name: string, value: string | Uint8Array][]>() },
  timeLeft: { input: cbor<unknown>(), output: cbor<number | null>() },
  wait: { input: cbor<unknown>(), output: cbor<null>() },
  after: { input: cbor<number>(), output: cbor<number>() },
  ended: { input: cbor<string>(), output: cbor<number>() },
  count: { kind: "serverStream", input: cbor<number>(), output: cbor<number>() },
  ticks: { kind: "serverStream", input: cbor<unknown>(), output: cbor<number>() },
  failMidway: { kind: "serverStream", input: cbor<number>(), output: cbor<number>() },
  sum: { kind: "channel", input: cbor<number>(), output: cbor<number>() },
  double: { kind: "channel", input: cbor<number>(), output: cbor<number>() },
  download: { kind: "serverStream", input: cbor<{ items: number; bytes: number }>(), output: cbor<Uint8Array>() },
  upload: { kind: "channel", input: cbor<Uint8Array>(), output: cbor<Digest>() },
  ask: { input: cbor<unknown>(), output: cbor<unknown>() },
  play: { input: cbor<PlayRequest>(), output: cbor<number>() },
  drain: { input: cbor<number>(), output: cbor<null>() },
  note: { kind: "event", payload: cbor<unknown>() },
  blip: { kind: "event", payload: cbor<unknown>() },
  noted: { kind: "push", payload: cbor<unknown>() },
  blipped: { kind: "push", payload: cbor<unknown>() },
  heard: { kind: "push", payload: cbor<Digest>() },
  mic: { kind: "stream" },
});

/** Where a server listens, and who it is. */
export interface ServerPlace {
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly cert: PemSource;
  readonly key: PemSource;
  /** What it lets in. Default: the defaults. */
  readonly accept?: NonNullable<ServerOptions["accept"]>;
}

/** A server of ours that offers it, on a free port. */
export function interopServer(
  network: Network,
  { host = "127.0.0.1", cert, key, accept = {} }: ServerPlace,
): RpcServer {
  const server = RpcServer.builder().bind(`${host}:0`).tls({ cert, key }).options({ ...network.options, accept })
    .implement(interop, {
      echo: (_session, bytes) => bytes,
      mirror: (_session, value) => value,
      add: (_session, { a, b }) => a + b,
      fail: (_session, { left }, call) => {
        throw call.error("outOfStock", { left });
      },
      metadata: (_session, _nothing, call) => {
        call.setMetadata(call.metadata);
        return [...call.metadata] as [string, string | Uint8Array][];
      },
      timeLeft: (_session, _nothing, call) => call.deadlineMs === undefined ? null : Math.floor(call.deadlineMs),
      wait: (session, _nothing, call) =>
        new Promise<null>((_, reject) =>
          call.signal.addEventListener("abort", () => {
            countEnded(session, "wait");
            reject(call.signal.reason);
          })
        ),
      after: async (_session, ms) => {
        await pause(ms);
        return ms;
      },
      ended: (session, name) => session.get<number>(`ended ${name}`) ?? 0,
      count: async function* (_session, size) {
        for (let n = 0; n < size; n++) yield n;
      },
      ticks: async function* (session) {
        try {
          for (let n = 0;; n++) {
            yield n;
            await pause(TICK_MS);
          }
        } finally {
          countEnded(session, "ticks");
        }
      },
      failMidway: async function* (_session, size) {
        for (let n = 0; n < size; n++) yield n;
        throw new EchoStreamError("ABORTED", "Enough");
      },
      sum: async (_session, numbers) => {
        let sum = 0;
        for await (const n of numbers) sum += n;
        return sum;
      },
      double: async function* (_session, numbers) {
        for await (const n of numbers) yield 2 * n;
      },
      download: async function* (_session, { items, bytes }) {
        for (let n = 0; n < items; n++) yield pattern(bytes);
      },
      upload: async (_session, items) => {
        const all: Uint8Array[] = [];
        for await (const item of items) all.push(item);
        return digestOf(all);
      },
      ask: (session, value, call: Call) => session.request("answer", value, call.options()),
      play: async (session, request) => {
        await sendMedia(session, "speaker", request);
        return request.frames;
      },
      drain: (session, graceMs) => {
        void session.close("Drained", { graceMs, code: ConnectionCode.GOING_AWAY, mayReconnect: true });
        return null;
      },
      note: (session, value) => session.emit("noted", value),
      blip: (session, value) => session.emit("blipped", value, { delivery: "datagram" }),
      mic: async (session, incoming) => session.emit("heard", digestOf(await receiveMedia(incoming))),
    })
    .build();
  return server as unknown as RpcServer;
}

/** Bytes that both ends can make. */
export function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => ((at & 0xffff) * 31 + ((at & 0xffff) >> 8)) & 0xff);
}

/** What is told of `frames`, given in order. */
export function digestOf(frames: readonly Uint8Array[]): Digest {
  const hash = createHash("sha256");
  for (const frame of frames) hash.update(frame);
  const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  return { frames: frames.length, bytes, digest: hash.digest("hex") };
}

/** The frames of `request`. */
export function framesOf({ frames, bytes }: PlayRequest): Uint8Array[] {
  return Array.from({ length: frames }, (_, n) => pattern(bytes + n).subarray(n));
}

/** Send what `request` asks for to the peer's handler `name`, and wait until it has it. */
export async function sendMedia(session: Session, name: string, request: PlayRequest): Promise<void> {
  const { delivery, parityEvery = 0 } = request;
  const sender = await session.createStream(name, {
    delivery,
    ...(delivery === "reliable" ? {} : { maxLatencyMs: MAX_LATENCY_MS }),
    ...(parityEvery > 0 ? { protection: { parityEvery } } : {}),
  });
  for (const frame of framesOf(request)) {
    await sender.send(frame);
    await pause(FRAME_INTERVAL_MS);
  }
  await sender.end();
  await sender.closed;
}

/** Frames of `incoming` in the order of their sequence. */
export async function receiveMedia(incoming: IncomingStream): Promise<Uint8Array[]> {
  const frames: { readonly sequence: number; readonly payload: Uint8Array }[] = [];
  for await (const frame of incoming) frames.push(frame);
  return frames.sort((one, other) => one.sequence - other.sequence).map(({ payload }) => payload);
}

function countEnded(session: Session, name: string): void {
  session.set(`ended ${name}`, (session.get<number>(`ended ${name}`) ?? 0) + 1);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.setTimer(resolve, ms));
}

/** Nothing is lost on loopback, but a busy machine may stand still for a while. */
const MAX_LATENCY_MS = 2_000;
const FRAME_INTERVAL_MS = 1;
const TICK_MS = 20;
