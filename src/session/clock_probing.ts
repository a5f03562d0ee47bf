/**
 * Sends the probes of a session's clock while somebody needs it, takes what comes back, and answers the peer's probes. What is due
 * when is decided by `time_probes.ts`, what the answers mean by `synchronized_clock.ts`. Spec: docs/protocol.md, "Time".
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { TimeProbes } from "../protocol/time_probes.ts";
import { decodeTimeAnswer, decodeTimeProbe, encodeTimeAnswer, encodeTimeProbe } from "../protocol/time_sync.ts";
import { TokenBucket } from "../rpc/token_bucket.ts";
import { Deadline } from "../timer_queue.ts";
import { SessionClock } from "./session_clock.ts";

/** Tells whether a clock is needed. */
export interface MediaFlow {
  /** Whether media streams are open, of either direction. */
  readonly mediaFlows: boolean;
}

/** Both sides of the exchange of time on one session. */
export class ClockProbing extends Deadline {
  readonly #connection: Connection;
  readonly #media: MediaFlow;
  readonly #answers: TokenBucket;
  // Made when they are needed: most sessions of a server never look at their peer's clock.
  #clock: SessionClock | undefined;
  #probes: TimeProbes | undefined;
  #isRead = false;
  #neededUs = -Infinity;
  #probedUs = 0;
  #wallCheckedUs = -Infinity;
  #isOver = false;

  constructor(connection: Connection, media: MediaFlow) {
    super();
    this.#connection = connection;
    this.#media = media;
    this.#answers = new TokenBucket(MAX_ANSWERS_PER_S, MAX_ANSWERS_PER_S, connection.clock.nowUs());
  }

  /** The clock of the peer; from its first use on it is kept up to date. */
  get clock(): SessionClock {
    if (!this.#isRead) {
      this.#isRead = true;
      this.#need(this.#media.mediaFlows);
    }
    return this.#clock!;
  }

  /** Measure the peer's clock once, before anybody needs it. */
  start(): void {
    if (this.#probes !== undefined) return;
    const probes = new TimeProbes(this.#connection.clock.nowUs());
    this.#probes = probes;
    this.#clock = new SessionClock(this.#connection, probes);
    this.#schedule(probes);
  }

  /** A media stream begins, of either direction. */
  mediaBegins(): void {
    this.#need(true);
  }

  /** A probe is due. */
  override expire(): void {
    const probes = this.#probes!;
    const { clock } = this.#connection;
    const nowUs = clock.nowUs();
    const flows = this.#media.mediaFlows;
    if (flows || this.#isRead) this.#neededUs = nowUs;
    if (!probes.isBursting && nowUs - this.#neededUs > LINGER_US) return;
    if (nowUs - this.#wallCheckedUs >= WALL_CHECK_US && clock.wallUs !== undefined) {
      this.#wallCheckedUs = nowUs;
      if (this.#clock!.checkWallClock(clock.wallUs())) probes.restart(nowUs);
    }
    // A burst that lost a probe is not enough; a peer that answers nothing is not asked more often for it.
    probes.setActive(flows || this.#clock!.state === "converging", nowUs, this.#isUncertain());
    this.#send(probes, nowUs);
    this.#schedule(probes);
  }

  /** A datagram of kind TIME_PROBE arrived. */
  onProbe(bytes: Uint8Array, arrivalUs: number): void {
    const probe = decodeTimeProbe(bytes);
    if (probe === undefined || !this.#answers.take(arrivalUs)) return;
    const t3 = Math.floor(this.#connection.clock.nowUs());
    const t2 = Math.min(Math.ceil(arrivalUs), t3);
    // A clock of the application's own may show times the wire has no place for.
    if (t2 < 0) return;
    this.#connection.sendDatagram(encodeTimeAnswer({ ...probe, t2, t3 }), 0, EXPIRY_MS, MOST_URGENT);
  }

  /** A datagram of kind TIME_ANSWER arrived. */
  onAnswer(bytes: Uint8Array, arrivalUs: number): void {
    const answer = decodeTimeAnswer(bytes);
    if (answer === undefined || this.#probes === undefined) return;
    const stamps = this.#probes.onAnswer(answer, arrivalUs);
    if (stamps !== undefined) this.#clock!.insert(stamps);
  }

  /** Media left the peer at or after `departureUs` of its clock, and arrived. */
  onTransit(departureUs: number, arrivalUs: number): void {
    this.#clock?.insertTransit(departureUs, arrivalUs);
  }

  /** The datagram sent with `id` left at `departureUs`, or never when that is 0. */
  onDatagramSent(id: number, departureUs: number): void {
    this.#probes?.onDeparture(id - FIRST_PROBE_ID, departureUs);
  }

  /** The session has ended. */
  end(error: EchoStreamError): void {
    this.#isOver = true;
    this.#connection.timers.remove(this);
    this.#clock?.end(error);
  }

  #need(active: boolean): void {
    this.start();
    const nowUs = this.#connection.clock.nowUs();
    const probes = this.#probes!;
    const isProbing = this.nextDeadline !== undefined;
    this.#neededUs = nowUs;
    if (!isProbing && nowUs - this.#probedUs > PAUSE_US) probes.restart(nowUs);
    probes.setActive(active, nowUs);
    this.#schedule(probes);
  }

  /** Whether more probes would tell more: they come back, soon enough for those that are out to be few, and queues hide the clock. */
  #isUncertain(): boolean {
    const { state, roundTripTimeUs, uncertaintyUs } = this.#clock!;
    return state !== "unsynchronized" && roundTripTimeUs < MAX_URGENT_ROUND_TRIP_US && uncertaintyUs > UNCERTAIN_US;
  }

  #send(probes: TimeProbes, nowUs: number): void {
    crypto.getRandomValues(nonce);
    const probe = probes.send(nowUs, nonce[0]!);
    this.#probedUs = nowUs;
    const id = FIRST_PROBE_ID + probe.sequence % PROBE_IDS;
    this.#connection.sendDatagram(encodeTimeProbe(probe), id, EXPIRY_MS, MOST_URGENT);
  }

  #schedule(probes: TimeProbes): void {
    if (this.#isOver) return;
    const nowUs = this.#connection.clock.nowUs();
    this.#connection.timers.add(this, Math.max(0, probes.nextProbeUs() - nowUs) / 1000, nowUs);
  }
}

/** Datagrams of probes are reported with ids from here on, below those of media (`FIRST_REPORT_ID`). */
const FIRST_PROBE_ID = 1;
const PROBE_IDS = 0x3fff_ffff;

/** What cannot leave within this time is dropped: the next probe follows by then while media flows. */
const EXPIRY_MS = 250;

/** Time waits for nothing (RFC 9218 §4.1). */
const MOST_URGENT = 0;

/** docs/protocol.md, "Time". */
const MAX_ANSWERS_PER_S = 50;

/** Probes go on so long after the last need, in microseconds: streams often follow each other. */
const LINGER_US = 10_000_000;

/** After a pause of more than this a burst makes up for what was missed. */
const PAUSE_US = 10_000_000;

/** On quiet paths four probes a second keep one standard deviation of the clock far below this, in microseconds. */
const UNCERTAIN_US = 50;
/** Of the probes that are out the newest 16 are remembered. */
const MAX_URGENT_ROUND_TRIP_US = 1_000_000;

/** How often the wall clock is looked at, for sleeping computers. */
const WALL_CHECK_US = 1_000_000;

const nonce = new Uint32Array(1);
