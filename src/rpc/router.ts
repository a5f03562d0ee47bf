/**
 * Which handler answers which method.
 *
 * @module
 */

import { type DeclaredErrors, declareErrors, type ErrorDeclarations } from "./application_error.ts";
import type { Handler } from "./handler.ts";
import type { InterceptorOf } from "./interceptor.ts";
import { checkName } from "../protocol/name.ts";
import type { StandardSchemaV1 } from "./schema.ts";

/** How the payloads of a method are treated. */
export interface MethodOptions {
  /** Validates what arrives; its output is what the handler gets. */
  readonly input?: StandardSchemaV1;
  /** Validates what the handler returns; its output is what leaves. */
  readonly output?: StandardSchemaV1;
  /** Bytes in, bytes out, untouched by the codec. Default: true when there is neither `input` nor `output`. */
  readonly raw?: boolean;
  /** Whether a second execution does no harm, so that a lost answer may be asked for again. Default false. */
  readonly idempotent?: boolean;
  /** Errors the handler may throw by name, with the schemas of their data. Default none. */
  readonly errors?: ErrorDeclarations;
  /** Whether the handler gets the items of a streaming call, one after the other, instead of one payload. Default false. */
  readonly channel?: boolean;
}

/** One registered method. */
export interface Method<C> {
  readonly name: string;
  readonly handler: Handler<C>;
  readonly input: StandardSchemaV1 | undefined;
  readonly output: StandardSchemaV1 | undefined;
  readonly raw: boolean;
  readonly idempotent: boolean;
  readonly errors: DeclaredErrors | undefined;
  readonly channel: boolean;
}

/** A table of handlers. `C` is what a handler gets as its context: this layer has never heard of sessions. */
export class Router<C> {
  /** Around every call that arrives, the first of them outermost. */
  readonly interceptors: InterceptorOf<C>[] = [];
  readonly #methods = new Map<string, Method<C>>();

  /**
   * Register the handler of `method`.
   * @throws {TypeError} when `method` is no valid name (1 to 128 bytes), or is already taken, or an error is declared wrongly.
   */
  handle(method: string, handler: Handler<C>, options: MethodOptions = {}): this {
    checkName("Method", method);
    if (typeof handler !== "function") throw new TypeError(`Handler of method "${method}" is not a function`);
    if (this.#methods.has(method)) throw new TypeError(`Method "${method}" already has a handler`);
    this.#methods.set(method, {
      name: method,
      handler,
      input: options.input,
      output: options.output,
      raw: options.raw ?? (options.input === undefined && options.output === undefined),
      idempotent: options.idempotent ?? false,
      errors: declareErrors(method, options.errors),
      channel: options.channel ?? false,
    });
    return this;
  }

  /** The method of that name, or `undefined` when nobody registered it. */
  find(method: string): Method<C> | undefined {
    return this.#methods.get(method);
  }

  /**
   * The method that a call of that name goes to. Where there are interceptors one stands for what nobody registered, as they see such calls, too:
   * its handler is {@link UNKNOWN_HANDLER}.
   */
  methodFor(name: string): Method<C> | undefined {
    const method = this.#methods.get(name);
    return method === undefined && this.interceptors.length > 0 ? unknownMethod(name) : method;
  }

  /** Names of all methods, in the order of registration. */
  names(): IterableIterator<string> {
    return this.#methods.keys();
  }
}

/** Answers nothing: it tells a method that nobody registered. */
export const UNKNOWN_HANDLER = (): void => {};

function unknownMethod<C>(name: string): Method<C> {
  const unknown = { input: undefined, output: undefined, errors: undefined };
  return { ...unknown, name, handler: UNKNOWN_HANDLER, raw: false, idempotent: false, channel: true };
}
