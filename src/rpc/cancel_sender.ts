/**
 * Tells the peer of calls nobody waits for any more, no faster than a peer allows: above that rate it would close the connection
 * (docs/security.md, rapid reset).
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import { encodeCancel } from "../protocol/message.ts";
import { Writer } from "../protocol/writer.ts";
import { Deadline } from "../timer_queue.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Sends CANCEL for one connection. What exceeds the rate follows when there is room for it. */
export class CancelSender extends Deadline {
  readonly #connection: Connection;
  readonly #bucket: TokenBucket;
  #queue: number[] = [];

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
    this.#bucket = new TokenBucket(CANCELS_PER_S, CANCELS_BURST, connection.clock.nowUs());
  }

  /** Tell the peer, now or soon. */
  send(callId: number): void {
    this.#queue.push(callId);
    if (this.#queue.length === 1) this.#flush();
  }

  /** Drop what has not been sent: the connection is gone. */
  end(): void {
    this.#queue = [];
    this.#connection.timers.remove(this);
  }

  override expire(): void {
    this.#flush();
  }

  #flush(): void {
    const nowUs = this.#connection.clock.nowUs();
    let sent = 0;
    while (sent < this.#queue.length && this.#bucket.take(nowUs)) {
      writer.reset();
      encodeCancel(writer, this.#queue[sent++]!);
      this.#connection.sendMessage(writer.view());
    }
    this.#queue.splice(0, sent);
    if (this.#queue.length > 0) this.#connection.timers.add(this, Math.max(MIN_PAUSE_MS, this.#bucket.waitMs(nowUs)));
  }
}

const writer = new Writer(16);
// Nine tenths of what docs/security.md allows a peer, because the network may push ours together.
const CANCELS_PER_S = 900;
const CANCELS_BURST = 1_800;
/** Many cancels for one wake-up. */
const MIN_PAUSE_MS = 10;
