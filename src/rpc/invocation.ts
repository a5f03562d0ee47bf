/**
 * The two halves of running a handler: from the payload that arrived to what the handler returned, and from there to what is to be
 * encoded. Each is synchronous as long as nothing in it is a promise, because most handlers of a busy server are.
 *
 * @module
 */

import type { Encoding } from "../protocol/encoding.ts";
import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { CallContext } from "./call_context.ts";
import { decodePayload, decodeRawPayload, rawResult } from "./payload.ts";
import type { Method } from "./router.ts";
import { isUnchecked, toIssues, validate, type ValidationResult } from "./schema.ts";

/**
 * Decode and validate the payload and run the handler. `bytes` are not kept.
 * @returns What the handler returned, or a promise of it.
 * @throws {EchoStreamError} when the payload is refused; whatever the handler throws.
 */
export function runHandler<C>(
  method: Method<C>,
  context: C,
  call: CallContext,
  encoding: Encoding,
  bytes: Uint8Array,
): unknown {
  if (method.channel) {
    throw new EchoStreamError(
      ErrorCode.UNIMPLEMENTED,
      `Method "${method.name}" is a channel, call it by requestChannel`,
    );
  }
  if (method.raw) {
    const payload = decodeRawPayload(encoding, bytes);
    call.started = true;
    return method.handler(context, payload, call);
  }
  const value = decodePayload(encoding, bytes);
  const { input } = method;
  if (input === undefined || isUnchecked(input)) {
    call.started = true;
    return method.handler(context, value, call);
  }
  const checked = validate(input, value);
  if (!isThenable(checked)) return runChecked(method, context, call, checked);
  return checked.then((result) => runChecked(method, context, call, result));
}

/**
 * What a handler's result becomes on its way out of a unary call.
 * @returns The value, or a promise of it where the schema is asynchronous.
 * @throws {EchoStreamError} UNIMPLEMENTED when it is a stream.
 * @throws {TypeError} when the result cannot travel or does not match.
 */
export function finishResult<C>(method: Method<C>, result: unknown): unknown {
  if (!isAsyncIterable(result)) return finishItem(method, result);
  // It may hold something open already.
  void Promise.resolve(result[Symbol.asyncIterator]().return?.()).catch(() => {});
  throw new EchoStreamError(
    ErrorCode.UNIMPLEMENTED,
    `Method "${method.name}" streams its answer, call it by requestStream`,
  );
}

/**
 * What a value that a handler returned or yielded becomes on its way out: bytes for a raw method, a value that passed the output
 * schema otherwise.
 * @returns The value, or a promise of it where the schema is asynchronous.
 * @throws {TypeError} when the result cannot travel or does not match.
 */
export function finishItem<C>(method: Method<C>, result: unknown): unknown {
  if (method.raw) return rawResult(result);
  const { output } = method;
  if (output === undefined || isUnchecked(output)) return result;
  const checked = validate(output, result);
  return isThenable(checked) ? checked.then((later) => outputOf(method, later)) : outputOf(method, checked);
}

/** Whether `value` is to be waited for. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/**
 * What a channel's handler gets for an item that arrived.
 * @returns The value, or a promise of it where the schema is asynchronous.
 * @throws {EchoStreamError} INVALID_ARGUMENT when it does not match the input schema.
 */
export function inputItem<C>(method: Method<C>, value: unknown): unknown {
  const { input } = method;
  if (input === undefined || isUnchecked(input)) return value;
  const checked = validate(input, value);
  return isThenable(checked) ? checked.then((later) => inputOf(method, later)) : inputOf(method, checked);
}

function inputOf<C>(method: Method<C>, input: ValidationResult): unknown {
  if (input.issues === undefined) return input.value;
  const issues = toIssues(input.issues);
  throw new EchoStreamError(ErrorCode.INVALID_ARGUMENT, mismatch("Input", method, issues[0]?.message), { issues });
}

function runChecked<C>(method: Method<C>, context: C, call: CallContext, input: ValidationResult): unknown {
  const value = inputOf(method, input);
  // While an asynchronous schema was at work the caller may have gone.
  call.throwIfAborted();
  call.started = true;
  return method.handler(context, value, call);
}

function outputOf<C>(method: Method<C>, output: ValidationResult): unknown {
  if (output.issues === undefined) return output.value;
  // No EchoStreamError: what is wrong with a server's own answer is for its log, not for its callers.
  throw new TypeError(mismatch("Output", method, output.issues[0]?.message), { cause: output.issues });
}

function mismatch<C>(what: string, method: Method<C>, reason = "no reason given"): string {
  return `${what} of "${method.name}" does not match its schema: ${reason}`;
}

/** Whether `value` is a sequence that is read item by item: an async generator, a Web Stream. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
