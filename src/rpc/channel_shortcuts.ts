/**
 * What a program often does with a channel, made of its own methods.
 *
 * @module
 */

import { EchoStreamError, ErrorCode } from "../protocol/error.ts";
import type { Channel } from "./outgoing_channel.ts";

/** As `Channel.sendAll`. */
export async function sendEach(
  channel: Channel<unknown, unknown>,
  items: AsyncIterable<unknown> | Iterable<unknown>,
): Promise<void> {
  try {
    for await (const item of items) {
      if (!await channel.send(item)) return;
    }
    channel.end();
  } catch (error) {
    channel.cancel(error);
    throw error;
  }
}

/** As `Channel.response`, of a channel to `method`. */
export async function onlyAnswer(channel: Channel<unknown, unknown>, method: string): Promise<unknown> {
  channel.end();
  const first = await channel.next();
  if (first.done) throw miscounted(method, "no answer");
  const second = await channel.next();
  if (second.done) return first.value;
  const error = miscounted(method, "more than one answer");
  channel.cancel(error);
  throw error;
}

function miscounted(method: string, what: string): EchoStreamError {
  const message = `"${method}" gave ${what} where one was expected`;
  return new EchoStreamError(ErrorCode.INTERNAL, message, { disposition: "perhapsProcessed" });
}
