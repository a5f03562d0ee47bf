/**
 * What a builder has collected: the complete description of a client that is not connected yet.
 *
 * @module
 */

import type { HostPort } from "../connection/address.ts";
import type { CloseReason } from "../connection/close_reason.ts";
import type { TlsClientOptions } from "../connection/tls.ts";
import { ClientContext } from "../context.ts";
import { Hooks } from "../plugin/hooks.ts";
import type { ReconnectAttempt, ReconnectOutcome } from "../plugin/reconnect.ts";
import { PluginRegistry } from "../plugin/registry.ts";
import type { InterceptorOf } from "../rpc/interceptor.ts";
import type { ContractEntries } from "../rpc/contract.ts";
import { Listeners } from "../rpc/listeners.ts";
import type { RetryOptions, RetryThrottling } from "../rpc/retry_policy.ts";
import { Router } from "../rpc/router.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { EndpointOptions } from "../session/endpoint_options.ts";
import type { Session } from "../session.ts";
import { StreamHandlers } from "../stream/stream_handlers.ts";
import type { ReconnectOptions } from "./reconnect_policy.ts";

/** Settings of a client that have defaults. */
export interface ClientOptions extends EndpointOptions {
  /** Milliseconds until an attempt to connect fails with UNAVAILABLE, all addresses of a name together. Default 5,000. */
  readonly timeoutMs?: number;
  /** Gives the first connecting up. */
  readonly signal?: AbortSignal;
  /** How the server's certificate is judged. Default: the system's authorities; on a loopback address also this user's development authority. */
  readonly tls?: TlsClientOptions;
  /**
   * Whether and how a connection that is lost, or whose server goes away, is made again. Default: true. `false`: the client ends with
   * its connection. The first connection is never tried twice: that it fails is told by `connect` and `build`.
   */
  readonly reconnect?: ReconnectOptions | boolean;
  /** How requests that were not processed, or may be processed twice, are tried again. Default: as {@link RetryOptions} says; `false`: never. */
  readonly retry?: RetryOptions | false;
  /** When retries of all requests together are too many. */
  readonly retryThrottling?: RetryThrottling;
  /** Methods every request of which is `idempotent`, unless it says otherwise. Default none. */
  readonly idempotentMethods?: readonly string[];
  /** What the server is known to implement: methods these declare `idempotent` count as listed in `idempotentMethods`. Default none. */
  readonly contracts?: readonly { readonly entries: ContractEntries }[];
  /** Decides how long is waited before retries and reconnects: numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** Filled by the builder, and by `client.on` while connected. */
export class ClientDefinition {
  readonly context: ClientContext = new ClientContext();
  readonly router: Router<Session> = new Router();
  readonly outgoing: InterceptorOf<Session>[] = [];
  readonly listeners: Listeners<Session> = new Listeners();
  readonly streams: StreamHandlers<Session> = new StreamHandlers();
  /** A client validates nothing it sends: its server does. */
  readonly pushes: ReadonlyMap<string, StandardSchemaV1> = new Map();
  readonly plugins: PluginRegistry = new PluginRegistry();
  readonly onConnect: Hooks<[context: ClientContext, session: Session]> = new Hooks("onConnect");
  readonly onDisconnect: Hooks<[context: ClientContext, reason: CloseReason]> = new Hooks("onDisconnect");
  readonly onReconnecting: Hooks<[context: ClientContext, attempt: ReconnectAttempt]> = new Hooks("onReconnecting");
  readonly onReconnect: Hooks<[context: ClientContext, session: Session, outcome: ReconnectOutcome]> = new Hooks(
    "onReconnect",
  );
  address: HostPort | undefined;
  options: ClientOptions = {};
}
