/**
 * Calls of a client, through its interceptors: requests are sent now, or when there is a connection, and again when they may be.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import type { CallOptions } from "../rpc/call_options.ts";
import type { Channel } from "../rpc/outgoing_channel.ts";
import { idempotentIn } from "../rpc/contract.ts";
import { keptPayload } from "../rpc/payload.ts";
import { Retries } from "../rpc/retries.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryPolicy } from "../rpc/retry_policy.ts";
import { OutgoingInterceptors } from "../rpc/outgoing_interceptors.ts";
import type { EndpointSettings } from "../session/endpoint_options.ts";
import type { Session } from "../session.ts";
import type { ClientDefinition } from "./definition.ts";
import type { RequestOptions } from "./request_options.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Makes the calls of one client. */
export class ClientRequests {
  readonly #keeper: SessionKeeper;
  readonly #clock: Clock;
  readonly #policy: RetryPolicy | undefined;
  readonly #idempotentMethods: ReadonlySet<string>;
  readonly #retries: Retries;
  readonly #intercepted: OutgoingInterceptors<Session> | undefined;

  /** @throws {RangeError} when an option is out of its range. */
  constructor(keeper: SessionKeeper, { options, outgoing }: ClientDefinition, settings: EndpointSettings) {
    const { retry = {}, retryThrottling, idempotentMethods = [], contracts = [], random } = options;
    const { clock, timers, log } = settings;
    this.#keeper = keeper;
    this.#clock = clock;
    this.#policy = retry === false ? undefined : retryPolicy(retry);
    this.#idempotentMethods = new Set([...idempotentMethods, ...contracts.flatMap(idempotentIn)]);
    this.#retries = new Retries({ clock, throttling: retryThrottling, random });
    if (outgoing.length === 0) return;
    this.#intercepted = new OutgoingInterceptors<Session>({
      interceptors: outgoing,
      get session() {
        return keeper.session;
      },
      clock,
      timers,
      log,
      request: (method, payload, options) => this.#request(method, payload, options),
      open: (method, options, only) => keeper.session.direct.streamRequester.open(method, options, only),
    });
  }

  /** See `RpcClient.request`. Never throws, whatever is wrong comes as a rejection. */
  request(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    if (this.#intercepted === undefined) return this.#request(method, payload, options);
    return this.#intercepted.request(method, payload, options);
  }

  /** See `RpcClient.requestStream`, with the one payload as `only`, and `RpcClient.requestChannel`. Never throws. */
  open(method: string, options: CallOptions = {}, only?: { readonly item: unknown }): Channel<unknown, unknown> {
    return (this.#intercepted ?? this.#keeper.session.direct.streamRequester).open(method, options, only);
  }

  #request(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
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
    this.#intercepted?.end(error);
  }

  #attempt(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    const keeper = this.#keeper;
    return keeper.isWaiting
      ? this.#later(method, payload, options)
      : keeper.session.direct.requester.request(method, payload, options);
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
