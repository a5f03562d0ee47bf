import assert from "node:assert/strict";
import { test } from "node:test";
import { cbor } from "../rpc/schema.ts";
import { RpcServer } from "../server/server.ts";
import { createMemoryPair } from "../testing.ts";
import { VirtualClock } from "../virtual_clock.ts";
import { type Metrics, metrics } from "./metrics.ts";

async function measured(calls: Metrics, clock: VirtualClock, methods: readonly string[]): Promise<void> {
  const builder = RpcServer.builder()
    .options({ log: () => {} })
    .use(calls)
    .handler("wait", cbor<number>(), (session, ms) => new Promise<void>((resolve) => session.after(ms, resolve)))
    .handler('odd "name"\\', cbor<number>(), () => 1)
    .handler("count", cbor<number>(), async function* (_session, to) {
      for (let n = 0; n < to; n++) yield n;
    });
  const { client, close } = await createMemoryPair(builder, { clock });
  for (const method of methods) {
    if (method !== "count") await clock.run(client.session.request(method, 3).catch(() => {}));
    else {await clock.run((async () => {
        for await (const _item of client.session.requestStream(method, 3));
      })());}
  }
  await clock.advance(10);
  await close();
}

test("metrics counts calls by method and status, with durations in buckets", async () => {
  const clock = new VirtualClock();
  const calls = metrics({ bucketsMs: [1, 5], clock });
  await measured(calls, clock, ["wait", "wait", "count", "no", "other no"]);
  assert.equal(calls.running, 0);
  assert.deepEqual(calls.snapshot(), [
    {
      direction: "incoming",
      method: "wait",
      code: "OK",
      count: 2,
      totalMs: 6,
      buckets: [{ upToMs: 1, count: 0 }, { upToMs: 5, count: 2 }],
      answers: 2,
    },
    {
      direction: "incoming",
      method: "count",
      code: "OK",
      count: 1,
      totalMs: 0,
      buckets: [{ upToMs: 1, count: 1 }, { upToMs: 5, count: 1 }],
      answers: 3,
    },
    {
      direction: "incoming",
      method: "other",
      code: "UNIMPLEMENTED",
      count: 2,
      totalMs: 0,
      buckets: [{ upToMs: 1, count: 2 }, { upToMs: 5, count: 2 }],
      answers: 0,
    },
  ]);
});

test("metrics speaks the text format of Prometheus", async () => {
  const clock = new VirtualClock();
  const calls = metrics({ bucketsMs: [1, 5], clock });
  await measured(calls, clock, ["wait", 'odd "name"\\']);
  const lines = calls.prometheus().split("\n");
  assert.deepEqual(lines.filter((line) => line.startsWith("# TYPE")), [
    "# TYPE echostream_calls_running gauge",
    "# TYPE echostream_answers_total counter",
    "# TYPE echostream_call_duration_seconds histogram",
  ]);
  const wait = 'direction="incoming",method="wait",code="OK"';
  for (
    const line of [
      `echostream_call_duration_seconds_bucket{${wait},le="0.001"} 0`,
      `echostream_call_duration_seconds_bucket{${wait},le="0.005"} 1`,
      `echostream_call_duration_seconds_bucket{${wait},le="+Inf"} 1`,
      `echostream_call_duration_seconds_sum{${wait}} 0.003`,
      `echostream_call_duration_seconds_count{${wait}} 1`,
      String.raw`echostream_answers_total{direction="incoming",method="odd \"name\"\\",code="OK"} 1`,
    ]
  ) assert.ok(lines.includes(line), line);
  assert.equal(lines.at(-1), "");
});

test("Beyond the limit of names methods share one", async () => {
  const clock = new VirtualClock();
  const calls = metrics({ maxMethods: 1, clock });
  await measured(calls, clock, ["wait", "count", "wait"]);
  assert.deepEqual(calls.snapshot().map(({ method, count }) => [method, count]), [["wait", 2], ["other", 1]]);
  assert.throws(() => metrics({ maxMethods: 0 }), RangeError);
  for (const bucketsMs of [[0], [2, 1], [NaN], [Infinity]]) assert.throws(() => metrics({ bucketsMs }), RangeError);
});
