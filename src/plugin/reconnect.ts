/**
 * What the reconnect hooks of a client are told.
 *
 * @module
 */

/** Told before an attempt to get a connection back. */
export interface ReconnectAttempt {
  /** 1 for the first since the connection was last good. */
  readonly attempt: number;
  /** How long it waits before it dials, in milliseconds. */
  readonly delayMs: number;
  /** Why the connection was lost, or why the last attempt failed. */
  readonly error: unknown;
}

/** Told when there is a connection again. */
export interface ReconnectOutcome {
  /**
   * Whether the session goes on: its id, store and events. Otherwise it is a new one, events of the old one that had not arrived are
   * lost, and the `onConnect` hooks have run again.
   */
  readonly resumed: boolean;
}
