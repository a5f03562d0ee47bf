/**
 * Named values shared by handlers and hooks: one store per server, per client and per session.
 *
 * @module
 */

/** A store of named values. Plugins prefix their names (`"plugin.config"`) so that they do not meet. */
export class Context {
  // Made with the first value: every session is such a store.
  #values: Map<string, unknown> | undefined;

  /** Keep `value` under `name`, replacing what was there. */
  set(name: string, value: unknown): this {
    (this.#values ??= new Map()).set(name, value);
    return this;
  }

  /** The value kept under `name`, or `undefined`. The type is the caller's claim; nothing checks it. */
  get<T = unknown>(name: string): T | undefined {
    return this.#values?.get(name) as T | undefined;
  }

  /** Whether something, be it `undefined`, is kept under `name`. */
  has(name: string): boolean {
    return this.#values?.has(name) ?? false;
  }

  /** Forget `name`; whether there was something to forget. */
  delete(name: string): boolean {
    return this.#values?.delete(name) ?? false;
  }
}

/** What all sessions of one server share: `session.serverCtx()`, and the argument of its start and shutdown hooks. */
export class ServerContext extends Context {
  readonly #kind = "server";

  /** Tells a server's context from a client's in logs. */
  get kind(): "server" {
    return this.#kind;
  }
}

/** What the hooks of one client share; lives as long as the client. */
export class ClientContext extends Context {
  readonly #kind = "client";

  /** Tells a client's context from a server's in logs. */
  get kind(): "client" {
    return this.#kind;
  }
}
