/**
 * Any number of deadlines on one timer of a {@link Clock}: adding and removing cost the same whether ten or a million wait, and
 * allocate nothing, because the deadline itself is the list node. A hashed timing wheel (Varghese and Lauck 1987, scheme 6).
 *
 * @module
 */

import { type Clock, type Timer } from "./clock.ts";

/** Something that expires unless it is removed first. Extend it with what the expiry needs. */
export abstract class Deadline {
  /** When it expires on the queue's clock, in microseconds; meaningful while it waits. */
  dueUs = 0;
  /** Neighbours in the wheel, owned by the queue; `undefined` while it waits in none. */
  nextDeadline: Deadline | undefined = undefined;
  /** See {@link nextDeadline}. */
  previousDeadline: Deadline | undefined = undefined;

  /** Called once, from a timer, at or after {@link dueUs}. Must not throw; may add and remove deadlines. */
  abstract expire(): void;
}

/** A deadline that is nothing but what to do when it expires. */
export class CallbackDeadline extends Deadline {
  readonly #onExpired: () => void;

  /** @param onExpired Must not throw. */
  constructor(onExpired: () => void) {
    super();
    this.#onExpired = onExpired;
  }

  override expire(): void {
    this.#onExpired();
  }
}

/** A set of deadlines that expire in order of their due time. */
export class TimerQueue {
  readonly #clock: Clock;
  readonly #slots: Deadline[] = [];
  #size = 0;
  #timer: Timer | undefined;
  #wakeUs = Infinity;

  /** Wait on `clock`; its timer never keeps a process alive. */
  constructor(clock: Clock) {
    this.#clock = clock;
    for (let index = 0; index < SLOT_COUNT; index++) this.#slots.push(new SlotHead());
  }

  /** Deadlines that wait. */
  get size(): number {
    return this.#size;
  }

  /** Let `deadline` expire `delayMs` from now; one that waits already is moved. `nowUs` saves reading the clock again. */
  add(deadline: Deadline, delayMs: number, nowUs: number = this.#clock.nowUs()): void {
    this.remove(deadline);
    const dueUs = nowUs + delayMs * 1000;
    deadline.dueUs = dueUs;
    const head = this.#slots[slotOf(dueUs)]!;
    const tail = head.previousDeadline!;
    deadline.nextDeadline = head;
    deadline.previousDeadline = tail;
    tail.nextDeadline = deadline;
    head.previousDeadline = deadline;
    this.#size++;
    if (dueUs < this.#wakeUs) this.#wakeAt(dueUs, nowUs);
  }

  /** Take `deadline` out; nothing happens when it does not wait. */
  remove(deadline: Deadline): void {
    const next = deadline.nextDeadline;
    if (next === undefined) return;
    const previous = deadline.previousDeadline!;
    previous.nextDeadline = next;
    next.previousDeadline = previous;
    deadline.nextDeadline = undefined;
    deadline.previousDeadline = undefined;
    this.#size--;
    // The timer stays: most deadlines are removed, and restarting a timer each time would cost more than one idle wake-up.
  }

  #wakeAt(dueUs: number, nowUs: number): void {
    this.#timer?.cancel();
    this.#wakeUs = dueUs;
    this.#timer = this.#clock.setTimer(this.#onTimer, Math.max(0, (dueUs - nowUs) / 1000));
  }

  readonly #onTimer = (): void => {
    const nowUs = this.#clock.nowUs();
    const fromUs = this.#wakeUs;
    this.#timer = undefined;
    this.#wakeUs = Infinity;
    if (this.#size === 0) return;
    const due = this.#collectDue(fromUs, nowUs);
    for (const deadline of due) {
      // An earlier expiry may have removed this one, or moved it.
      if (deadline.nextDeadline === undefined || deadline.dueUs > nowUs) continue;
      this.remove(deadline);
      deadline.expire();
    }
    if (this.#size === 0) return;
    const nextUs = this.#earliestUs(nowUs);
    if (nextUs < this.#wakeUs) this.#wakeAt(nextUs, nowUs);
  };

  /** What is due by `nowUs`, in order; nothing was due before `fromUs`. */
  #collectDue(fromUs: number, nowUs: number): Deadline[] {
    const due: Deadline[] = [];
    const slots = Math.min(SLOT_COUNT, Math.floor(nowUs / SLOT_US) - Math.floor(fromUs / SLOT_US) + 1);
    let slot = slotOf(fromUs);
    for (let count = 0; count < slots; count++, slot = (slot + 1) % SLOT_COUNT) {
      const head = this.#slots[slot]!;
      for (let each = head.nextDeadline!; each !== head; each = each.nextDeadline!) {
        if (each.dueUs <= nowUs) due.push(each);
      }
    }
    return due.sort((a, b) => a.dueUs - b.dueUs);
  }

  #earliestUs(nowUs: number): number {
    let earliestUs = Infinity;
    let slot = slotOf(nowUs);
    let slotEndUs = (Math.floor(nowUs / SLOT_US) + 1) * SLOT_US;
    for (let count = 0; count < SLOT_COUNT; count++, slot = (slot + 1) % SLOT_COUNT, slotEndUs += SLOT_US) {
      const head = this.#slots[slot]!;
      for (let each = head.nextDeadline!; each !== head; each = each.nextDeadline!) {
        if (each.dueUs < earliestUs) earliestUs = each.dueUs;
      }
      // Later slots hold nothing of this turn of the wheel that is due sooner.
      if (earliestUs < slotEndUs) break;
    }
    return earliestUs;
  }
}

/** End marker of a slot's ring. */
class SlotHead extends Deadline {
  constructor() {
    super();
    this.nextDeadline = this;
    this.previousDeadline = this;
  }

  override expire(): void {}
}

function slotOf(dueUs: number): number {
  return Math.floor(dueUs / SLOT_US) % SLOT_COUNT;
}

/** Width of a slot; deadlines are exact all the same, it only decides how many share a list. */
const SLOT_US = 16_000;
/** Slots of the wheel: one turn takes about four seconds. */
const SLOT_COUNT = 256;
