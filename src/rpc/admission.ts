/**
 * How many handlers may run at once, for one connection and for the whole process (docs/security.md). A call over the limit
 * waits its turn; a call over the limit of those waiting is refused. A slot is free again only when the handler has ended:
 * a caller that cancels cannot start another one meanwhile.
 *
 * @module
 */

/** Something that waits for a slot. */
export interface Admitted {
  /** The slot is yours; {@link Admission.leave} when done. */
  run(): void;
}

/** Where answers go. */
export interface Outlet {
  /** Whether more should be sent. */
  readonly writable: boolean;
}

/** What one {@link Admission.enter} came to. */
export type Entry = "run" | "waiting" | "refused";

/** The slots of a process, shared by its connections. */
export class ProcessAdmission {
  /** Handlers that may run at once in this process. */
  readonly maxRunning: number;
  /** Handlers running now. */
  running = 0;
  /** Calls waiting now, over all connections. */
  waiting = 0;
  // In the order in which connections began to wait; who was served goes to the end, so that none starves.
  readonly #queue = new Set<Admission>();

  /** @param maxRunning Default 10,000 (docs/security.md). */
  constructor(maxRunning = 10_000) {
    this.maxRunning = maxRunning;
  }

  /** @internal An admission has calls waiting. */
  enqueue(admission: Admission): void {
    this.#queue.add(admission);
  }

  /** @internal An admission has none waiting any more. */
  dequeue(admission: Admission): void {
    this.#queue.delete(admission);
  }

  /** @internal Hand free slots to whoever waits, one each in turn. */
  serve(): void {
    // Bounded by one round without success: connections at their own limit stay in the queue.
    let passedOver = 0;
    while (this.running < this.maxRunning && passedOver < this.#queue.size) {
      const [admission] = this.#queue;
      if (admission === undefined) return;
      this.#queue.delete(admission);
      if (admission.serveOne()) passedOver = 0;
      else passedOver++;
      if (admission.waiting > 0) this.#queue.add(admission);
    }
  }
}

/** The slots of one connection. Closed until {@link open}: until then every call waits. */
export class Admission {
  readonly #process: ProcessAdmission;
  readonly #maxRunning: number;
  readonly #outlet: Outlet;
  // A Set keeps order and lets a waiting call leave from the middle at no cost. Made when the first one waits.
  #queue: Set<Admitted> | undefined;
  #running = 0;
  #open = false;

  /**
   * @param maxRunning Handlers that may run at once; as many may wait.
   * @param outlet Where what handlers return goes; call {@link resume} when it is writable again.
   */
  constructor(process: ProcessAdmission, maxRunning: number, outlet: Outlet = ALWAYS_WRITABLE) {
    this.#process = process;
    this.#maxRunning = maxRunning;
    this.#outlet = outlet;
  }

  /** Handlers running now. */
  get running(): number {
    return this.#running;
  }

  /** Calls waiting now. */
  get waiting(): number {
    return this.#queue?.size ?? 0;
  }

  /** Let calls run from now on, those that waited first. */
  open(): void {
    this.#open = true;
    this.resume();
  }

  /** Let calls wait again. */
  shut(): void {
    this.#open = false;
  }

  /** There may be room again for those that wait. */
  resume(): void {
    if (this.waiting > 0) this.#process.serve();
  }

  /** Ask for a slot: taken at once (`"run"`), later by a call of `run` (`"waiting"`), or not at all (`"refused"`). */
  enter(call: Admitted): Entry {
    const process = this.#process;
    if (this.waiting === 0 && this.#mayRun() && process.running < process.maxRunning) {
      this.#running++;
      process.running++;
      return "run";
    }
    if (this.waiting >= this.#maxRunning || process.waiting >= process.maxRunning) return "refused";
    (this.#queue ??= new Set()).add(call);
    process.waiting++;
    process.enqueue(this);
    return "waiting";
  }

  /** Give a slot back: the handler has ended. */
  leave(): void {
    this.#running--;
    this.#process.running--;
    if (this.#process.waiting > 0) this.#process.serve();
  }

  /** Leave the queue before it was this call's turn. */
  withdraw(call: Admitted): boolean {
    if (this.#queue === undefined || !this.#queue.delete(call)) return false;
    this.#process.waiting--;
    if (this.#queue.size === 0) this.#process.dequeue(this);
    return true;
  }

  /** @internal Start the first of those waiting, if the limit of this connection allows. */
  serveOne(): boolean {
    const queue = this.#queue;
    if (queue === undefined || !this.#mayRun()) return false;
    const [call] = queue;
    if (call === undefined) return false;
    queue.delete(call);
    this.#process.waiting--;
    this.#running++;
    this.#process.running++;
    call.run();
    return true;
  }

  #mayRun(): boolean {
    return this.#open && this.#running < this.#maxRunning && this.#outlet.writable;
  }
}

const ALWAYS_WRITABLE: Outlet = { writable: true };
