/**
 * What the demo sends: a tone in place of a voice, pictures of varying size in place of a video, and a pose.
 *
 * @module
 */
import type { StreamOptions } from "../../mod.ts";
import { seededRandom } from "../../src/connection/memory_link.ts";

/** A stream of the demo. */
export interface DemoStream {
  readonly name: "voice" | "video" | "pose";
  /** For people. */
  readonly description: string;
  readonly intervalMs: number;
  readonly options: StreamOptions & { readonly clockRate: number };
  /** Frame `n`; asked for in order. */
  readonly frames: (seed: number) => (n: number) => Uint8Array;
}

/** The streams; the first is the one that the others are played in step with. */
export const DEMO_STREAMS: readonly DemoStream[] = [
  {
    name: "voice",
    description: "20 ms of sound; datagrams with parity",
    intervalMs: 20,
    options: {
      clockRate: 48_000,
      delivery: "datagram",
      protection: { parityEvery: 4 },
      maxLatencyMs: 400,
      priority: 1,
    },
    frames: () => tone,
  },
  {
    name: "video",
    description: "30 fps; a stream per frame that expires",
    intervalMs: 1000 / 30,
    options: { clockRate: 90_000, delivery: "expiring", maxLatencyMs: 400, priority: 4 },
    frames: pictures,
  },
  {
    name: "pose",
    description: "100 Hz; datagrams",
    intervalMs: 10,
    options: { clockRate: 1_000_000, delivery: "datagram", maxLatencyMs: 200, priority: 0 },
    frames: () => pose,
  },
];

/** 20 ms of 16-bit samples at 48 kHz: a tone that swells and fades like syllables. */
function tone(n: number): Uint8Array {
  const samples = new Int16Array(960);
  for (const i of samples.keys()) {
    const seconds = (n * samples.length + i) / 48_000;
    samples[i] = 12_000 * Math.sin(2 * Math.PI * 220 * seconds) * Math.sin(2 * Math.PI * 2 * seconds) ** 2;
  }
  return new Uint8Array(samples.buffer);
}

/** Sizes as an encoder makes them: a key frame of 40 kB or so every two seconds, the others a tenth of that, give or take. */
function pictures(seed: number): (n: number) => Uint8Array {
  const random = seededRandom(seed);
  return (n) => new Uint8Array(Math.round((n % 60 === 0 ? 40_000 : 4_000) * 2 ** (1.5 * (random() - 0.5))));
}

/** A position and a quaternion: somebody who turns around once in four seconds. */
function pose(n: number): Uint8Array {
  const turn = (2 * Math.PI * n) / 400;
  const values = Float32Array.of(Math.cos(turn), 1.6, Math.sin(turn), 0, Math.sin(turn / 2), 0, Math.cos(turn / 2));
  return new Uint8Array(values.buffer);
}
