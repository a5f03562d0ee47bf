/**
 * Requests of a client that are made again when they may be: from the client's options and the call's to attempts.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { keptPayload } from "../rpc/payload.ts";
import { Retries } from "../rpc/retries.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryPolicy } from "../rpc/retry_policy.ts";
import type { Session } from "../session.ts";
import type { ClientOptions } from "./definition.ts";
import type { RequestOptions } from "./request_options.ts";

/** Makes the requests of one client. */
export class Retrying {
  readonly #clock: Clock;
  readonly #policy: RetryPolicy | undefined;
  readonly #idempotentMethods: ReadonlySet<string>;
  readonly #retries: Retries;

  /** @throws {RangeError} when an option is out of its range. */
  constructor(options: ClientOptions, clock: Clock) {
    const { retry = {}, retryThrottling, idempotentMethods = [], random } = options;
    this.#clock = clock;
    this.#policy = retry === false ? undefined : retryPolicy(retry);
    this.#idempotentMethods = new Set(idempotentMethods);
    this.#retries = new Retries({ clock, throttling: retryThrottling, random });
  }

  /** Further attempts made so far. */
  get made(): number {
    return this.#retries.made;
  }

  /**
   * Request, and again as long as that is allowed.
   * @param session The one to ask now; asked for again before each attempt.
   */
  request(session: () => Session, method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    let policy: RetryPolicy | undefined;
    let kept: unknown;
    const idempotent = options.idempotent ?? this.#idempotentMethods.has(method);
    try {
      policy = this.#policyOf(options);
      kept = policy === undefined ? payload : keptPayload(payload);
    } catch (error) {
      return Promise.reject(error);
    }
    const attempt = (options: RequestOptions): Promise<unknown> =>
      session().request(
        method,
        kept,
        idempotent === (options.idempotent ?? false) ? options : { ...options, idempotent },
      );
    if (policy === undefined || policy.maxAttempts === 1) return attempt(options);
    const startedUs = options.timeoutMs === undefined ? 0 : this.#clock.nowUs();
    const call = { method, options, policy, idempotent, startedUs, attempt };
    return attempt(options).then(this.#succeeded, (error) => this.#retries.again(call, error));
  }

  /** No further attempt will be made; those that wait for theirs fail with `error`. */
  end(error: EchoStreamError): void {
    this.#retries.end(error);
  }

  readonly #succeeded = <T>(value: T): T => {
    this.#retries.succeeded();
    return value;
  };

  #policyOf({ retry }: RequestOptions): RetryPolicy | undefined {
    if (retry === undefined) return this.#policy;
    return retry === false ? undefined : retryPolicy(retry, this.#policy ?? DEFAULT_RETRY_POLICY);
  }
}
