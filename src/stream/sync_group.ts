/**
 * Keeps streams together: what was captured at the same time plays at the same time. Streams of one sender share one mapping from its
 * clock, so that their skew is zero however well that clock is known; several senders meet through their sessions' clocks.
 *
 * @module
 */

import type { PeerClock } from "./frame_source.ts";
import { type DelayedMember, GroupDelay, type GroupDelayOptions } from "./group_delay.ts";
import type { Playout, PlayoutGroup } from "./playout.ts";

/** How {@link syncGroup} keeps streams together. */
export interface SyncGroupOptions extends GroupDelayOptions {
  /** Whose delay the others follow with the policy `"master"`. */
  readonly master?: Playout;
}

/** Streams that are played together. */
export class SyncGroup implements PlayoutGroup {
  readonly #delay: GroupDelay;
  readonly #members = new Map<Playout, Member>();
  readonly #senders = new Map<PeerClock | Playout, Sender>();
  readonly #list: Member[] = [];
  #master: Playout | undefined;
  #isSteering = false;

  /** Made by {@link syncGroup}. */
  constructor(options: SyncGroupOptions = {}) {
    if (options.policy === "master" && options.master === undefined) {
      throw new TypeError('The policy "master" needs a master');
    }
    this.#delay = new GroupDelay(options);
    this.#master = options.master;
  }

  /** Local playout time minus local capture time of all members, in microseconds; `undefined` before the first frame. */
  get delayUs(): number | undefined {
    return Number.isNaN(this.#delay.delayUs) ? undefined : this.#delay.delayUs;
  }

  /** The members. */
  get playouts(): readonly Playout[] {
    return [...this.#members.keys()];
  }

  /**
   * By how much `playout` plays behind the group, in microseconds: 0 when it is together with the others, `undefined` when it is no
   * member, or its sender has not said when its frames were captured.
   */
  skewUs(playout: Playout): number | undefined {
    const member = this.#members.get(playout);
    const behindUs = member === undefined ? NaN : this.#delay.behindUs(member);
    return Number.isNaN(behindUs) ? undefined : behindUs;
  }

  /** Let `playout` join; it plays with the others from its next frame on. @throws {TypeError} when it is in a group already. */
  add(playout: Playout): void {
    if (playout.isOver) return;
    playout.join(this);
    const key = playout.peerClock ?? playout;
    let sender = this.#senders.get(key);
    if (sender === undefined) this.#senders.set(key, sender = new Sender(playout.peerClock));
    sender.members++;
    const member = { playout, sender, key, wantedUs: NaN, baseUs: NaN, offsetUs: NaN };
    this.#members.set(playout, member);
    this.#list.push(member);
  }

  /** Let `playout` go on by itself; it moves by time scaling to where it would be without the group. */
  remove(playout: Playout): void {
    const member = this.#members.get(playout);
    if (member === undefined) return;
    this.#members.delete(playout);
    this.#list.splice(this.#list.indexOf(member), 1);
    if (--member.sender.members === 0) this.#senders.delete(member.key);
    if (this.#master === playout) this.#master = undefined;
    playout.join(undefined);
  }

  /** All members skip to live, and the group's delay is what they want from there. */
  skipToLive(): void {
    this.#isSteering = true;
    for (const playout of this.playouts) {
      playout.steer(undefined);
      playout.skipToLive();
    }
    this.#isSteering = false;
  }

  /** Let all members go on by themselves. */
  close(): void {
    for (const playout of [...this.#members.keys()]) this.remove(playout);
  }

  /** @internal Called by its members before they look what is due. */
  advance(nowUs: number): void {
    if (this.#isSteering) return;
    this.#isSteering = true;
    for (const sender of this.#senders.values()) sender.forget();
    for (const { playout, sender } of this.#list) sender.observe(playout.fastestOffsetUs - playout.captureBaseUs);
    for (const sender of this.#senders.values()) sender.decide(nowUs);
    for (const member of this.#list) {
      const { playout, sender } = member;
      member.wantedUs = playout.wantedOffsetUs;
      member.baseUs = playout.captureBaseUs + sender.aheadUs;
      member.offsetUs = playout.steeredOffsetUs ?? NaN;
    }
    const master = this.#master === undefined ? undefined : this.#members.get(this.#master);
    this.#delay.advance(this.#list, master, nowUs);
    for (const { playout, offsetUs } of this.#list) if (!Number.isNaN(offsetUs)) playout.steer(offsetUs);
    this.#isSteering = false;
  }
}

/**
 * Play these together. Members leave the group when they end.
 * @throws {TypeError} when one is in a group already, or the policy is `"master"` and there is no master.
 * @throws {RangeError} when `maxSkewMs` is negative.
 */
export function syncGroup(playouts: Iterable<Playout>, options: SyncGroupOptions = {}): SyncGroup {
  const group = new SyncGroup(options);
  for (const playout of playouts) group.add(playout);
  return group;
}

interface Member extends DelayedMember {
  readonly playout: Playout;
  readonly sender: Sender;
  readonly key: PeerClock | Playout;
}

/** One sender's clock against the local one. */
class Sender {
  members = 0;
  /** Local minus sender's time, in microseconds: one for all of its streams, so that they are together however far it is off. */
  aheadUs = NaN;
  readonly #clock: PeerClock | undefined;
  #fastestUs = Infinity;

  constructor(clock: PeerClock | undefined) {
    this.#clock = clock;
  }

  /** Look anew for the fastest arrival. */
  forget(): void {
    this.#fastestUs = Infinity;
  }

  /** The fastest frames of one of its streams came so much after their capture, by both clocks; `NaN` when that is not known. */
  observe(transitUs: number): void {
    if (transitUs < this.#fastestUs) this.#fastestUs = transitUs;
  }

  /** Until its clock is known, the fastest arrival of the last seconds stands for it. */
  decide(nowUs: number): void {
    if (this.#fastestUs === Infinity) return;
    this.aheadUs = this.#fastestUs;
    const clock = this.#clock;
    if (clock === undefined || (clock.state !== "synchronized" && clock.state !== "holdover")) return;
    const remoteUs = nowUs - this.#fastestUs;
    this.aheadUs = clock.toLocalUs(remoteUs) - remoteUs;
  }
}
