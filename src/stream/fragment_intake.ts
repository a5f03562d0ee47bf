/**
 * Frames out of the datagrams of one media stream: fragments put together, lost ones recovered by parity, what came before ignored.
 *
 * @module
 */

import {
  decodeMediaFragment,
  decodeMediaParity,
  fragmentFlags,
  MediaDatagramKind,
  type MediaFragment,
  protectedStart,
  readPacketNumber,
} from "../protocol/media_fragment.ts";
import { FragmentAssembler } from "./fragment_assembler.ts";
import { ParityRecovery, type RecoveredFragment } from "./parity_recovery.ts";
import type { WindowPool } from "./window_pool.ts";

/** What an intake is made with. */
export interface FragmentIntakeOptions {
  /** Largest frame, in bytes. */
  readonly maxFrameBytes: number;
  /** Age at which an incomplete frame is given up, in milliseconds. */
  readonly maxLatencyMs: number;
  /** Most fragments of a parity group; 0 for no parity. */
  readonly parityEvery: number;
  /** Memory of incomplete frames. */
  readonly pool: WindowPool;
  /** Whether the frame with that sequence is not needed any more. */
  readonly isKnown: (sequence: number) => boolean;
  /** A frame is complete; `flags` are `MediaFlag` bits, `payload` belongs to it alone. */
  readonly onFrame: (
    flags: number,
    sequence: number,
    timestamp: number,
    payload: Uint8Array,
    arrivalUs: number,
  ) => void;
}

/** Takes datagrams. */
export class FragmentIntake {
  /** Fragments recovered by parity. */
  recovered = 0;
  readonly #options: FragmentIntakeOptions;
  readonly #assembler: FragmentAssembler;
  readonly #recovery: ParityRecovery | undefined;

  constructor(options: FragmentIntakeOptions) {
    const { maxFrameBytes, maxLatencyMs, parityEvery, pool } = options;
    this.#options = options;
    this.#assembler = new FragmentAssembler({ maxFrameBytes, maxAgeUs: maxLatencyMs * 1000, pool });
    this.#recovery = parityEvery > 0 ? new ParityRecovery(parityEvery) : undefined;
  }

  /** A datagram of the stream, valid only during the call; its packet number stands at `start`. Malformed ones are dropped. */
  onDatagram(bytes: Uint8Array, start: number, arrivalUs: number): void {
    if (bytes[0] === MediaDatagramKind.PARITY) {
      const parity = decodeMediaParity(bytes, start);
      if (parity !== undefined) this.#onRecovered(this.#recovery?.onParity(parity), arrivalUs);
      return;
    }
    const packet = readPacketNumber(bytes, start);
    if (packet === undefined) return;
    const from = protectedStart(start);
    const fragment = decodeMediaFragment(packet, bytes, from, bytes.length);
    if (fragment === undefined) return;
    const recovered = this.#recovery?.onFragment(packet, bytes, from, bytes.length);
    this.#take(fragmentFlags(bytes, from), fragment, arrivalUs);
    this.#onRecovered(recovered, arrivalUs);
  }

  /** Nothing more comes. */
  clear(): void {
    this.#assembler.clear();
  }

  #onRecovered(recovered: RecoveredFragment | undefined, arrivalUs: number): void {
    if (recovered === undefined) return;
    const { packet, bytes } = recovered;
    const fragment = decodeMediaFragment(packet, bytes, 0, bytes.length);
    if (fragment === undefined) return;
    this.recovered++;
    this.#take(fragmentFlags(bytes, 0), fragment, arrivalUs);
  }

  #take(flags: number, fragment: MediaFragment, arrivalUs: number): void {
    const { sequence, timestamp, payload, count } = fragment;
    const { isKnown, onFrame, maxFrameBytes } = this.#options;
    if (isKnown(sequence) || payload.length > maxFrameBytes) return;
    const whole = count === 1 ? payload.slice() : this.#assembler.insert(fragment, arrivalUs);
    if (whole !== undefined) onFrame(flags, sequence, timestamp, whole, arrivalUs);
  }
}
