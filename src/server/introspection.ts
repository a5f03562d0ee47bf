/**
 * What every server tells about itself: the methods `$sys.ping`, `$sys.health`, `$sys.info` and `$sys.stats` (docs/operations.md).
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EndpointStats } from "../connection/endpoint_stats.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { ALPN } from "../protocol/version.ts";
import type { Router } from "../rpc/router.ts";
import type { Session } from "../session.ts";
import type { SessionStats } from "../session/session_stats.ts";

/** What `$sys.health` answers. */
export interface ServerHealth {
  /** Whether the server can do its work. */
  readonly status: "serving" | "notServing";
}

/** What `$sys.info` answers. */
export interface ServerInfo {
  /** `"echostream/1"`. */
  readonly protocol: string;
  /** Milliseconds since the server was built. */
  readonly uptimeMs: number;
  /** Names of its methods. */
  readonly methods: readonly string[];
  /** Names of the events it listens to. */
  readonly events: readonly string[];
  /** Names of the events it has declared to send. */
  readonly pushes: readonly string[];
  /** Names of the streams it takes. */
  readonly streams: readonly string[];
}

/** What `$sys.stats` answers. */
export interface ServerStats {
  /** Sessions that are served. */
  readonly sessions: number;
  /** Counters of these sessions, added up. */
  readonly totals: Omit<SessionStats, "connection">;
  /** Counters of its sockets, added up. */
  readonly endpoint: EndpointStats;
}

/** What a server shows of itself. */
export interface Introspected {
  readonly router: Router<Session>;
  readonly listeners: { names(): Iterable<string> };
  readonly streams: { names(): Iterable<string> };
  readonly pushes: ReadonlyMap<string, unknown>;
  readonly sessions: () => ReadonlySet<Session>;
  readonly endpointStats: () => EndpointStats;
  readonly clock: Clock;
  /** Whether the server can do its work, and is not about to stop. */
  readonly health: () => Promise<boolean>;
  /** Who may see names and counters. Default: nobody. */
  readonly mayInspect: ((session: Session) => boolean | Promise<boolean>) | undefined;
}

/** Add the `$sys` methods to `server.router`. */
export function registerIntrospection(server: Introspected): void {
  const { router, clock } = server;
  const startedUs = clock.nowUs();
  const inspect = (name: string, answer: () => unknown): void => {
    router.handle(name, async (session) => {
      if (await server.mayInspect?.(session) !== true) {
        throw new EchoStreamError(ErrorCode.PERMISSION_DENIED, `This server shows "${name}" to nobody, or not to you`);
      }
      return answer();
    }, SYSTEM);
  };
  router.handle("$sys.ping", (_session, payload) => payload, SYSTEM);
  router.handle("$sys.health", async (): Promise<ServerHealth> => {
    return { status: await server.health() ? "serving" : "notServing" };
  }, SYSTEM);
  inspect("$sys.info", (): ServerInfo => ({
    protocol: ALPN,
    uptimeMs: (clock.nowUs() - startedUs) / 1000,
    methods: [...router.names()],
    events: [...server.listeners.names()],
    pushes: [...server.pushes.keys()],
    streams: [...server.streams.names()],
  }));
  inspect("$sys.stats", (): ServerStats => {
    const sessions = server.sessions();
    return {
      sessions: sessions.size,
      totals: sum([...sessions].map(({ stats }) => stats)),
      endpoint: server.endpointStats(),
    };
  });
}

function sum(all: readonly SessionStats[]): ServerStats["totals"] {
  const totals: Record<string, number> = {};
  for (const { connection: _, ...counters } of all) {
    for (const [name, count] of Object.entries(counters)) totals[name] = (totals[name] ?? 0) + count;
  }
  return totals as unknown as ServerStats["totals"];
}

const SYSTEM = { raw: false, idempotent: true };
