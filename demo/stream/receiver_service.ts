/**
 * What the demo's receiver offers: it plays three streams in step, watches its clock of the sender, and writes the report.
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { cbor, type IncomingStream, type Playout, RpcServer, type Session, syncGroup, TimingTrace } from "../../mod.ts";
import { DEMO_STREAMS } from "./demo_streams.ts";
import { NETWORK_TEXT, networkPhases } from "./network_path.ts";
import { frameRecords, type SentLog } from "./recording.ts";
import { renderReport } from "./report.ts";
import type { ClockSample, ReportData } from "./report_data.ts";
import { TrueOffset, watchClock } from "./true_offset.ts";

/** What a run is. */
export interface RunOptions {
  readonly durationMs: number;
  readonly seed: number;
  /** Name and version of the runtime, for the report. */
  readonly runtime: string;
  /** Where the report is written. */
  readonly out: string;
  /** The report has been written. */
  readonly onReport: (data: ReportData) => void;
}

/** One stream as it is played. */
export interface Track {
  readonly playout: Playout;
  readonly trace: TimingTrace;
  /** When each frame was handed out, by its sequence, in microseconds. */
  readonly playedUs: Map<number, number>;
}

/** The receiver of one run, listening on a port of the system's choice once it is started; `tracks` fills as streams arrive. */
export function receiverOf({ durationMs, seed, runtime, out, onReport }: RunOptions, tracks: Map<string, Track>) {
  const truth = new TrueOffset();
  const samples: (Omit<ClockSample, "trueOffsetUs" | "atMs"> & { readonly atUs: number })[] = [];
  let stopWatching = (): void => {};
  let onAllHere: () => void;
  const allHere = new Promise<void>((resolve) => onAllHere = resolve);

  const watch = async (session: Session, port: number): Promise<null> => {
    const stopAsking = await watchClock(port, truth, 20);
    const timer = setInterval(() => {
      const { state, offsetUs, errorBoundUs, uncertaintyUs } = session.clock;
      // Before, it says itself that it does not know yet.
      if (state === "synchronized" || state === "holdover") {
        samples.push({ atUs: nowUs(), offsetUs, errorBoundUs, uncertaintyUs });
      }
    }, CLOCK_SAMPLE_MS);
    stopWatching = () => {
      stopAsking();
      clearInterval(timer);
    };
    return null;
  };

  const play = async (_session: Session, incoming: IncomingStream): Promise<void> => {
    const trace = new TimingTrace();
    const track: Track = { playout: incoming.playout({ trace }), trace, playedUs: new Map() };
    tracks.set(incoming.name, track);
    if (tracks.size === DEMO_STREAMS.length) {
      // All wait for the one that needs most: what belongs together is seen and heard together.
      syncGroup([...tracks.values()].map(({ playout }) => playout), { policy: "maxDelay" });
      onAllHere();
    }
    await allHere;
    for await (const item of track.playout) {
      if (item.kind === "frame") track.playedUs.set(item.sequence, nowUs());
    }
  };

  const write = async (_session: Session, sent: SentLog): Promise<null> => {
    stopWatching();
    const startUs = sent.startedUs - truth.offsetUs;
    const data: ReportData = {
      title: "Three streams over a bad network",
      facts: [["runtime", runtime], ["seed", String(seed)], ["network", NETWORK_TEXT]],
      durationMs,
      network: networkPhases(durationMs),
      streams: DEMO_STREAMS.map(({ name, description }) => {
        const { trace, playedUs } = tracks.get(name)!;
        return { name, description, frames: frameRecords(sent, name, trace, playedUs, truth.offsetUs) };
      }),
      clock: samples.map(({ atUs, ...sample }) => ({
        ...sample,
        atMs: (atUs - startUs) / 1000,
        trueOffsetUs: truth.offsetUs,
      })).filter(({ atMs }) => atMs >= 0 && atMs <= durationMs),
      trueOffsetErrorUs: truth.errorUs,
    };
    await writeFile(out, renderReport(data));
    onReport(data);
    return null;
  };

  return RpcServer.builder()
    .bind("127.0.0.1:0")
    .handler("clock.watch", cbor<number>(), watch)
    .handler("report.write", cbor<SentLog>(), write)
    .stream("voice", play)
    .stream("video", play)
    .stream("pose", play)
    .build();
}

function nowUs(): number {
  return performance.now() * 1000;
}

const CLOCK_SAMPLE_MS = 50;
