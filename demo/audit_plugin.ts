/**
 * The demo's plugin: counts what happens to a server, and answers `audit.report` with it.
 *
 * @module
 */
import { cbor, type ServerBuilder, type ServerPlugin } from "../mod.ts";

/** What `audit.report` answers. */
export interface AuditReport {
  readonly startedAt: string;
  readonly sessions: number;
  readonly marks: Record<string, number>;
}

/** Brings a method, a value and hooks; its types join the server's. */
export class AuditPlugin implements ServerPlugin {
  readonly name = "audit";

  install(builder: ServerBuilder) {
    const marks: Record<string, number> = {};
    let sessions = 0;
    let startedAt = "";
    return builder
      .set("audit.mark", (what: string): void => void (marks[what] = (marks[what] ?? 0) + 1))
      .onStart(() => void (startedAt = new Date().toISOString()))
      .onConnect(() => void sessions++)
      .handler("audit.report", cbor<null>(), (): AuditReport => ({ startedAt, sessions, marks }));
  }
}
