/**
 * Calls of a client, through its interceptors: made now, or when there is a connection; requests again when they may be.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EchoStreamError } from "../protocol/error.ts";
import { FailedChannel } from "../rpc/failed_channel.ts";
import type { InterceptorOf } from "../rpc/interceptor.ts";
import type { Channel } from "../rpc/outgoing_channel.ts";
import { idempotentIn } from "../rpc/contract.ts";
import { keptPayload } from "../rpc/payload.ts";
import { Retries } from "../rpc/retries.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryPolicy } from "../rpc/retry_policy.ts";
import { OutgoingInterceptors } from "../rpc/outgoing_interceptors.ts";
import type { EndpointSettings } from "../session/endpoint_options.ts";
import type { Session } from "../session.ts";
import type { ClientDefinition } from "./definition.ts";
import type { RequestOptions, StreamingCallOptions } from "./request_options.ts";
import { type Attempt, RetriedRequest } from "./retried_request.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Makes the calls of one client. */
export class ClientRequests {
  readonly #keeper: SessionKeeper;
  readonly #clock: Clock;
  readonly #policy: RetryPolicy | undefined;
  readonly #idempotentMethods: ReadonlySet<string>;
  readonly #retries: Retries;
  readonly #intercepted: OutgoingInterceptors<Session> | undefined;
  // Streaming calls that wait for a connection, as behind an interceptor that lets them go on when there is one.
  readonly #waiting: OutgoingInterceptors<Session>;

  /** @throws {RangeError} when an option is out of its range. */
  constructor(keeper: SessionKeeper, { options, outgoing }: ClientDefinition, settings: EndpointSettings) {
    const { retry = {}, retryThrottling, idempotentMethods = [], contracts = [], random } = options;
    this.#keeper = keeper;
    this.#clock = settings.clock;
    this.#policy = retry === false ? undefined : retryPolicy(retry);
    this.#idempotentMethods = new Set([...idempotentMethods, ...contracts.flatMap(idempotentIn)]);
    this.#retries = new Retries({ clock: settings.clock, throttling: retryThrottling, random });
    this.#waiting = this.#through([async (call, next) => {
      await keeper.wait(`"${call.method}"`, { signal: call.signal, timeoutMs: call.deadlineMs }, "wait");
      return next(call);
    }], settings);
    if (outgoing.length > 0) this.#intercepted = this.#through(outgoing, settings);
  }

  /** See `RpcClient.request`. Never throws, whatever is wrong comes as a rejection. */
  request(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    if (this.#intercepted === undefined) return this.#request(method, payload, options);
    return this.#intercepted.request(method, payload, options);
  }

  /** See `RpcClient.requestStream`, with the one payload as `only`, and `RpcClient.requestChannel`. Never throws. */
  open(method: string, options: StreamingCallOptions = {}, only?: OnlyItem): Channel<unknown, unknown> {
    if (this.#intercepted === undefined) return this.#open(method, options, only);
    return this.#intercepted.open(method, options, only);
  }

  #through(
    interceptors: readonly InterceptorOf<Session>[],
    { clock, timers, log }: EndpointSettings,
  ): OutgoingInterceptors<Session> {
    const keeper = this.#keeper;
    return new OutgoingInterceptors<Session>({
      interceptors,
      get session() {
        return keeper.session;
      },
      clock,
      timers,
      log,
      request: (method, payload, options) => this.#request(method, payload, options),
      open: (method, options, only) => this.#open(method, options, only),
    });
  }

  #open(method: string, options: StreamingCallOptions, only?: OnlyItem): Channel<unknown, unknown> {
    const keeper = this.#keeper;
    if (!keeper.isWaiting) return keeper.session.direct.streamRequester.open(method, options, only);
    try {
      keeper.checkMayWait(`"${method}"`, options.whileReconnecting);
      return this.#waiting.open(method, options, only && { item: keptPayload(only.item) });
    } catch (error) {
      return new FailedChannel(error);
    }
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
    const whole = idempotent === (options.idempotent ?? false) ? options : { ...options, idempotent };
    const failsFast = keeper.isWaiting && (options.whileReconnecting ?? keeper.whileReconnecting) === "fail";
    if (policy === undefined || policy.maxAttempts === 1 || failsFast) return this.#attempt(method, kept, whole);
    const startedUs = options.timeoutMs === undefined ? 0 : this.#clock.nowUs();
    const call = new RetriedRequest(this.#retries, this.#make, method, kept, whole, policy, startedUs);
    if (!keeper.isWaiting) return keeper.session.direct.requester.request(method, kept, whole, call);
    return this.#later(method, kept, whole).then(
      (value) => (call.succeeded(), value),
      (error) => call.recover(error),
    );
  }

  /** No further attempt will be made; those that wait for theirs fail with `error`. */
  end(error: EchoStreamError): void {
    this.#retries.end(error);
    this.#intercepted?.end(error);
    this.#waiting.end(error);
  }

  readonly #make: Attempt = (method, payload, options) => this.#attempt(method, payload, options);

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

  #policyOf({ retry }: RequestOptions): RetryPolicy | undefined {
    if (retry === undefined) return this.#policy;
    return retry === false ? undefined : retryPolicy(retry, this.#policy ?? DEFAULT_RETRY_POLICY);
  }
}

interface OnlyItem {
  readonly item: unknown;
}
