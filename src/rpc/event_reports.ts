/**
 * What a receiver of events tells their sender: which were taken, and which nobody listens to. Told for many events at once.
 *
 * @module
 */

import { Deadline, type TimerQueue } from "../timer_queue.ts";

/** Where reports go. */
export interface EventReportSink {
  /** Every event up to `sequence` was taken. */
  sendEventAck(sequence: number): void;
  /** Nobody listens to `name`: `count` events since the last report, `sequence` the latest. */
  sendEventUnheard(name: string, count: number, sequence: number): void;
}

/** Collects reports: sent for every {@link ACK_EVERY_EVENTS} events, or a short while after the first. */
export class EventReports extends Deadline {
  /** Where they go; another one when the session goes on with another connection. */
  sink: EventReportSink;
  readonly #timers: TimerQueue;
  readonly #unheard = new Map<string, { count: number; sequence: number }>();
  #taken = 0;
  #acked = 0;

  constructor(sink: EventReportSink, timers: TimerQueue) {
    super();
    this.sink = sink;
    this.#timers = timers;
  }

  /** Every event up to `sequence` was taken. */
  taken(sequence: number): void {
    this.#taken = sequence;
    if (this.#taken - this.#acked >= ACK_EVERY_EVENTS) this.flush();
    else this.#schedule();
  }

  /** Nobody listens to this event. */
  unheard(name: string, sequence: number): void {
    // What arrived as no name has none to report.
    if (name === "") return;
    const report = this.#unheard.get(name);
    if (report === undefined) this.#unheard.set(name, { count: 1, sequence });
    else {
      report.count++;
      report.sequence = sequence;
    }
    if (this.#unheard.size >= MAX_COLLECTED_NAMES) this.flush();
    else this.#schedule();
  }

  /** Send what is due now. */
  flush(): void {
    this.#timers.remove(this);
    for (const [name, { count, sequence }] of this.#unheard) this.sink.sendEventUnheard(name, count, sequence);
    this.#unheard.clear();
    if (this.#taken === this.#acked) return;
    this.#acked = this.#taken;
    this.sink.sendEventAck(this.#acked);
  }

  /** Send nothing more: the connection is gone. */
  end(): void {
    this.#timers.remove(this);
    this.#unheard.clear();
    this.#acked = this.#taken;
  }

  override expire(): void {
    this.flush();
  }

  #schedule(): void {
    if (this.nextDeadline === undefined) this.#timers.add(this, ACK_DELAY_MS);
  }
}

/** Far below the events a sender may leave unacknowledged (4,096), so that it never waits for the delay. */
export const ACK_EVERY_EVENTS = 64;
/** Longest time an acknowledgement waits for company: below a QUIC stack's own (25 ms, RFC 9000 §18.2). */
const ACK_DELAY_MS = 10;
/** Unheard names collected before they are reported; a peer chooses them. */
const MAX_COLLECTED_NAMES = 64;
