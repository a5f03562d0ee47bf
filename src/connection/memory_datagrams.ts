/**
 * Datagrams of a memory connection that wait to leave: more urgent ones first, what is too old or too much dropped.
 *
 * @module
 */

/** A datagram that waits. */
export interface QueuedDatagram {
  readonly bytes: Uint8Array;
  /** Report id, 0 for none. */
  readonly id: number;
  readonly expiryUs: number;
  /** 0 (most urgent) to 7. */
  readonly urgency: number;
}

/** Datagrams by urgency, in the order they were given among equals. */
export class DatagramQueue {
  readonly #byUrgency: QueuedDatagram[][] = Array.from({ length: 8 }, () => []);
  #length = 0;

  /** Queue one. Returns what has to go for it: of the least urgent the oldest; `undefined` when there is room. */
  push(datagram: QueuedDatagram): QueuedDatagram | undefined {
    this.#byUrgency[datagram.urgency]!.push(datagram);
    this.#length++;
    return this.#length > MAX_QUEUED ? this.#shift(this.#byUrgency.findLast(hasAny)) : undefined;
  }

  /** Take the next one to leave. */
  take(): QueuedDatagram | undefined {
    return this.#shift(this.#byUrgency.find(hasAny));
  }

  /** Remove and return what has expired at `nowUs`. */
  purge(nowUs: number): QueuedDatagram[] {
    const expired: QueuedDatagram[] = [];
    for (const [urgency, queue] of this.#byUrgency.entries()) {
      if (!queue.some((datagram) => datagram.expiryUs <= nowUs)) continue;
      expired.push(...queue.filter((datagram) => datagram.expiryUs <= nowUs));
      this.#byUrgency[urgency] = queue.filter((datagram) => datagram.expiryUs > nowUs);
    }
    this.#length -= expired.length;
    return expired;
  }

  /** Forget them all. */
  clear(): void {
    for (const queue of this.#byUrgency) queue.length = 0;
    this.#length = 0;
  }

  #shift(queue: QueuedDatagram[] | undefined): QueuedDatagram | undefined {
    const datagram = queue?.shift();
    if (datagram !== undefined) this.#length--;
    return datagram;
  }
}

function hasAny(queue: readonly QueuedDatagram[]): boolean {
  return queue.length > 0;
}

/** As in the native transport. */
const MAX_QUEUED = 1_024;
