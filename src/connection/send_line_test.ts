import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionPair } from "../../tests/support/connection_pair.ts";
import { SendLine } from "./send_line.ts";

/** A line in front of a stream that sends `itemBytes` for each number given, slowly. */
async function slowLine(itemBytes: number, mayWrite?: () => boolean) {
  const { clock, client, server } = await connectionPair({ network: { bandwidthBytesPerS: 1_000_000 } });
  const stream = client.openUnidirectional();
  const written: number[] = [];
  const write = (item: number): void => {
    written.push(item);
    stream.write(new Uint8Array(itemBytes).fill(9));
  };
  const line = new SendLine<number>(stream, write, mayWrite === undefined ? {} : { mayWrite });
  return { clock, client, server, stream, line, written };
}

test("SendLine writes at once while the stream has room", async () => {
  const { line, written } = await slowLine(10);
  const sent = [1, 2, 3].map((item) => line.submit(item));
  assert.deepEqual([written, line.length], [[1, 2, 3], 0]);
  await Promise.all(sent);
});

test("SendLine keeps the order of what waits, and of what comes later", async () => {
  const { clock, line, written, server } = await slowLine(200_000);
  server.handler = {
    ...server.handler!,
    onStream: (receive) => void (receive.sink = { onData: (b) => receive.grant(b.length), onReset() {} }),
  };
  const order: number[] = [];
  const submit = (item: number): Promise<void> => line.submit(item).then(() => void order.push(item));
  const sent = [0, 1, 2, 3, 4].map(submit);
  assert.ok(line.length > 0 && !line.free);
  await clock.advance(250);
  sent.push(...[5, 6].map(submit));
  await clock.run(Promise.all(sent));
  assert.deepEqual([order, written], [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]]);
});

test("SendLine waits for its owner's condition until it is resumed", async () => {
  let may = true;
  const { line, written } = await slowLine(10, () => may);
  await line.submit(1);
  may = false;
  const waiting = line.submit(2);
  assert.deepEqual([line.free, line.length], [false, 1]);
  may = true;
  line.resume();
  await waiting;
  assert.deepEqual(written, [1, 2]);
});

test("SendLine refuses who waits and who comes later once it failed", async () => {
  let may = false;
  const { line, written } = await slowLine(10, () => may);
  const waiting = line.submit(1);
  const failure = new Error("over");
  line.fail(failure);
  line.fail(new Error("later"));
  may = true;
  await assert.rejects(waiting, failure);
  await assert.rejects(line.submit(2), failure);
  assert.deepEqual(written, []);
});

test("SendLine fails with its stream", async () => {
  const { clock, client, line } = await slowLine(400_000);
  const sent = [1, 2, 3].map((item) => line.submit(item).then(() => "sent", (error) => error.code));
  await clock.run(client.close());
  assert.deepEqual(await Promise.all(sent), ["sent", "UNAVAILABLE", "UNAVAILABLE"]);
});
