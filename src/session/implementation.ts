/**
 * `.implement(contract, {...})` of servers and clients: every name of the contract finds its function, and no function is left over.
 *
 * @module
 */

import type { Contract, ContractEntry } from "../rpc/contract.ts";
import type { Listeners } from "../rpc/listeners.ts";
import { registerListener, registerMethod } from "../rpc/registration.ts";
import type { Router } from "../rpc/router.ts";
import type { StandardSchemaV1 } from "../rpc/schema.ts";
import type { Session } from "../session.ts";
import type { StreamHandler, StreamHandlers } from "../stream/stream_handlers.ts";
import { declarePush } from "./push.ts";

/** Where what a contract says is registered. */
export interface Implementer {
  readonly router: Router<Session>;
  readonly listeners: Listeners<Session>;
  readonly streams: StreamHandlers<Session>;
  /** Absent where none are declared: at clients. */
  readonly pushes?: Map<string, StandardSchemaV1>;
}

/**
 * Register `handlers` as `contract` describes them.
 * @throws {TypeError} when one is missing or no function, or the contract knows nothing of one, naming it; or a name is taken.
 */
export function implementContract(
  implementer: Implementer,
  contract: Contract,
  handlers: Readonly<Record<string, unknown>>,
): void {
  const entries = entriesOf(contract);
  if (typeof handlers !== "object" || handlers === null) throw new TypeError("A contract is implemented by an object");
  for (const name of Object.keys(handlers)) {
    if (entries.get(name) === undefined) throw new TypeError(`Handler "${name}" is not in the contract`);
  }
  for (const [name, { kind }] of entries) {
    if (kind === "push") {
      if (implementer.pushes === undefined) throw new TypeError(`Push "${name}" of the contract: clients declare none`);
      if (handlers[name] !== undefined) throw new TypeError(`Push "${name}" of the contract takes no handler`);
    } else if (typeof handlers[name] !== "function") {
      throw new TypeError(`"${name}" of the contract has no handler, or one that is no function`);
    }
  }
  for (const [name, entry] of entries) add(implementer, name, entry, handlers[name]);
}

function add(implementer: Implementer, name: string, entry: ContractEntry, handler: unknown): void {
  switch (entry.kind) {
    case "event":
      registerListener(implementer.listeners, name, entry.payload ? [entry.payload, handler] : [handler], true);
      return;
    case "push":
      return declarePush(implementer.pushes!, name, entry.payload);
    case "stream":
      implementer.streams.handle(name, handler as StreamHandler<Session>);
      return;
    default: {
      const { kind, ...options } = entry;
      registerMethod(implementer.router, name, [options, handler], kind === "channel");
    }
  }
}

function entriesOf(contract: Contract): ReadonlyMap<string, ContractEntry> {
  if (typeof contract?.entries !== "object") throw new TypeError("implement takes what contract({...}) made");
  return new Map(Object.entries(contract.entries));
}
