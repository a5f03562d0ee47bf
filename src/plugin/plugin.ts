/**
 * Plugins: a named bundle of handlers, listeners, streams, values and hooks that joins a server or a client while it is built.
 *
 * @module
 */

import type { None } from "../rpc/signature.ts";
import type { ClientBuilder } from "./client_builder.ts";
import type { ServerBuilder } from "./server_builder.ts";

/**
 * Extends a server. Installed once, when `builder.plugin(...)` is called, in the order of the calls; what `install` registers
 * joins the server, its types included.
 */
// deno-lint-ignore no-explicit-any -- "any plugin" must accept every combination of types
export interface ServerPlugin<Methods = any, Events = any, Pushes = any, Streams = any> {
  /** Unique among the plugins of one server; also the prefix of its methods and values by convention. */
  readonly name: string;
  /** Register what the plugin brings and return the builder that results. What it throws leaves `builder.plugin(...)`. */
  install(builder: ServerBuilder<None, None, None, None>): ServerBuilder<Methods, Events, Pushes, Streams>;
}

/** Extends a client; see {@link ServerPlugin}. */
export interface ClientPlugin {
  /** Unique among the plugins of one client. */
  readonly name: string;
  /** Register what the plugin brings and return the builder. What it throws leaves `builder.plugin(...)`. */
  // deno-lint-ignore no-explicit-any -- a plugin works for clients of every server
  install(builder: ClientBuilder<any>): ClientBuilder<any>;
}
