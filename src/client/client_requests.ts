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
import type { Recovery } from "../rpc/outgoing_call.ts";
import { keptPayload } from "../rpc/payload.ts";
import { Retries } from "../rpc/retries.ts";
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryPolicy } from "../rpc/retry_policy.ts";
import { OutgoingInterceptors } from "../rpc/outgoing_interceptors.ts";
import type { EndpointSettings } from "../session/endpoint_options.ts";
import type { Session } from "../session.ts";
import type { ClientDefinition } from "./definition.ts";
import type { RequestOptions, StreamingCallOptions } from "./request_options.ts";
import type { SessionKeeper } from "./session_keeper.ts";

/** Makes the calls of one client. */
export class ClientRequests {
  readonly #keeper: SessionKeeper;
  readonly #clock: Clock;
  readonly #policy: RetryPolicy | undefined;
  readonly #idempotentMethods: ReadonlySet<string>;
  readonly #retries: Retries;
  readonly #recovery: Recovery = {
    succeeded: () => this.#retries.succeeded(),
    recover: async ({ method, payload, options, startedUs = this.#clock.nowUs() }, error) => {
      // Where a request was not begun at all, its caller may still change the payload.
      const kept = keptPayload(payload);
      const attempt = (options: RequestOptions): Promise<unknown> => this.#attempt(method, kept, options);
      const { idempotent = false } = options;
      const policy = this.#policyOf(options)!;
      return await this.#retries.again({ method, options, idempotent, policy, startedUs, attempt }, error);
    },
  };
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
    if (!keeper.isWaiting) return keeper.session.direct.parts.streamRequester.open(method, options, only);
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
    const whole = idempotent === (options.idempotent ?? false) ? options : { ...options, idempotent };
    try {
      const policy = this.#policyOf(whole);
      const isRetried = policy !== undefined && policy.maxAttempts > 1;
      if (keeper.isWaiting) return this.#whileWaiting(method, keptPayload(payload), whole, isRetried);
      const { requester } = keeper.session.direct.parts;
      return requester.request(method, payload, whole, isRetried ? this.#recovery : undefined);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #whileWaiting(method: string, payload: unknown, options: RequestOptions, isRetried: boolean): Promise<unknown> {
    const first = this.#later(method, payload, options);
    const failsFast = (options.whileReconnecting ?? this.#keeper.whileReconnecting) === "fail";
    if (!isRetried || failsFast) return first;
    const startedUs = this.#clock.nowUs();
    const { succeeded, recover } = this.#recovery;
    return first.then(
      (value) => (succeeded(), value),
      (error) => recover({ method, payload, options, startedUs }, error),
    );
  }

  /** No further attempt will be made; those that wait for theirs fail with `error`. */
  end(error: EchoStreamError): void {
    this.#retries.end(error);
    this.#intercepted?.end(error);
    this.#waiting.end(error);
  }

  #attempt(method: string, payload: unknown, options: RequestOptions): Promise<unknown> {
    const keeper = this.#keeper;
    return keeper.isWaiting
      ? this.#later(method, payload, options)
      : keeper.session.direct.parts.requester.request(method, payload, options);
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
