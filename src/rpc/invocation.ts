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
import { conform, type StandardSchemaV1, toIssues } from "./schema.ts";
import { isThenable } from "./thenable.ts";

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
  refuseUnary(method);
  if (method.raw) {
    return start(method, context, call, decodeRawPayload(encoding, bytes));
  }
  const value = inputItem(method, decodePayload(encoding, bytes));
  if (!isThenable(value)) return start(method, context, call, value);
  return value.then((later) => {
    // While an asynchronous schema was at work the caller may have gone.
    call.throwIfAborted();
    return start(method, context, call, later);
  });
}

/** @throws {EchoStreamError} UNIMPLEMENTED when the method takes no single payload. */
export function refuseUnary<C>(method: Method<C>): void {
  if (!method.channel) return;
  throw new EchoStreamError(ErrorCode.UNIMPLEMENTED, `Method "${method.name}" is a channel, call it by requestChannel`);
}

function start<C>(method: Method<C>, context: C, call: CallContext, payload: unknown): unknown {
  call.started = true;
  call.errors = method.errors;
  return method.handler(context, payload, call);
}

/**
 * What a handler's result becomes on its way out of a unary call.
 * @param output The schema it has to pass: that of the method, or none once it has.
 * @returns The value, or a promise of it where the schema is asynchronous.
 * @throws {EchoStreamError} UNIMPLEMENTED when it is a stream.
 * @throws {TypeError} when the result cannot travel or does not match.
 */
export function finishResult<C>(
  method: Method<C>,
  result: unknown,
  output: StandardSchemaV1 | undefined,
): unknown {
  if (!isAsyncIterable(result)) return finishItem(method, result, output);
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
 * @param output The schema it has to pass: that of the method, or none once it has.
 * @returns The value, or a promise of it where the schema is asynchronous.
 * @throws {TypeError} when the result cannot travel or does not match.
 */
export function finishItem<C>(
  method: Method<C>,
  result: unknown,
  output: StandardSchemaV1 | undefined,
): unknown {
  if (method.raw) return rawResult(result);
  return conform(output, result, outputRefusal, method);
}

/**
 * What a handler gets for a value that arrived.
 * @returns The value, or a promise of it where the schema is asynchronous.
 * @throws {EchoStreamError} INVALID_ARGUMENT when it does not match the input schema.
 */
export function inputItem<C>(method: Method<C>, value: unknown): unknown {
  return conform(method.input, value, inputRefusal, method);
}

function inputRefusal(refused: readonly StandardSchemaV1.Issue[], { name }: { readonly name: string }): Error {
  const issues = toIssues(refused);
  return new EchoStreamError(ErrorCode.INVALID_ARGUMENT, mismatch("Input", name, issues[0]?.message), { issues });
}

/** No EchoStreamError: what is wrong with a server's own answer is for its log, not for its callers. */
function outputRefusal(issues: readonly StandardSchemaV1.Issue[], { name }: { readonly name: string }): Error {
  return new TypeError(mismatch("Output", name, issues[0]?.message), { cause: issues });
}

function mismatch(what: string, method: string, reason = "no reason given"): string {
  return `${what} of "${method}" does not match its schema: ${reason}`;
}

/** Whether `value` is a sequence that is read item by item: an async generator, a Web Stream. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
