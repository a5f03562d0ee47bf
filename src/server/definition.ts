/**
 * What a builder has collected: the complete description of a server that does not run yet.
 *
 * @module
 */

import type { AcceptOptions } from "../connection/accept_options.ts";
import type { HostPort } from "../connection/address.ts";
import type { CloseReason } from "../connection/close_reason.ts";
import type { PortShare } from "../connection/threads.ts";
import type { TlsServerOptions } from "../connection/tls.ts";
import { ServerContext } from "../context.ts";
import { Hooks } from "../plugin/hooks.ts";
import { PluginRegistry } from "../plugin/registry.ts";
import type { InterceptorOf } from "../rpc/interceptor.ts";
import { Listeners } from "../rpc/listeners.ts";
import { Router } from "../rpc/router.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { EndpointOptions } from "../session/endpoint_options.ts";
import { Members } from "../session/members.ts";
import type { RoomStore } from "../session/room_store.ts";
import type { Session } from "../session.ts";
import { StreamHandlers } from "../stream/stream_handlers.ts";

/** Settings of a server that have defaults. */
export interface ServerOptions extends EndpointOptions {
  /** Whom it lets in: bounds against floods of handshakes and connections. Defaults: docs/security.md. */
  readonly accept?: Partial<AcceptOptions>;
  /**
   * How many threads encrypt and decrypt, send and receive for each address; JavaScript stays one thread. Default 1. More is for Linux only,
   * and pays where one processor is busy with QUIC alone: docs/operations.md, "Several I/O threads".
   */
  readonly threads?: number;
  /**
   * Share the port with other processes or workers that serve the same address: each says which of how many it is. Linux only; they need the
   * same `accept: { secret }`. Default: the port is this server's alone. docs/operations.md, "Several processes".
   */
  readonly reusePort?: PortShare;
  /** Whether the server can do its work, for `$sys.health`. Default: yes, while it runs. */
  readonly health?: () => boolean | Promise<boolean>;
  /** Who may ask for `$sys.info` and `$sys.stats`. Default: nobody. */
  readonly introspection?: (session: Session) => boolean | Promise<boolean>;
  /** Keeps the rooms of sessions. Default: in memory, for this process. */
  readonly rooms?: RoomStore;
}

/** Filled by the builder, read-only once the server is built. */
export class ServerDefinition {
  readonly addresses: HostPort[] = [];
  readonly context: ServerContext = new ServerContext();
  readonly router: Router<Session> = new Router();
  readonly outgoing: InterceptorOf<Session>[] = [];
  readonly listeners: Listeners<Session> = new Listeners();
  readonly streams: StreamHandlers<Session> = new StreamHandlers();
  readonly pushes: Map<string, StandardSchemaV1> = new Map();
  readonly members: Members = new Members(this.pushes);
  readonly plugins: PluginRegistry = new PluginRegistry();
  readonly onStart: Hooks<[context: ServerContext]> = new Hooks("onStart");
  readonly onShutdown: Hooks<[context: ServerContext]> = new Hooks("onShutdown");
  readonly onConnect: Hooks<[session: Session]> = new Hooks("onConnect");
  readonly onDisconnect: Hooks<[session: Session, reason: CloseReason]> = new Hooks("onDisconnect");
  tls: TlsServerOptions | undefined;
  options: ServerOptions = {};
}
