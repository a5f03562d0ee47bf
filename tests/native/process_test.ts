import assert from "node:assert/strict";
import { test } from "node:test";
import { isCompiled } from "../support/repository.ts";
import { runText } from "../support/run_script.ts";

const extension = isCompiled ? "js" : "ts";

/** Programs share this beginning: an echo server, and a client that keeps sixteen messages in flight. */
const PRELUDE = `
import { nativeTransport } from "../src/connection/native.${extension}";
import { DEFAULT_TRANSPORT_TUNING } from "../src/connection/options.${extension}";
const options = { ...DEFAULT_TRANSPORT_TUNING, messageStreamKind: 0x4d, expiredStreamCode: 0x25 };
const nothing = {
  onEstablished() {}, onOpened() {}, onData() {}, onReset() {}, onStopped() {}, onWritten() {}, onExpired() {}, onDelivered() {},
  onMessagesSent() {}, onDatagram() {}, onDatagramSent() {}, onClosed() {},
};
const transport = await nativeTransport();
const message = new Uint8Array(64);
async function start(onClientData, onServerClosed = () => {}) {
  const listener = await transport.listen(
    { ...options, address: { address: "127.0.0.1", port: 0 }, identity: undefined },
    (connection) => ({ ...nothing, onData: () => connection.sendMessage(message), onClosed: onServerClosed }),
  );
  const client = transport.dial(
    { ...options, address: listener.address, serverName: "localhost", verification: { kind: "development" } },
    {
      ...nothing,
      onEstablished() {
        for (let index = 0; index < 16; index++) client.sendMessage(message);
      },
      onData: () => onClientData(client),
    },
  );
  return { listener, client };
}
`;

test("Native transport lets a program end once everything is closed", async () => {
  const { code, output } = await runText(
    "native_exit",
    `${PRELUDE}
    const { listener } = await start((client) => client.close(7, "done"), async (close) => {
      console.log(close.by, close.code, close.reason);
      await listener.close();
      console.log("closed");
    });
    `,
    { permissions: ["--allow-ffi"] },
  );
  assert.equal(output, "remote 7 done\nclosed\n");
  assert.equal(code, 0);
});

test("Native transport lets a program end that does not wait for it", async () => {
  const { code, output } = await runText(
    "native_unref",
    `${PRELUDE}
    await new Promise((resolve) => start(resolve));
    transport.setReferenced(false);
    console.log("open");
    `,
    { permissions: ["--allow-ffi"] },
  );
  assert.equal(output, "open\n");
  assert.equal(code, 0);
});

test("Native transport survives workers that are terminated in the middle of traffic", async () => {
  const { code, output } = await runText(
    "native_worker",
    `import { isMainThread, parentPort, Worker } from "node:worker_threads";
    ${PRELUDE}
    if (isMainThread) {
      for (let round = 0; round < 5; round++) {
        const worker = new Worker(new URL(import.meta.url));
        await new Promise((resolve) => worker.once("message", resolve));
        await worker.terminate();
      }
      console.log("terminated");
    } else {
      let answers = 0;
      await start((client) => {
        client.sendMessage(message);
        if (++answers === 100) parentPort.postMessage("busy");
      });
    }
    `,
  );
  assert.equal(output, "terminated\n");
  assert.equal(code, 0);
});
