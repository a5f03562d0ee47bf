/**
 * Frames that overtook the header of their media stream: kept for a short time, and not too many of them
 * (docs/protocol.md, "Deliveries").
 *
 * @module
 */

import { CallbackDeadline, type TimerQueue } from "../timer_queue.ts";
import type { LossyIntake } from "./lossy_intake.ts";
import type { UnitReader } from "./unit_reader.ts";

/** What waits for headers on one connection. */
export class EarlyMedia {
  readonly #timers: TimerQueue;
  readonly #nowUs: () => number;
  readonly #deadline: CallbackDeadline;
  // In order of arrival.
  #waiting: Waiting[] = [];
  #datagramBytes = 0;

  /** @param nowUs Local time. */
  constructor(timers: TimerQueue, nowUs: () => number) {
    this.#timers = timers;
    this.#nowUs = nowUs;
    this.#deadline = new CallbackDeadline(() => this.#expire());
  }

  /** Units and datagrams that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Keep a stream that carries frames. What it has not delivered stays with its sender. */
  addUnit(mediaStreamId: number, unit: UnitReader): void {
    this.#add({ mediaStreamId, sinceUs: this.#nowUs(), unit });
  }

  /** Keep a datagram, copied. */
  addDatagram(mediaStreamId: number, datagram: Uint8Array, start: number, arrivalUs: number): void {
    this.#datagramBytes += datagram.length;
    this.#add({ mediaStreamId, sinceUs: this.#nowUs(), bytes: datagram.slice(), start, arrivalUs });
    while (this.#datagramBytes > MAX_DATAGRAM_BYTES) this.#drop(this.#waiting.findIndex((one) => "bytes" in one));
  }

  /** The header came: give what waited for it to `intake`, or drop it when nobody takes the stream. */
  release(mediaStreamId: number, intake: LossyIntake | undefined): void {
    if (this.#waiting.length === 0) return;
    const released = this.#waiting.filter((one) => one.mediaStreamId === mediaStreamId);
    if (released.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => one.mediaStreamId !== mediaStreamId);
    for (const one of released) {
      if ("unit" in one) {
        if (intake === undefined) one.unit.refuse();
        else one.unit.begin(intake);
      } else {
        this.#datagramBytes -= one.bytes.length;
        intake?.fragments?.onDatagram(one.bytes, one.start, one.arrivalUs);
      }
    }
  }

  /** The connection is gone. */
  clear(): void {
    this.#timers.remove(this.#deadline);
    this.#waiting = [];
    this.#datagramBytes = 0;
  }

  #add(one: Waiting): void {
    this.#waiting.push(one);
    if (this.#waiting.length > MAX_WAITING) this.#drop(0);
    if (this.#deadline.nextDeadline === undefined) this.#timers.add(this.#deadline, MAX_AGE_MS);
  }

  #drop(at: number): void {
    const [one] = this.#waiting.splice(at, 1);
    if (one === undefined) return;
    if ("unit" in one) one.unit.refuse();
    else this.#datagramBytes -= one.bytes.length;
  }

  #expire(): void {
    const beforeUs = this.#nowUs() - MAX_AGE_MS * 1000;
    while (this.#waiting.length > 0 && this.#waiting[0]!.sinceUs <= beforeUs) this.#drop(0);
    const oldest = this.#waiting[0];
    if (oldest !== undefined) this.#timers.add(this.#deadline, (oldest.sinceUs - beforeUs) / 1000);
  }
}

type Waiting =
  & { readonly mediaStreamId: number; readonly sinceUs: number }
  & ({ readonly unit: UnitReader } | {
    readonly bytes: Uint8Array;
    readonly start: number;
    readonly arrivalUs: number;
  });

/** A header is resent after a probe timeout or two; what waits longer waits in vain. */
const MAX_AGE_MS = 2_000;
/** Units hold 16 KiB each before anybody grants more. */
const MAX_WAITING = 256;
const MAX_DATAGRAM_BYTES = 1024 * 1024;
