/**
 * Seeded models of the networks that media crosses, for comparing playout policies by a run that anybody can repeat. Each kind
 * draws its own parameters from the seed, so that many seeds are many networks of a kind and not one network many times.
 *
 * @module
 */

import { type LinkOptions, transmit } from "./link.ts";
import type { NetworkTrace } from "./playout_score.ts";
import { Random } from "./random.ts";

/** The kinds there are, and what each stands for. */
export const NETWORK_KINDS = {
  "wifi": "Wi-Fi with few disturbances",
  "wifi-scan": "Wi-Fi whose radio leaves the channel at regular intervals",
  "wifi-busy": "Wi-Fi on a busy channel: stalls with a heavy tail, what queues comes in bursts",
  "lte-audio": "audio over LTE",
  "lte-video": "video over LTE",
  "umts-audio": "audio over UMTS, other traffic beside it",
  "evdo-audio": "audio over EV-DO",
  "edge-audio": "frames of 60 ms over EDGE",
  "dsl-audio": "audio behind a DSL uplink whose large buffer others fill",
  "overload-video": "video that sends about as much as the path carries",
  "multipath-audio": "audio spread over two LTE links: reordered",
  "reliable-audio": "audio in an ordered stream: a loss holds back what follows until it was sent again",
  "step-audio": "Wi-Fi, and a path that is longer for half a minute",
} as const;

/** A kind of network. */
export type NetworkKind = keyof typeof NETWORK_KINDS;

/** A run of two minutes over a network of `kind`; the same for the same seed. */
export function networkTrace(kind: NetworkKind, seed: number): NetworkTrace {
  const random = new Random(seed * 101 + Object.keys(NETWORK_KINDS).indexOf(kind));
  const media = MEDIA[kind] ?? AUDIO;
  const { sentUs, bytes } = send(media, random);
  const { arrivedUs, step } = TRANSPORTS[kind](sentUs, bytes, random);
  return {
    name: `${kind} ${seed}`,
    kind,
    periodUs: media.periodUs,
    sentUs: drifting(sentUs, random),
    arrivedUs,
    ...(step === undefined ? {} : { step }),
  };
}

interface Media {
  readonly periodUs: number;
  readonly bytes: number;
  /** Standard deviation of the logarithm of a frame's size; 0 where all are equal. */
  readonly spread: number;
}

type Transport = (
  sentUs: Float64Array,
  bytes: Float64Array,
  random: Random,
) => { arrivedUs: Float64Array; step?: NetworkTrace["step"] };

const AUDIO: Media = { periodUs: 20_000, bytes: 160, spread: 0 };
const VIDEO: Media = { periodUs: 33_333, bytes: 1_000, spread: 0.5 };
const MEDIA: Partial<Record<NetworkKind, Media>> = {
  "lte-video": VIDEO,
  "overload-video": { ...VIDEO, periodUs: 40_000, bytes: 700 },
  "edge-audio": { ...AUDIO, periodUs: 60_000 },
};
const DURATION_US = 120e6;
/** A video stream begins anew with a frame that needs no other, this often. */
const KEY_FRAME_US = 10e6;
const KEY_FRAME_SIZE = 8;

function send({ periodUs, bytes, spread }: Media, random: Random): { sentUs: Float64Array; bytes: Float64Array } {
  const count = Math.floor(DURATION_US / periodUs);
  const keyEvery = Math.round(KEY_FRAME_US / periodUs);
  return {
    sentUs: Float64Array.from({ length: count }, (_, i) => i * periodUs),
    bytes: Float64Array.from({ length: count }, (_, i) => {
      if (spread === 0) return bytes;
      return bytes * Math.exp(spread * random.normal()) * (i % keyEvery === 0 ? KEY_FRAME_SIZE : 1);
    }),
  };
}

/** As the sender's clock shows it, which is up to 50 ppm fast or slow and was started at another time. */
function drifting(sentUs: Float64Array, random: Random): Float64Array {
  const rate = 1 + random.between(-50e-6, 50e-6);
  return sentUs.map((atUs) => Math.round(atUs * rate));
}

/** Radio stalls: nothing arrives while one lasts, and all of it right after. */
interface Air {
  /** Mean of the time that every unit takes beside stalls, in milliseconds. */
  readonly jitterMs: number;
  /** Mean time between stalls, in seconds; their least length, tail and greatest length in milliseconds. */
  readonly stallEveryS: number;
  readonly stallMs: number;
  readonly shape: number;
  readonly longestMs: number;
  /** Time between scans for access points, in seconds, and the length of one. */
  readonly scanEveryS?: number;
  readonly scanMs?: number;
  readonly loss?: number;
}

function overAir(sentUs: Float64Array, air: Air, random: Random): Float64Array {
  const { scanEveryS = Infinity, scanMs = 0, loss = 0 } = air;
  const arrivedUs = new Float64Array(sentUs.length).fill(NaN);
  let stallUs = random.exponential(air.stallEveryS) * 1e6;
  let scanUs = random.uniform() * scanEveryS * 1e6;
  let blockedUs = 0;
  let lastUs = 0;
  for (const [i, atUs] of sentUs.entries()) {
    for (; stallUs <= atUs; stallUs += random.exponential(air.stallEveryS) * 1e6) {
      blockedUs = Math.max(blockedUs, stallUs + random.pareto(air.stallMs, air.shape, air.longestMs) * 1000);
    }
    for (; scanUs <= atUs; scanUs += scanEveryS * 1e6 + random.normal() * 30_000) {
      blockedUs = Math.max(blockedUs, scanUs + scanMs * random.between(0.85, 1.15) * 1000);
    }
    if (random.happens(loss)) continue;
    const readyUs = Math.max(atUs, blockedUs) + random.exponential(air.jitterMs) * 1000;
    lastUs = Math.max(lastUs + 200, readyUs);
    arrivedUs[i] = lastUs + 3_000;
  }
  return arrivedUs;
}

