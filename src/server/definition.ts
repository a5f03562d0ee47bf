/**
 * What a builder has collected: the complete description of a server that does not run yet.
 *
 * @module
 */

import type { HostPort } from "../connection/address.ts";
import type { CloseReason } from "../connection/close_reason.ts";
import type { TlsServerOptions } from "../connection/tls.ts";
import { ServerContext } from "../context.ts";
import { Hooks } from "../plugin/hooks.ts";
import { PluginRegistry } from "../plugin/registry.ts";
import { Listeners } from "../rpc/listeners.ts";
import { Router } from "../rpc/router.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { EndpointOptions } from "../session/endpoint_options.ts";
import type { Session } from "../session.ts";
import { StreamHandlers } from "../stream/stream_handlers.ts";

/** Filled by the builder, read-only once the server is built. */
export class ServerDefinition {
  readonly addresses: HostPort[] = [];
  readonly context = new ServerContext();
  readonly router = new Router<Session>();
  readonly listeners = new Listeners<Session>();
  readonly streams = new StreamHandlers<Session>();
  readonly pushes = new Map<string, StandardSchemaV1>();
  readonly plugins = new PluginRegistry();
  readonly onStart = new Hooks<[context: ServerContext]>("onStart");
  readonly onShutdown = new Hooks<[context: ServerContext]>("onShutdown");
  readonly onConnect = new Hooks<[session: Session]>("onConnect");
  readonly onDisconnect = new Hooks<[session: Session, reason: CloseReason]>("onDisconnect");
  tls: TlsServerOptions | undefined;
  options: EndpointOptions = {};
}
