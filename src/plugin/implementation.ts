/**
 * What `.implement(contract, {...})` takes: a function for each name of the contract. Nothing here exists at run time.
 *
 * @module
 */

import type { ContractHandled, ErrorsIn, KindOf, NamesOf, ReceivedIn, SentIn } from "../rpc/contract.ts";
import type { Call } from "../rpc/handler.ts";
import type { ItemStream } from "../rpc/item_queue.ts";
import type { ChannelResult, MaybePromise } from "../rpc/signature.ts";
import type { IncomingStream } from "../stream/incoming_stream.ts";

/** The functions that do what the contract `C` says; `Context` is the session they get. */
export type Implementation<C, Context> = {
  readonly [K in NamesOf<C, ContractHandled>]: HandlerOf<C[K], KindOf<C[K]>, Context>;
};

type HandlerOf<D, Kind, Context> = Kind extends "event" ? (session: Context, payload: ReceivedIn<D>) => unknown
  : Kind extends "stream" ? (session: Context, incoming: IncomingStream) => unknown
  : Kind extends "channel"
    ? (session: Context, items: ItemStream<ReceivedIn<D>>, call: Call<ErrorsIn<D>>) => ChannelResult<SentIn<D>>
  : Kind extends "serverStream"
    ? (session: Context, payload: ReceivedIn<D>, call: Call<ErrorsIn<D>>) => AsyncIterable<SentIn<D>>
  : (session: Context, payload: ReceivedIn<D>, call: Call<ErrorsIn<D>>) => MaybePromise<SentIn<D>>;
