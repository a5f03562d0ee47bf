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
    if (member === undefined || Number.isNaN(member.wantedUs)) return undefined;
    return member.behindUs + member.sender.lagUs;
  }

  /** Let `playout` join; it plays with the others from its next frame on. @throws {TypeError} when it is in a group already. */
  add(playout: Playout): void {
    if (playout.isOver) return;
    playout.join(this);
    const key = playout.peerClock ?? playout;
    let sender = this.#senders.get(key);
    if (sender === undefined) this.#senders.set(key, sender = new Sender(playout.peerClock));
    sender.members++;
    const member = { playout, sender, key, wantedUs: NaN, behindUs: NaN };
    this.#members.set(playout, member);
    this.#list.push(member);
  }

  /** Let `playout` go on by itself. */
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
    for (const { playout } of this.#list) playout.skipToLive();
    this.#delay.jump();
  }

  /** Let all members go on by themselves. */
  close(): void {
    for (const playout of [...this.#members.keys()]) this.remove(playout);
  }

  /** @internal Called by its members before they look what is due. */
  advance(nowUs: number): void {
    if (this.#isSteering) return;
    this.#isSteering = true;
    const reference = this.#list.find(isMapped)?.sender;
    for (const member of this.#list) {
      const { playout, sender } = member;
      // The reference's mapping moves at once, and the group's delay against it, so that nothing is heard of it.
      sender.observe(playout, nowUs);
      if (sender === reference) this.#delay.rebase(sender.follow(Infinity));
      member.wantedUs = playout.wantedOffsetUs - playout.captureBaseUs - sender.baseUs;
    }
    const master = this.#master === undefined ? undefined : this.#members.get(this.#master);
    const budgetUs = this.#delay.advance(this.#list, master, nowUs);
    for (const sender of this.#senders.values()) if (sender !== reference) sender.follow(budgetUs);
    for (const member of this.#list) {
      if (!isMapped(member)) continue;
      const { playout, sender } = member;
      playout.steer(playout.captureBaseUs + sender.baseUs + this.#delay.delayUs + member.behindUs);
    }
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

/** One sender's clock against the local one: local minus sender's time, as shown to the members and as known. */
class Sender {
  members = 0;
  baseUs = NaN;
  readonly #clock: PeerClock | undefined;
  #knownUs = NaN;

  constructor(clock: PeerClock | undefined) {
    this.#clock = clock;
  }

  /** How far the members are from where the clock says they should be. */
  get lagUs(): number {
    return Number.isNaN(this.baseUs) ? 0 : this.baseUs - this.#knownUs;
  }

  /** Until the clock is known, the first frame's offset stands for it: shared by all of the sender's streams. */
  observe(playout: Playout, nowUs: number): void {
    const clock = this.#clock;
    const fastestUs = playout.wantedOffsetUs - playout.captureBaseUs;
    if (Number.isNaN(fastestUs)) return;
    if (clock !== undefined && (clock.state === "synchronized" || clock.state === "holdover")) {
      const remoteUs = nowUs - fastestUs;
      this.#knownUs = clock.toLocalUs(remoteUs) - remoteUs;
    } else if (Number.isNaN(this.#knownUs)) {
      this.#knownUs = fastestUs;
    }
    if (Number.isNaN(this.baseUs)) this.baseUs = this.#knownUs;
  }

  /** Move what is shown towards what is known, by `limitUs` at most; returns by how much. */
  follow(limitUs: number): number {
    if (Number.isNaN(this.baseUs)) return 0;
    const byUs = Math.min(limitUs, Math.max(-limitUs, this.#knownUs - this.baseUs));
    this.baseUs += byUs;
    return byUs;
  }
}

function isMapped({ wantedUs, behindUs }: DelayedMember): boolean {
  return !Number.isNaN(wantedUs) && !Number.isNaN(behindUs);
}