function overLink(options: (random: Random) => Omit<LinkOptions, "seed">): Transport {
  return (sentUs, bytes, random) => ({
    arrivedUs: transmit(sentUs, bytes, { ...options(random), seed: random.uniform() * 2 ** 31 }),
  });
}

function lte(random: Random): Omit<LinkOptions, "seed"> {
  return cellular(random, 5_000, 12_000, 25);
}

/** Rates are those that operators and standards state for each generation; how they vary is drawn from the same wide ranges for all. */
function cellular(
  random: Random,
  leastKbps: number,
  mostKbps: number,
  propagationMs: number,
): Omit<LinkOptions, "seed"> {
  return {
    meanKbps: random.between(leastKbps, mostKbps),
    volatility: random.between(0.2, 0.5),
    outageMs: random.between(100, 500),
    queueMs: random.between(200, 1_000),
    propagationMs,
    crossLoad: random.between(0.1, 0.3),
    loss: random.between(0, 0.01),
  };
}

const TRANSPORTS: Record<NetworkKind, Transport> = {
  "wifi": (sentUs, _, random) => ({ arrivedUs: overAir(sentUs, quietAir(random), random) }),
  "wifi-scan": (sentUs, _, random) => ({
    arrivedUs: overAir(sentUs, {
      ...quietAir(random),
      scanEveryS: random.between(5, 15),
      scanMs: random.between(120, 400),
    }, random),
  }),
  "wifi-busy": (sentUs, _, random) => ({
    arrivedUs: overAir(sentUs, {
      jitterMs: random.between(3, 12),
      stallEveryS: random.between(0.7, 4),
      stallMs: 30,
      shape: random.between(1, 1.6),
      longestMs: 1_200,
      loss: random.between(0, 0.01),
    }, random),
  }),
  "lte-audio": overLink(lte),
  "lte-video": overLink((random) => cellular(random, 1_000, 5_000, 25)),
  "umts-audio": overLink((random) => cellular(random, 384, 2_000, 45)),
  "evdo-audio": overLink((random) => cellular(random, 400, 1_200, 60)),
  "edge-audio": overLink((random) => cellular(random, 75, 150, 120)),
  "dsl-audio": overLink((random) => ({
    meanKbps: random.between(500, 1_000),
    queueMs: random.between(500, 1_200),
    propagationMs: 15,
    crossLoad: random.between(0.5, 0.85),
    crossBurstMs: random.between(150, 500),
    loss: 0.003,
  })),
  "overload-video": overLink((random) => ({
    meanKbps: random.between(185, 215),
    queueMs: random.between(600, 1_200),
    propagationMs: 30,
  })),
  "multipath-audio": (sentUs, bytes, random) => {
    const paths = [0, 1].map(() => transmit(sentUs, bytes, { ...lte(random), seed: random.uniform() * 2 ** 31 }));
    const skewUs = random.between(0, 20_000);
    return { arrivedUs: sentUs.map((_, i) => paths[i & 1]![i]! + (i & 1) * skewUs) };
  },
  "reliable-audio": (sentUs, bytes, random) => {
    const options = { ...lte(random), seed: random.uniform() * 2 ** 31 };
    return { arrivedUs: inOrder(sentUs, transmit(sentUs, bytes, options), random.between(0.002, 0.015), random) };
  },
  "step-audio": (sentUs, _, random) => {
    const arrivedUs = overAir(sentUs, quietAir(random), random);
    const step = { fromUs: 30e6, toUs: 60e6 };
    const byUs = random.between(60_000, 160_000);
    let lastUs = 0;
    for (const [i, atUs] of sentUs.entries()) {
      if (atUs >= step.fromUs && atUs < step.toUs) arrivedUs[i]! += byUs;
      lastUs = arrivedUs[i] = Math.max(lastUs, arrivedUs[i]!);
    }
    return { arrivedUs, step };
  },
};

function quietAir(random: Random): Air {
  return {
    jitterMs: random.between(1, 5),
    stallEveryS: random.between(6, 25),
    stallMs: 50,
    shape: random.between(0.9, 1.5),
    longestMs: 500,
  };
}

/** What gets lost arrives after it was missed and sent again; what follows it waits. */
function inOrder(sentUs: Float64Array, arrivedUs: Float64Array, loss: number, random: Random): Float64Array {
  let lastUs = 0;
  return arrivedUs.map((atUs, i) => {
    let readyUs = Number.isNaN(atUs) ? sentUs[i]! + 2 * RESENT_AFTER_US : atUs;
    while (random.happens(loss)) readyUs += RESENT_AFTER_US;
    return lastUs = Math.max(lastUs, readyUs);
  });
}

/** A round trip of 100 ms and the quarter more after which QUIC takes a packet for lost (RFC 9002 §6.1.2). */
const RESENT_AFTER_US = 125_000;
