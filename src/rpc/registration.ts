/**
 * The arguments of `handler(...)`, `channel(...)` and `listener(...)`, which servers and clients take alike: a name, perhaps a schema or options, a function.
 *
 * @module
 */

import { checkOwnName } from "../protocol/name.ts";
import type { ErrorDeclarations } from "./application_error.ts";
import type { Handler } from "./handler.ts";
import type { Listener, ListenerOptions, Listeners, SubscriptionOptions } from "./listeners.ts";
import { MethodEntry } from "./method_entry.ts";
import type { Router } from "./router.ts";
import { isSchema } from "./schema.ts";

/**
 * Register `handler(name, fn)`, `handler(name, schema, fn)` or `handler(name, { input, output, errors, idempotent }, fn)`;
 * the same for channels.
 *
 * @param channel Whether the handler gets the items of a streaming call instead of one payload.
 * @throws {TypeError} when the arguments are none of these, or the router refuses the name.
 */
export function registerMethod<C>(router: Router<C>, name: string, args: readonly unknown[], channel = false): void {
  checkOwnName("Method", name);
  if (args.length < 2) {
    router.handle(name, args[0] as Handler<C>, { raw: true, channel });
    return;
  }
  const [description, handler] = args as [unknown, Handler<C>];
  if (isSchema(description)) {
    router.handle(name, handler, { input: description, raw: false, channel });
    return;
  }
  if (typeof description !== "object" || description === null) {
    throw new TypeError(
      `Method "${name}" takes a Standard Schema, or { input, output, errors, idempotent }, before its handler`,
    );
  }
  const { input, output, errors, idempotent, ...rest } = description as Record<string, unknown>;
  const unknown = Object.keys(rest);
  if (unknown.length > 0) throw new TypeError(`Method "${name}" does not know the option "${unknown[0]}"`);
  for (const [role, schema] of [["input", input], ["output", output]] as const) {
    if (schema !== undefined && !isSchema(schema)) {
      throw new TypeError(`The ${role} of method "${name}" is not a Standard Schema`);
    }
  }
  router.handle(name, handler, {
    ...(isSchema(input) ? { input } : {}),
    ...(isSchema(output) ? { output } : {}),
    ...(errors === undefined ? {} : { errors: errors as ErrorDeclarations }),
    idempotent: idempotent === true,
    raw: input === undefined && output === undefined,
    channel,
  });
}

/**
 * Register the methods of `handlers({...})`: functions of bytes, and what `handler(...)` and `channel(...)` made. All of them or none.
 * @throws {TypeError} when something is neither, or the router refuses a name.
 */
export function registerMethods<C>(router: Router<C>, handlers: Readonly<Record<string, unknown>>): void {
  if (typeof handlers !== "object" || handlers === null) throw new TypeError("handlers takes an object of methods");
  const entries = Object.entries(handlers);
  for (const [name, entry] of entries) {
    checkOwnName("Method", name);
    if (typeof entry !== "function" && !(entry instanceof MethodEntry)) {
      throw new TypeError(`Method "${name}" is neither a function nor made by handler(...) or channel(...)`);
    }
    if (router.find(name) !== undefined) throw new TypeError(`Method "${name}" already has a handler`);
  }
  for (const [name, entry] of entries) {
    if (entry instanceof MethodEntry) registerMethod(router, name, entry.args, entry.channel);
    else registerMethod(router, name, [entry]);
  }
}

/**
 * Register `listener(name, fn)` or `listener(name, schema, fn)`, both with options behind the function.
 * @param raw Whether a listener without a schema gets bytes (true) or the payload as it was sent (false).
 * @returns A function that takes the listener away again.
 * @throws {TypeError | RangeError} when the arguments are none of these, the name is not one, or an option is out of its range.
 */
export function registerListener<C>(
  listeners: Listeners<C>,
  name: string,
  args: readonly unknown[],
  raw: boolean,
): () => void {
  const { listener, options } = listenerArguments<C>(name, args, raw);
  return listeners.add(name, listener, options);
}

/** What {@link registerListener} was given, in order. @throws {TypeError} when the arguments make no sense. */
export function listenerArguments<C>(
  name: string,
  args: readonly unknown[],
  raw: boolean,
): { readonly listener: Listener<C>; readonly options: ListenerOptions<C> } {
  checkOwnName("Event", name);
  const hasSchema = args.length > 1 && (isSchema(args[0]) || typeof args[0] !== "function");
  const [schema, listener, options] = hasSchema ? args : [undefined, ...args];
  if (hasSchema && !isSchema(schema)) {
    throw new TypeError(`Event "${name}" takes a Standard Schema before its listener`);
  }
  const treatment = isSchema(schema) ? { input: schema, raw: false } : { raw };
  return { listener: listener as Listener<C>, options: { ...subscriptionOptions<C>(name, options), ...treatment } };
}

/** The options of a subscription. @throws {TypeError} when they are no object, or hold what is no option. */
export function subscriptionOptions<C>(name: string, options: unknown = {}): SubscriptionOptions<C> {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Event "${name}" takes { capacity, overflow, onDropped } as its options`);
  }
  const { capacity, overflow, onDropped, ...rest } = options as SubscriptionOptions<C>;
  const unknown = Object.keys(rest);
  if (unknown.length > 0) throw new TypeError(`Event "${name}" does not know the option "${unknown[0]}"`);
  return {
    ...(capacity === undefined ? {} : { capacity }),
    ...(overflow === undefined ? {} : { overflow }),
    ...(onDropped === undefined ? {} : { onDropped }),
  };
}
