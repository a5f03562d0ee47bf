/**
 * The true offset between the clocks of two processes of one machine, for judging an estimate: one shows its clock to whoever asks on a
 * direct path, and each answer bounds the offset from both sides.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";

/** Narrows an offset down; both clocks run at the same speed, so every exchange counts for good. All in microseconds. */
export class TrueOffset {
  #least = -Infinity;
  #most = Infinity;

  /** One exchange: asked at `askedUs`, the other's clock showed `remoteUs`, answered at `answeredUs`. */
  insert(askedUs: number, remoteUs: number, answeredUs: number): void {
    this.#least = Math.max(this.#least, remoteUs - answeredUs);
    this.#most = Math.min(this.#most, remoteUs - askedUs);
  }

  /** The other's clock minus ours; `NaN` before the first exchange. */
  get offsetUs(): number {
    return (this.#least + this.#most) / 2;
  }

  /** The offset is known to within this. */
  get errorUs(): number {
    return Math.abs(this.#most - this.#least) / 2;
  }
}

/** Show this process's clock; resolves with the port to ask on and what ends it. */
export async function showClock(): Promise<{ readonly port: number; readonly close: () => void }> {
  const socket = await openSocket();
  // The question comes back with the answer, so that a late answer cannot be taken for that of another question.
  socket.on("message", (question, { port }) => {
    socket.send(stamps(stampIn(question, 0), nowUs()), port, HOST, () => {});
  });
  return { port: socket.address().port, close: () => socket.close() };
}

/**
 * Ask the clock on `port`, at first at once after each answer, which finds both processes awake and fast, then every `intervalMs`, until what is
 * returned is called.
 */
export async function watchClock(
  port: number,
  offset: Pick<TrueOffset, "insert">,
  intervalMs: number,
): Promise<() => void> {
  const socket = await openSocket();
  const ask = (): void => socket.send(stamps(nowUs()), port, HOST, () => {});
  let rest = BURST_EXCHANGES;
  socket.on("message", (answer) => {
    offset.insert(stampIn(answer, 0), stampIn(answer, 1), nowUs());
    if (--rest > 0) ask();
  });
  ask();
  const timer = setInterval(ask, intervalMs);
  return () => {
    clearInterval(timer);
    socket.close();
  };
}

function openSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, HOST, () => resolve(socket));
  });
}

function stamps(...valuesUs: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.of(...valuesUs).buffer);
}

function stampIn(bytes: Uint8Array, index: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8 * index, true);
}

function nowUs(): number {
  return performance.now() * 1000;
}

const HOST = "127.0.0.1";
const BURST_EXCHANGES = 1_000;
