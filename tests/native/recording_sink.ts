/**
 * A sink that keeps what it is told, and lets a test wait for it.
 *
 * @module
 */

import type { ConnectionSink, StreamId, TransportClose, TransportConnection } from "../../src/connection/transport.ts";

/** What arrived on one stream. */
export interface ReceivedStream {
  bytes: number[];
  /** Events it took. */
  events: number;
  finished: boolean;
  resetCode: number | undefined;
  stoppedCode: number | undefined;
  /** Of the last data. */
  arrivalUs: number;
}

/** Keeps everything; a test may replace `onStreamData` to act on data as it comes. */
export class RecordingSink implements ConnectionSink {
  connection: TransportConnection | undefined;
  established = false;
  closed: TransportClose | undefined;
  readonly streams = new Map<StreamId, ReceivedStream>();
  readonly opened: StreamId[] = [];
  readonly expired: StreamId[] = [];
  readonly delivered: StreamId[] = [];
  readonly written = new Map<StreamId, number>();
  messagesSentBytes = 0;
  readonly datagrams: { readonly bytes: Uint8Array; readonly arrivalUs: number }[] = [];
  readonly departures = new Map<number, number>();
  /** Called with each piece of data, after it was counted. */
  onStreamData: ((stream: StreamId, bytes: Uint8Array, finished: boolean) => void) | undefined;
  /** Whether data is kept, or only counted in `receivedBytes`. */
  keepsData = true;
  receivedBytes = 0;
  #waiting: { readonly condition: () => boolean; readonly resolve: () => void }[] = [];

  /** Resolves once `condition` holds. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }));
  }

  /** Resolves with the reason once the connection has ended. */
  async ended(): Promise<TransportClose> {
    await this.until(() => this.closed !== undefined);
    return this.closed!;
  }

  /** What arrived on `stream` so far. */
  stream(stream: StreamId): ReceivedStream {
    let received = this.streams.get(stream);
    if (received === undefined) {
      received = { bytes: [], events: 0, finished: false, resetCode: undefined, stoppedCode: undefined, arrivalUs: 0 };
      this.streams.set(stream, received);
    }
    return received;
  }

  onEstablished(): void {
    this.established = true;
    this.#check();
  }

  onOpened(stream: StreamId): void {
    this.opened.push(stream);
    this.#check();
  }

  onData(stream: StreamId, bytes: Uint8Array, finished: boolean, arrivalUs: number): void {
    this.receivedBytes += bytes.length;
    if (this.keepsData) {
      const received = this.stream(stream);
      received.bytes.push(...bytes);
      received.events++;
      received.finished ||= finished;
      received.arrivalUs = arrivalUs;
    }
    this.onStreamData?.(stream, bytes, finished);
    this.#check();
  }

  onReset(stream: StreamId, code: number): void {
    this.stream(stream).resetCode = code;
    this.#check();
  }

  onStopped(stream: StreamId, code: number): void {
    this.stream(stream).stoppedCode = code;
    this.#check();
  }

  onExpired(stream: StreamId): void {
    this.expired.push(stream);
    this.#check();
  }

  onDelivered(stream: StreamId): void {
    this.delivered.push(stream);
    this.#check();
  }

  onWritten(stream: StreamId, bytes: number): void {
    this.written.set(stream, (this.written.get(stream) ?? 0) + bytes);
    this.#check();
  }

  onMessagesSent(bytes: number): void {
    this.messagesSentBytes += bytes;
    this.#check();
  }

  onDatagram(bytes: Uint8Array, arrivalUs: number): void {
    this.datagrams.push({ bytes: bytes.slice(), arrivalUs });
    this.#check();
  }

  onDatagramSent(id: number, departureUs: number): void {
    this.departures.set(id, departureUs);
    this.#check();
  }

  onClosed(close: TransportClose): void {
    this.closed = close;
    this.#check();
  }

  #check(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = waiting.filter(({ condition, resolve }) => {
      if (!condition()) return true;
      resolve();
      return false;
    });
  }
}
