/**
 * Cancels that overtook their request. Messages have no order, so a CANCEL may arrive first; it is remembered for a bounded time,
 * and no more than a bounded number of them (docs/protocol.md, "CANCEL").
 *
 * @module
 */

/** Remembers call ids that were cancelled before they arrived. */
export class EarlyCancels {
  // Insertion order is time order, so the first entries are the oldest.
  // Made with the first: most connections never see one.
  #arrivedUs: Map<number, number> | undefined;

  /** Ids remembered. */
  get size(): number {
    return this.#arrivedUs?.size ?? 0;
  }

  /** Remember that `callId` was cancelled, forgetting the oldest when there are too many. */
  add(callId: number, nowUs: number): void {
    const remembered = this.#arrivedUs ??= new Map();
    forgetOld(remembered, nowUs);
    remembered.delete(callId);
    remembered.set(callId, nowUs);
    if (remembered.size <= MAX_REMEMBERED) return;
    const [oldest] = remembered.keys();
    remembered.delete(oldest!);
  }

  /** Whether `callId` was cancelled; forgets it, since an id is used once. */
  take(callId: number, nowUs: number): boolean {
    const arrivedUs = this.#arrivedUs?.get(callId);
    if (arrivedUs === undefined) return false;
    this.#arrivedUs!.delete(callId);
    return nowUs - arrivedUs <= REMEMBERED_US;
  }
}

function forgetOld(remembered: Map<number, number>, nowUs: number): void {
  for (const [callId, arrivedUs] of remembered) {
    if (nowUs - arrivedUs <= REMEMBERED_US) return;
    remembered.delete(callId);
  }
}

/** A burst of cancels (docs/security.md: 2,000) fits. */
const MAX_REMEMBERED = 2_048;
/** Longer than a request can trail its cancel on a path that still works: a few retransmission timeouts. */
const REMEMBERED_US = 10_000_000;
