/**
 * From an address a user wrote to an established connection: the name is resolved, its addresses are tried beside each other, and
 * what was tried is told when none answers.
 *
 * @module
 */

import { type Clock, systemClock, type Timer } from "../clock.ts";
import { ConnectionCode, EchoStreamError, ErrorCode } from "../protocol/error.ts";
import { formatAddress, type HostPort } from "./address.ts";
import { type CloseReason, isRefusal, isTlsRefusal } from "./close_reason.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { ATTEMPT_DELAY_MS, interleaveFamilies } from "./happy_eyeballs.ts";
import { refusalOf } from "./peer_certificate.ts";
import { type ClientTls } from "./tls.ts";
import { type Transport, type TransportOptions } from "./transport.ts";

/** Whom to dial, and how. */
export interface DialRequest {
  readonly transport: Transport;
  /** From `parseAddress`. */
  readonly address: HostPort;
  readonly transportOptions: TransportOptions;
  readonly tls: ClientTls;
  /**
   * For the connection. Its `onEstablished` is called for the one that won, before anything can arrive on it: the place to set its
   * handler. The clock measures the timeout too.
   */
  readonly connection: Omit<ConnectionOptions, "transport">;
  /** For everything together, resolving included. Default 5,000 ms. */
  readonly timeoutMs?: number | undefined;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Default of {@link DialRequest.timeoutMs}. */
export const DEFAULT_CONNECT_TIMEOUT_MS = 5_000;

/**
 * Connect to the first address of a host that answers.
 * @throws {RangeError} when the timeout is not a positive number, or the port is 0.
 * @throws {EchoStreamError} UNAVAILABLE when none answered in time, naming each and why; UNAUTHENTICATED when TLS refused; the status of
 * a server that refused before the handshake had ended here; CANCELLED when the signal aborted.
 */
export async function dial(request: DialRequest): Promise<Connection> {
  const { timeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = request;
  if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is ${timeoutMs}, expected more than zero`);
  if (request.address.port === 0) {
    throw new RangeError(`Address "${formatAddress(request.address)}" has port 0, which nothing can listen on`);
  }
  return await new Dial(request, timeoutMs).run();
}

class Dial {
  readonly #request: DialRequest;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #startUs: number;
  readonly #target: string;
  readonly #pending = new Map<string, Connection>();
  readonly #failures: string[] = [];
  #waiting: string[] = [];
  #timeout: Timer | undefined;
  #nextAttempt: Timer | undefined;
  #settled = false;
  #resolve!: (connection: Connection) => void;
  #reject!: (error: Error) => void;

  constructor(request: DialRequest, timeoutMs: number) {
    this.#request = request;
    this.#timeoutMs = timeoutMs;
    this.#clock = request.connection.clock ?? systemClock;
    this.#startUs = this.#clock.nowUs();
    this.#target = formatAddress(request.address);
  }

  run(): Promise<Connection> {
    const { signal, transport, address } = this.#request;
    const result = new Promise<Connection>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const onAbort = (): void => {
      const cause: unknown = signal?.reason;
      this.#failWith(new EchoStreamError(ErrorCode.CANCELLED, `Connecting to ${this.#target} was aborted`, { cause }));
    };
    if (signal?.aborted) onAbort();
    else {
      signal?.addEventListener("abort", onAbort, { once: true });
      // A program that waits for a connection is not finished.
      this.#timeout = this.#startTimer(() => this.#onTimeout(), this.#timeoutMs);
      transport.resolve(address.host).then(
        (addresses) => this.#onResolved(addresses),
        (error) => this.#onUnresolved(error),
      );
    }
    const cleanUp = (): void => {
      signal?.removeEventListener("abort", onAbort);
      this.#timeout?.cancel();
      this.#nextAttempt?.cancel();
    };
    result.then(cleanUp, cleanUp);
    return result;
  }

  #onResolved(addresses: readonly string[]): void {
    this.#waiting = [...interleaveFamilies(addresses)];
    this.#tryNext();
  }

