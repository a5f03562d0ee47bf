/**
 * Whom a server lets in: how many connections and handshakes, of all and of one address, and from where on addresses are proved.
 *
 * @module
 */

/** Bounds of each address a server listens on, against floods and forged addresses. */
export interface AcceptOptions {
  /** Connections at once, handshakes included. Default 10,000. More are not answered. */
  readonly maxConnections: number;
  /** The same of one IP address; of IPv6 its first 64 bits count as one. Default 1,024. */
  readonly maxConnectionsPerAddress: number;
  /** Handshakes under way at once, about 25 KB each. Default 1,000. More are not answered. */
  readonly maxHandshakes: number;
  /**
   * The same of one IP address. Default 64. Beyond it a client has to prove its address, so that nobody can lock another one out by
   * forging its address; of clients that have proved it as many more may be under way.
   */
  readonly maxHandshakesPerAddress: number;
  /**
   * With so many handshakes under way, a client has to prove that it receives at its address before anything is kept of it (Retry,
   * RFC 9000 §8.1.2), which costs it a round trip. Default 100; 0 asks always.
   */
  readonly retryThreshold: number;
  /** Whether loopback addresses have no bounds of their own, apart from those of all addresses. Default true. */
  readonly exemptLoopback: boolean;
  /**
   * Stateless resets a second, at most (RFC 9000 §10.3): they tell a client at once that the server was started anew. Default 100;
   * 0 sends none.
   */
  readonly maxResetsPerS: number;
  /**
   * At least 32 unpredictable bytes, from which the keys of Retry tokens and stateless resets are derived. Keep it over restarts, so that
   * clients learn of them; share it between processes of one machine that serve the same address. Whoever has it can end every
   * connection: give no two addresses the same, and nobody else any. Default: a fresh one for each address listened on.
   */
  readonly secret?: Uint8Array | undefined;
}

/** Defaults of {@link AcceptOptions}, from the table of limits in `docs/security.md`. */
export const DEFAULT_ACCEPT_OPTIONS: AcceptOptions = {
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_024,
  maxHandshakes: 1_000,
  maxHandshakesPerAddress: 64,
  retryThreshold: 100,
  exemptLoopback: true,
  maxResetsPerS: 100,
  secret: undefined,
};

/**
 * Complete options from what the user gave.
 * @throws {RangeError} when a value is out of its range, naming it.
 * @throws {TypeError} when there is no such option, or the secret is no `Uint8Array`.
 */
export function acceptOptions(given: Partial<AcceptOptions>): AcceptOptions {
  const options: Record<string, unknown> = { ...DEFAULT_ACCEPT_OPTIONS };
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_ACCEPT_OPTIONS, name)) throw new TypeError(`There is no accept option called "${name}"`);
    if (value !== undefined) options[name] = value;
  }
  for (const [name, minimum] of COUNTS) checkCount(name, options[name], minimum);
  const { exemptLoopback, secret } = options;
  if (typeof exemptLoopback !== "boolean") {
    throw new TypeError(`exemptLoopback is ${String(exemptLoopback)}, expected true or false`);
  }
  // What is wrong with a secret is said without showing it.
  if (secret !== undefined && !(secret instanceof Uint8Array)) throw new TypeError("secret is no Uint8Array");
  if (secret !== undefined && secret.length < MIN_SECRET_BYTES) {
    throw new RangeError(`secret has ${secret.length} bytes, expected at least ${MIN_SECRET_BYTES}`);
  }
  return options as unknown as AcceptOptions;
}

function checkCount(name: string, value: unknown, minimum: number): void {
  if (Number.isInteger(value) && (value as number) >= minimum && (value as number) <= MAX_COUNT) return;
  throw new RangeError(`${name} is ${String(value)}, expected a whole number from ${minimum} to ${MAX_COUNT}`);
}

/** Connections beyond a billion are a mistake. */
const MAX_COUNT = 1_000_000_000;
/** As many as the key that is derived has. */
const MIN_SECRET_BYTES = 32;

const COUNTS: readonly (readonly [name: keyof AcceptOptions, minimum: number])[] = [
  ["maxConnections", 1],
  ["maxConnectionsPerAddress", 1],
  ["maxHandshakes", 1],
  ["maxHandshakesPerAddress", 1],
  ["retryThreshold", 0],
  ["maxResetsPerS", 0],
];
