/**
 * Media streams between two sessions: frames in order, back-pressure, and how each side learns of the end.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EchoStreamError } from "../../src/protocol/error.ts";
import { EchoStreamError as Failure } from "../../src/protocol/error.ts";
import type { IncomingStream, MediaFrame } from "../../src/stream/incoming_stream.ts";
import { pattern } from "../support/connection_pair.ts";
import { deferred, failureOf, testOverMemory, testSessions } from "../support/session_pair.ts";

testSessions("A stream carries frames in order with sequence and timestamp, both ways", {}, async (pair) => {
  for (const [from, to, name] of [[pair.client, pair.server, "up"], [pair.server, pair.client, "down"]] as const) {
    const frames: MediaFrame[] = [];
    let incoming: IncomingStream | undefined;
    to.streams.handle(name, async (_session, stream) => {
      incoming = stream;
      for await (const frame of stream) frames.push(frame);
    });
    const stream = await pair.run(from.session.createStream(name, { clockRate: 90_000, metadata: { codec: "opus" } }));
    const sizes = [0, 1, 3_000, 5_000, 70_000, 400_000, 1_048_563, 5];
    for (const [n, size] of sizes.entries()) await pair.run(stream.send(pattern(size, n), { timestamp: n * 3_000 }));
    await pair.run(stream.end());
    assert.deepEqual(frames.map((frame) => frame.sequence), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(frames.map((frame) => frame.timestamp), [0, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000, 21_000]);
    for (const [n, size] of sizes.entries()) assert.deepEqual(frames[n]!.payload, pattern(size, n));
    assert.deepEqual([incoming?.name, incoming?.clockRate, incoming?.metadata], [name, 90_000, [["codec", "opus"]]]);
    const { framesSent, bytesSent, framesDropped } = stream.stats;
    assert.deepEqual([framesSent, bytesSent, framesDropped], [8, sizes.reduce((sum, size) => sum + size, 0), 0]);
    assert.deepEqual(incoming?.stats.framesRead, 8);
  }
});

testSessions("Fifty megabytes in frames of 64 KiB arrive whole", {}, async (pair) => {
  let bytes = 0;
  let wrong = 0;
  pair.server.streams.handle("bulk", async (_session, incoming) => {
    for await (const { payload, sequence } of incoming) {
      bytes += payload.length;
      if (payload[0] !== sequence % 251 || payload[65_535] !== sequence % 251) wrong++;
    }
  });
  const stream = await pair.run(pair.client.session.createStream("bulk"));
  const sending = (async () => {
    const frame = new Uint8Array(65_536);
    for (let n = 0; n < 800; n++) await stream.send(frame.fill(n % 251));
    await stream.end();
  })();
  await pair.run(sending);
  assert.deepEqual([bytes, wrong], [800 * 65_536, 0]);
  assert.equal(pair.server.connection.inbound.heldBytes, 0);
});

testOverMemory("A frame without a timestamp is stamped with the clock, at the stream's rate", {}, async (pair) => {
  const stamps: number[] = [];
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const frame of incoming) stamps.push(frame.timestamp);
  });
  const stream = await pair.run(pair.client.session.createStream("s", { clockRate: 1_000 }));
  const startMs = pair.clock.nowUs() / 1_000;
  await pair.run(stream.send("a"));
  await pair.clock.advance(250);
  await pair.run(stream.send("b"));
  await pair.run(stream.end());
  assert.deepEqual(stamps, [startMs, startMs + 250]);
});

testOverMemory("A handler that does not read holds the sender back, and memory stays bounded", {}, async (pair) => {
  const gate = deferred();
  let read = 0;
  pair.server.streams.handle("slow", async (_session, incoming) => {
    await gate.promise;
    for await (const _frame of incoming) read++;
  });
  const stream = await pair.run(pair.client.session.createStream("slow"));
  let accepted = 0;
  const sending = (async () => {
    for (let n = 0; n < 1_000; n++) {
      await stream.send(new Uint8Array(10_000));
      accepted++;
    }
    await stream.end();
  })();
  await pair.clock.advance(1_000);
  // 64 KiB at the receiver, up to 4 MiB in the window of the QUIC stream, 256 KiB and a frame in front of it.
  assert.ok(accepted < 500, `${accepted} frames were accepted`);
  gate.resolve();
  await pair.run(sending);
  assert.equal(read, 1_000);
});

testOverMemory(
  "A stream nobody reads ends after its time, and both ends learn it",
  { limits: { unreadStreamTimeoutMs: 1_000 } },
  async (pair) => {
    let taken: IncomingStream | undefined;
    pair.server.streams.handle("parked", (_session, incoming) => {
      taken = incoming;
      return new Promise(() => {});
    });
    const stream = await pair.run(pair.client.session.createStream("parked"));
    const sending = (async () => {
      for (;;) await stream.send(new Uint8Array(10_000));
    })();
    const refused = assert.rejects(sending, {
      code: "RESOURCE_EXHAUSTED",
      message: 'The receiver of stream "parked" ended it: Stream "parked" was not read for 1000 ms',
    });
    await pair.clock.advance(2_000);
    await pair.run(refused);
    const read = async (): Promise<void> => {
      for await (const frame of taken!) assert.equal(frame.payload.length, 10_000);
    };
    await assert.rejects(pair.run(read()), { code: "RESOURCE_EXHAUSTED" });
  },
);

testOverMemory("Frames sent without waiting leave in order, and end waits for its turn", {}, async (pair) => {
  const sequences: number[] = [];
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const frame of incoming) sequences.push(frame.payload[0]!);
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  const sent = Array.from({ length: 100 }, (_, n) => stream.send(new Uint8Array(20_000).fill(n)));
  const ended = stream.end();
  await assert.rejects(stream.send("late"), TypeError);
  await pair.run(Promise.all([...sent, ended]));
  assert.ok(sequences.length === 100 && sequences.every((first, n) => first === n));
});

testOverMemory("A frame larger than the peer takes is refused, and the stream lives", {}, async (pair) => {
  let frames = 0;
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const _frame of incoming) frames++;
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  await assert.rejects(stream.send(new Uint8Array(1_048_564)), RangeError);
  await assert.rejects(stream.send(1 as never), TypeError);
  await assert.rejects(stream.send("x", { timestamp: -1 }), RangeError);
  await pair.run(stream.send("fits"));
  await pair.run(stream.end());
  assert.equal(frames, 1);
});

testSessions("A stream nobody takes is refused, and its sender learns it", {}, async (pair) => {
  const stream = await pair.run(pair.client.session.createStream("nope"));
  const failure = await pair.run(failureOf(stream.end()));
  assert.deepEqual([failure.code, failure.remote], ["UNIMPLEMENTED", true]);
  assert.match(failure.message, /nope/);
  assert.deepEqual(await failureOf(stream.send("x")), failure);
  assert.deepEqual([pair.server.session.stats.streamsReceived, pair.server.session.stats.streamsIgnored], [1, 1]);
});

testSessions("A sender that keeps sending to a handler that has left gets the reason", {}, async (pair) => {
  pair.server.streams.handle("first", async (_session, incoming) => {
    for await (const _frame of incoming) break;
  });
  const stream = await pair.run(pair.client.session.createStream("first"));
  const sending = (async () => {
    for (;;) await stream.send(new Uint8Array(50_000));
  })();
  const failure = await pair.run(failureOf(sending));
  assert.deepEqual([failure.code, failure.remote], ["CANCELLED", true]);
  assert.match(failure.message, /stopped reading/);
  assert.equal(await pair.run(failureOf(stream.closed)), failure);
});

testOverMemory(
  "A handler that fails is logged, and its sender gets INTERNAL, or what was thrown on purpose",
  {},
  async (pair) => {
    pair.server.streams
      .handle("fault", () => {
        throw new Error("a secret");
      })
      .handle("purpose", async (_session, incoming) => {
        for await (const _frame of incoming) throw new Failure("PERMISSION_DENIED", "Not yours");
      });
    const fault = await pair.run(pair.client.session.createStream("fault"));
    const failure = await pair.run(failureOf(fault.end()));
    assert.deepEqual([failure.code, failure.message.includes("secret")], ["INTERNAL", false]);
    const purpose = await pair.run(pair.client.session.createStream("purpose"));
    await pair.run(purpose.send("x"));
    const denied = await pair.run(failureOf(purpose.end()));
    assert.equal(denied.code, "PERMISSION_DENIED");
    assert.match(denied.message, /Not yours/);
    assert.deepEqual(pair.server.records.map((record) => (record.error as Error).message), ["a secret"]);
  },
);

testOverMemory("end waits for the handler, not only for its frames", {}, async (pair) => {
  const gate = deferred();
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const _frame of incoming);
    await gate.promise;
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  await pair.run(stream.send("x"));
  let ended = false;
  const ending = stream.end().then(() => void (ended = true));
  await pair.clock.advance(100);
  assert.ok(!ended);
  gate.resolve();
  await pair.run(ending);
});

testOverMemory("A handler may pass its stream on to somebody who reads it later", {}, async (pair) => {
  let frames = 0;
  pair.server.streams.handle("passed", (_session, incoming) => {
    void (async () => {
      for await (const _frame of incoming) frames++;
    })();
  });
  pair.server.streams.handle("dropped", () => {});
  const passed = await pair.run(pair.client.session.createStream("passed"));
  await pair.run(passed.send("x"));
  await pair.run(passed.end());
  assert.equal(frames, 1);
  const dropped = await pair.run(pair.client.session.createStream("dropped"));
  assert.equal((await pair.run(failureOf(dropped.end()))).code, "CANCELLED");
});

testSessions("A stream its sender gives up throws at its reader, after the frames that came", {}, async (pair) => {
  const outcome = deferred<string>();
  const first = deferred();
  pair.server.streams.handle("s", async (_session, incoming) => {
    try {
      for await (const _frame of incoming) first.resolve();
    } catch (error) {
      outcome.resolve(`${(error as EchoStreamError).code} ${incoming.signal.aborted}`);
      throw error;
    }
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  await pair.run(stream.send("x"));
  await pair.run(first.promise);
  stream.abort();
  assert.equal(await pair.run(outcome.promise), "CANCELLED true");
  assert.equal((await failureOf(stream.closed)).code, "CANCELLED");
  assert.equal((await failureOf(stream.send("y"))).code, "CANCELLED");
  assert.deepEqual(pair.server.records, []);
});

testSessions("When the connection ends, readers and senders of streams learn it", {}, async (pair) => {
  const outcome = deferred<string>();
  pair.server.streams.handle("s", async (_session, incoming) => {
    try {
      for await (const _frame of incoming);
    } catch (error) {
      outcome.resolve((error as EchoStreamError).code);
    }
  });
  const stream = await pair.run(pair.client.session.createStream("s"));
  await pair.run(stream.send("x"));
  await pair.until(() => pair.server.session.stats.streamsReceived === 1);
  await pair.run(pair.client.session.close("", { graceMs: 0 }));
  assert.equal(await pair.run(outcome.promise), "UNAVAILABLE");
  assert.equal((await failureOf(stream.end())).code, "UNAVAILABLE");
});

testOverMemory("Streams above the limit are refused", { limits: { maxIncomingStreams: 2 } }, async (pair) => {
  pair.server.streams.handle("s", async (_session, incoming) => {
    for await (const _frame of incoming);
  });
  const streams = [];
  for (let n = 0; n < 3; n++) streams.push(await pair.run(pair.client.session.createStream("s")));
  assert.equal((await pair.run(failureOf(streams[2]!.end()))).code, "RESOURCE_EXHAUSTED");
  await pair.run(streams[0]!.end());
  await pair.run(streams[1]!.end());
  await pair.run((await pair.run(pair.client.session.createStream("s"))).end());
});

testOverMemory("createStream refuses what cannot be a stream", {}, async (pair) => {
  const { session } = pair.client;
  await assert.rejects(session.createStream(""), TypeError);
  await assert.rejects(session.createStream("s", { clockRate: 0 }), RangeError);
  await assert.rejects(session.createStream("s", { metadata: { large: "x".repeat(20_000) } }), {
    code: "INVALID_ARGUMENT",
  });
  assert.equal(session.stats.streamsOpened, 0);
});

testOverMemory(
  "Metadata of a stream may be as large as the limit says",
  { network: { bandwidthBytesPerS: 100_000 } },
  async (pair) => {
    let length = 0;
    pair.server.streams.handle("s", async (_session, incoming) => {
      length = incoming.metadata[0]![1].length;
      for await (const _frame of incoming);
    });
    const stream = await pair.run(pair.client.session.createStream("s", { metadata: { large: "x".repeat(16_300) } }));
    await pair.run(stream.send("x"));
    await pair.run(stream.end());
    assert.equal(length, 16_300);
  },
);
