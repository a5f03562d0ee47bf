/**
 * What a program may say about one event.
 *
 * @module
 */

/** Options of `emit`. */
export interface EmitOptions {
  /**
   * `"reliable"`: in order, acknowledged, waiting for room. `"datagram"`: volatile, at most once, possibly late or lost, never waiting, and no
   * larger than a datagram. Default `"reliable"`.
   */
  readonly delivery?: "reliable" | "datagram";
}

/** Whether an event is volatile. @throws {TypeError} when the delivery is none. */
export function isVolatile({ delivery = "reliable" }: EmitOptions): boolean {
  if (delivery !== "reliable" && delivery !== "datagram") {
    throw new TypeError(`Delivery is "${String(delivery)}", expected reliable or datagram`);
  }
  return delivery === "datagram";
}
