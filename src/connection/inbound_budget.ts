/**
 * What one connection may hold of bytes that arrived and are not handled yet. Credit for a large message is given only when its
 * last byte is paid for, in order of arrival, so that some message always completes and both sides never wait for ever.
 *
 * @module
 */

/** Inbound bytes of a connection. */
export class InboundBudget {
  readonly #limitBytes: number;
  #heldBytes = 0;
  // In order of arrival; made when the first one asks.
  #waiting: Set<Reservation> | undefined;

  /** @param limitBytes What may be reserved in all, at least the largest single reservation. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes reserved or held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Count bytes that are here already and cannot be refused; pair with {@link release}. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /**
   * Ask for room. `onReserved` is called now when there is enough and nobody waits, otherwise when others have released enough.
   * One that is no longer wanted is given back with {@link cancel}, a granted one with {@link release}.
   */
  reserve(bytes: number, onReserved: () => void): Reservation {
    const reservation: Reservation = { bytes, onReserved };
    (this.#waiting ??= new Set()).add(reservation);
    this.#serve();
    return reservation;
  }

  /** Take back a reservation, granted or not. */
  cancel(reservation: Reservation): void {
    if (this.#waiting?.delete(reservation)) this.#serve();
    else this.release(reservation.bytes);
  }

  /** Give room back. */
  release(bytes: number): void {
    this.#heldBytes -= bytes;
    if (this.#waiting !== undefined && this.#waiting.size > 0) this.#serve();
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (const reservation of waiting) {
      if (this.#heldBytes + reservation.bytes > this.#limitBytes && this.#heldBytes > 0) return;
      waiting.delete(reservation);
      this.#heldBytes += reservation.bytes;
      reservation.onReserved();
    }
  }
}

/** Room that was asked for. */
export interface Reservation {
  readonly bytes: number;
  readonly onReserved: () => void;
}
