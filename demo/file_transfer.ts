/**
 * Sends a file through a stream and checks that what arrived is what was read.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import type { RpcClient } from "../mod.ts";
import { bar, bytesText } from "./screen.ts";
import type { FileReceipt, server } from "./service.ts";

/** Large enough that a frame's cost does not count, small enough that the bar moves. */
const FRAME_BYTES = 64 * 1024;

/** Read, hash and send the file at `path`; resolves with the receipt of the server once it matches. */
export async function sendFile(client: RpcClient<typeof server>, path: string): Promise<FileReceipt> {
  const receipt = new Promise<FileReceipt>((resolve) => client.on("file.received", resolve));
  const source = await open(path);
  const hash = createHash("sha256");
  try {
    const { size } = await source.stat();
    const name = basename(path);
    const stream = await client.createStream("file", { metadata: { name } });
    const progress = bar(`${name}, ${bytesText(size)}`, size);
    const startedMs = performance.now();
    const buffer = new Uint8Array(FRAME_BYTES);
    for (let sentBytes = 0; sentBytes < size;) {
      const { bytesRead } = await source.read(buffer, 0, FRAME_BYTES);
      assert.notEqual(bytesRead, 0, `${path} became shorter while it was read`);
      const frame = buffer.subarray(0, bytesRead);
      hash.update(frame);
      await stream.send(frame);
      sentBytes += bytesRead;
      progress(sentBytes, `${bytesText((sentBytes / (performance.now() - startedMs)) * 1000)}/s`);
    }
    await stream.end();
    const received = await receipt;
    assert.deepEqual(received, { name, bytes: size, sha256: hash.digest("hex") });
    return received;
  } finally {
    await source.close();
  }
}