  #onUnresolved(cause: unknown): void {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#failWith(new EchoStreamError(ErrorCode.UNAVAILABLE, `Cannot connect to ${this.#target}: ${why}`, { cause }));
  }

  #tryNext(): void {
    this.#nextAttempt?.cancel();
    if (this.#settled) return;
    const address = this.#waiting.shift();
    if (address === undefined) {
      if (this.#pending.size === 0) this.#failWith(this.#unavailable(`after ${this.#waitedMs()} ms`));
      return;
    }
    this.#attempt(address);
    this.#nextAttempt = this.#waiting.length === 0
      ? undefined
      : this.#startTimer(() => this.#tryNext(), ATTEMPT_DELAY_MS);
  }

  #attempt(address: string): void {
    const { transport, transportOptions, tls, connection: options } = this.#request;
    const { host, port } = this.#request.address;
    const socketAddress = { address, port };
    const name = formatAddress(socketAddress);
    const startUs = this.#clock.nowUs();
    const { verification, certificate, tickets, serverName = host } = tls;
    const dialOptions = {
      ...transportOptions,
      // Whoever judges certificates itself has to see that of this handshake first.
      earlyData: transportOptions.earlyData && tls.verify === undefined,
      address: socketAddress,
      serverName,
      verification,
      certificate,
      ticket: tickets?.take(),
      wantsTicket: tickets !== undefined,
    };
    const connection = Connection.dial(transport, dialOptions, {
      ...options,
      onTicket: (ticket) => tickets?.put(ticket),
      onEstablished: (established) => this.#onEstablished(name, established),
    });
    this.#pending.set(name, connection);
    void connection.closed.then((reason) => {
      if (this.#settled) return;
      this.#pending.delete(name);
      this.#onAttemptFailed(name, reason, Math.round((this.#clock.nowUs() - startUs) / 1000));
    });
  }

  #onEstablished(name: string, connection: Connection): void {
    if (this.#settled) {
      void connection.close(ConnectionCode.NO_ERROR, "Another address answered first");
      return;
    }
    this.#pending.delete(name);
    const refusal = refusalOf(this.#request.tls.verify, connection);
    if (refusal !== undefined) {
      void connection.close(ConnectionCode.REFUSED, `${refusal.code}: ${refusal.message}`);
      const message = `Cannot connect to ${this.#target}: the server is refused by verify: ${refusal.message}`;
      return this.#failWith(new EchoStreamError(refusal.code, message, { cause: refusal.cause }));
    }
    this.#settle("Another address answered first");
    this.#resolve(connection);
    this.#request.connection.onEstablished?.(connection);
  }

  #onAttemptFailed(name: string, reason: CloseReason, waitedMs: number): void {
    if (isTlsRefusal(reason) || isRefusal(reason)) {
      // Whoever answers for this name would be judged the same way at every address, and so would this client.
      const message = `Cannot connect to ${this.#target}: ${reason.error.message}`;
      const { remote } = reason.error;
      return this.#failWith(new EchoStreamError(reason.error.code, message, { remote, cause: reason.error }));
    }
    this.#failures.push(`${name}: ${reason.reason === "" ? reason.codeName : reason.reason} (${waitedMs} ms)`);
    this.#tryNext();
  }

  #onTimeout(): void {
    for (const name of this.#pending.keys()) this.#failures.push(`${name}: no answer`);
    for (const address of this.#waiting) {
      this.#failures.push(`${formatAddress({ address, port: this.#request.address.port })}: not tried`);
    }
    if (this.#failures.length === 0) this.#failures.push("the name was not resolved");
    this.#failWith(this.#unavailable(`within ${this.#timeoutMs} ms`));
  }

  #unavailable(waited: string): EchoStreamError {
    const tried = this.#failures.join("; ");
    const message =
      `Cannot connect to ${this.#target} ${waited}: ${tried}. Does a server listen there, and may UDP pass?`;
    return new EchoStreamError(ErrorCode.UNAVAILABLE, message, { disposition: "notProcessed" });
  }

  #failWith(error: Error): void {
    if (this.#settled) return;
    this.#settle("Connecting was given up");
    this.#reject(error);
  }

  /** What is still trying is not wanted any more. */
  #settle(reason: string): void {
    this.#settled = true;
    for (const connection of this.#pending.values()) void connection.close(ConnectionCode.NO_ERROR, reason);
  }

  #waitedMs(): number {
    return Math.round((this.#clock.nowUs() - this.#startUs) / 1000);
  }

  #startTimer(callback: () => void, delayMs: number): Timer {
    return this.#clock.setTimer(callback, delayMs, { referenced: true });
  }
}
