/**
 * What a caller may say about one call of a client, beyond what a session takes.
 *
 * @module
 */

import type { CallOptions } from "../rpc/call_options.ts";
import type { RetryOptions } from "../rpc/retry_policy.ts";
import type { WhileReconnecting } from "./reconnect_policy.ts";

/** Options of `RpcClient.requestStream` and `RpcClient.requestChannel`. */
export interface StreamingCallOptions extends CallOptions {
  /** Whether this call waits while there is no connection. Default: the client's `reconnect.whileReconnecting`. */
  readonly whileReconnecting?: WhileReconnecting;
}

/** Options of `RpcClient.request`. The deadline spans all attempts. */
export interface RequestOptions extends StreamingCallOptions {
  /** How this call is tried again; what is not given is as the client's `retry` says. `false`: one attempt. */
  readonly retry?: RetryOptions | false;
}
