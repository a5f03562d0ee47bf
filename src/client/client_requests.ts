/**
 * Requests of a client: sent now, or when there is a connection, and again when they may be.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { keptPayload } from "../rpc/payload.ts";
import { Retries } from "../rpc/retries.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryPolicy } from "../rpc/retry_policy.ts";
import type { ClientOptions } from "./definition.ts";
import type { RequestOptions } from "./request_options.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Makes the requests of one client. */
export class ClientRequests {
  readonly #keeper: SessionKeeper;
  readonly #clock: Clock;
  readonly #policy: RetryPolicy | undefined;
  readonly #idempotentMethods: ReadonlySet<string>;
  readonly #retries: Retries;

  /** @throws {RangeError} when an option is out of its range. */
  constructor(keeper: SessionKeeper, options: ClientOptions, clock: Clock) {
    const { retry = {}, retryThrottling, idempotentMethods = [], random } = options;
    this.#keeper = keeper;
    this.#clock = clock;
    this.#policy = retry === false ? undefined : retryPolicy(retry);
    this.#idempotentMethods = new Set(idempotentMethods);
    this.#retries = new Retries({ clock, throttling: retryThrottling, random });
  }

  /** See `RpcClient.request`. Never throws, whatever is wrong comes as a rejection. */
  request(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    const keeper = this.#keeper;
    const idempotent = options.idempotent ?? this.#idempotentMethods.has(method);
    let policy: RetryPolicy | undefined;
    let kept: unknown;
    try {
      policy = this.#policyOf(options);
      kept = policy === undefined && !keeper.isWaiting ? payload : keptPayload(payload);
    } catch (error) {
      return Promise.reject(error);
    }
    const attempt = (options: RequestOptions): Promise<unknown> =>
      this.#attempt(method, kept, idempotent === (options.idempotent ?? false) ? options : { ...options, idempotent });
    const failsFast = keeper.isWaiting && (options.whileReconnecting ?? keeper.whileReconnecting) === "fail";
    if (policy === undefined || policy.maxAttempts === 1 || failsFast) return attempt(options);
    const startedUs = options.timeoutMs === undefined ? 0 : this.#clock.nowUs();
    const call = { method, options, policy, idempotent, startedUs, attempt };
    return attempt(options).then(this.#succeeded, (error) => this.#retries.again(call, error));
  }

  /** No further attempt will be made; those that wait for theirs fail with `error`. */
  end(error: EchoStreamError): void {
    this.#retries.end(error);
  }

  #attempt(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    const keeper = this.#keeper;
    return keeper.isWaiting ? this.#later(method, payload, options) : keeper.session.request(method, payload, options);
  }

  /** What the wait took is taken from the deadline. */
  async #later(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    const { timeoutMs, whileReconnecting } = options;
    const startedUs = this.#clock.nowUs();
    await this.#keeper.wait(`"${method}"`, options, whileReconnecting);
    if (timeoutMs === undefined) return await this.#attempt(method, payload, options);
    const leftMs = Math.max(1, timeoutMs - (this.#clock.nowUs() - startedUs) / 1000);
    return await this.#attempt(method, payload, { ...options, timeoutMs: leftMs });
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
