/**
 * Loads what connections need when the first one is made, so that importing this package costs a program little.
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { dial } from "../connection/dial.ts";
import type { nativeTransport } from "../connection/native.ts";
import type { Session } from "../session.ts";

/** What `live.ts` brings. */
export interface Live {
  readonly Connection: typeof Connection;
  readonly dial: typeof dial;
  readonly nativeTransport: typeof nativeTransport;
  readonly Session: typeof Session;
}

let provided: Live | undefined;

/** Called by `live.ts` as it is loaded, by whomever: after that nobody waits. */
export function provide(live: Live): void {
  provided = live;
}

/** What connections need, loaded if it is not yet. */
export async function live(): Promise<Live> {
  if (provided === undefined) await import("./live.ts");
  return provided!;
}
