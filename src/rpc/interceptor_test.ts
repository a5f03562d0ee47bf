import assert from "node:assert/strict";
import { test } from "node:test";
import { Encoding } from "../protocol/encoding.ts";
import { CallContext } from "./call_context.ts";
import { IncomingInterception } from "./incoming_interception.ts";
import { type InterceptorLists, type InterceptorOf, registerInterceptor, type UseOptions } from "./interceptor.ts";
import { encodePayload } from "./payload.ts";
import { type Method, Router } from "./router.ts";
import { cbor } from "./schema.ts";

class TestCall extends CallContext {
  constructor(method: string) {
    super(
      { method, timeoutMs: 0, traceparent: undefined, metadata: undefined, refused: undefined } as never,
      0,
      () => 0,
    );
  }

  sendHeaders(): void {}

  override expire(): void {}
}

function run(interceptors: readonly InterceptorOf<string>[], method: Method<string>, payload: unknown): unknown {
  const interception = new IncomingInterception<string>(new TestCall(method.name), "peer", method, "unary");
  interception.decode(Encoding.CBOR, encodePayload(payload));
  return interception.run(interceptors);
}

function methodOf(handler: (context: string, payload: number) => unknown): Method<string> {
  return new Router<string>().handle("m", handler, { input: cbor<number>() }).find("m")!;
}

test("Synchronous interceptors around a synchronous handler make no promise", () => {
  const add: InterceptorOf<string> = (call, next) => next(call.with({ payload: (call.payload as number) + 1 })) * 10;
  assert.equal(run([add, (call, next) => next(call), add], methodOf((peer, n) => peer.length + n), 1), 700);
});

test("Only a call of this way goes on: what was made of something else is refused", () => {
  const method = methodOf((_peer, n) => n);
  for (const next of [undefined, {}, { method: "m" }]) {
    assert.throws(() => run([(_call, goOn) => goOn(next as never)], method, 1), TypeError);
  }
  assert.throws(() => run([(call, next) => next({ ...call })], method, 1), TypeError);
});

test("A call refuses changes that its kind or direction has not", () => {
  const refused = [{ items: [] as never }, { timeoutMs: 5 }, { onMetadata: () => {} }, { other: 1 } as never];
  for (const changes of refused) {
    assert.throws(() => run([(call, next) => next(call.with(changes))], methodOf(() => 0), 1), TypeError);
  }
});

test("Interceptors are registered for the calls they are meant for, by default those that their side ordinarily sees", () => {
  const registered = (options: UseOptions, ordinarily: "incoming" | "outgoing"): [number, number] => {
    const lists: InterceptorLists<string> = { incoming: [], outgoing: [] };
    registerInterceptor(lists, () => {}, options, ordinarily);
    return [lists.incoming.length, lists.outgoing.length];
  };
  assert.deepEqual(registered({}, "incoming"), [1, 0]);
  assert.deepEqual(registered({}, "outgoing"), [0, 1]);
  assert.deepEqual(registered({ calls: "outgoing" }, "incoming"), [0, 1]);
  assert.deepEqual(registered({ calls: "both" }, "incoming"), [1, 1]);
  assert.throws(() => registered({ calls: "all" as never }, "incoming"), TypeError);
  assert.throws(() => registered({ call: "both" } as never, "incoming"), TypeError);
  assert.throws(() => registerInterceptor({ incoming: [], outgoing: [] }, 1 as never, {}, "incoming"), TypeError);
});
