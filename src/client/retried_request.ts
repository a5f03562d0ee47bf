/**
 * A request that is made again where it fails and may be.
 *
 * @module
 */

import type { Recovery } from "../rpc/outgoing_call.ts";
import type { RetriedCall, Retries } from "../rpc/retries.ts";
import type { RetryPolicy } from "../rpc/retry_policy.ts";
import type { RequestOptions } from "./request_options.ts";

/** Makes one attempt. */
export type Attempt = (method: string, payload: unknown, options: RequestOptions) => Promise<unknown>;

/** Stands by the first attempt: one object, and nothing else as long as all goes well. */
export class RetriedRequest implements Recovery, RetriedCall<unknown> {
  readonly method: string;
  readonly options: RequestOptions;
  readonly policy: RetryPolicy;
  readonly startedUs: number;
  readonly #retries: Retries;
  readonly #attempt: Attempt;
  readonly #payload: unknown;

  /** @param payload In a form that may be sent again. */
  constructor(
    retries: Retries,
    attempt: Attempt,
    method: string,
    payload: unknown,
    options: RequestOptions,
    policy: RetryPolicy,
    startedUs: number,
  ) {
    this.#retries = retries;
    this.#attempt = attempt;
    this.method = method;
    this.#payload = payload;
    this.options = options;
    this.policy = policy;
    this.startedUs = startedUs;
  }

  get idempotent(): boolean {
    return this.options.idempotent ?? false;
  }

  attempt(options: RequestOptions): Promise<unknown> {
    return this.#attempt(this.method, this.#payload, options);
  }

  succeeded(): void {
    this.#retries.succeeded();
  }

  recover(error: unknown): Promise<unknown> {
    return this.#retries.again(this, error);
  }
}
