import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamCode } from "../protocol/error.ts";
import { StreamKind } from "../protocol/stream_header.ts";
import { TimerQueue } from "../timer_queue.ts";
import { silentLogger } from "../trace.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { InboundBudget } from "./inbound_budget.ts";
import { DEFAULT_CONNECTION_LIMITS } from "./options.ts";
import { OutboundQueue } from "./outbound_queue.ts";
import type { ReceiveStream } from "./receive_stream.ts";
import { Streams } from "./streams.ts";
import type { StreamId, TransportConnection } from "./transport.ts";

test("What is on its way of a stream that was stopped opens no new one, and its reset resets no answer", () => {
  const opened: StreamId[] = [];
  const calls: [string, StreamId, number][] = [];
  const timers = new TimerQueue(new VirtualClock());
  const transport = {
    remote: { address: "127.0.0.1", port: 1 },
    stop: (stream: StreamId, code: number) => void calls.push(["stop", stream, code]),
    reset: (stream: StreamId, code: number) => void calls.push(["reset", stream, code]),
  } as unknown as TransportConnection;
  const streams = new Streams({
    transport,
    inbound: new InboundBudget(1_000),
    outboundStreams: new OutboundQueue(1_000, 1_000, timers, () => {}),
    timers,
    limits: DEFAULT_CONNECTION_LIMITS,
    log: silentLogger,
    state: "established",
    handler: {
      onStream(receive: ReceiveStream): void {
        opened.push(receive.id);
        receive.sink = {
          onData: () => receive.stop(StreamCode.CANCELLED),
          onReset: () => assert.fail("It was stopped"),
        };
      },
      onMessage: () => assert.fail("No message came"),
      onOversizeMessage: () => assert.fail("No message came"),
    },
  }, { initialCreditBytes: 16, messageStreamKind: StreamKind.MESSAGES });

  for (const stream of [0, 2]) {
    streams.onData(stream, Uint8Array.of(9), false);
    // The rest was read before the transport knew of the stop; its first byte is no kind.
    streams.onData(stream, Uint8Array.of(StreamKind.CONTROL), false);
    streams.onData(stream, Uint8Array.of(StreamKind.MESSAGES, 1, 0), true);
    streams.onReset(stream, StreamCode.CANCELLED);
  }
  assert.deepEqual(opened, [0, 2]);
  assert.deepEqual(calls, [["stop", 0, StreamCode.CANCELLED], ["stop", 2, StreamCode.CANCELLED]]);
});
