/**
 * Makes the connections of one client, as often as it needs one: everything that stays the same between them is here.
 *
 * @module
 */

import { formatAddress, type HostPort } from "../connection/address.ts";
import { dial } from "../connection/dial.ts";
import { nativeTransport } from "../connection/native.ts";
import { clientVerification } from "../connection/tls.ts";
import type { Transport, Verification } from "../connection/transport.ts";
import { type EndpointSettings, endpointSettings } from "../session/endpoint_options.ts";
import { Session } from "../session.ts";
import type { ClientDefinition, ClientOptions } from "./definition.ts";

/** Dials one address. */
export class Connector {
  readonly settings: EndpointSettings;
  readonly #options: ClientOptions;
  readonly #address: HostPort;
  readonly #verification: Verification;
  #transport: Transport | undefined;

  /** @throws {TypeError | RangeError} when a certificate or an option cannot be used, naming it. */
  constructor(definition: ClientDefinition, address: HostPort) {
    this.#options = definition.options;
    this.#address = address;
    this.settings = endpointSettings(definition.options, definition);
    this.#verification = clientVerification(definition.options.tls, this.settings.log);
  }

  /** What is dialled, for messages. */
  get target(): string {
    return formatAddress(this.#address);
  }

  /**
   * Resolve the name, try its addresses, and make a session of the first that answers. It is still shut.
   * @throws {EchoStreamError} as `dial`.
   */
  async connect(signal: AbortSignal | undefined): Promise<Session> {
    const { behavior, transportOptions, limits, clock, timers, log } = this.settings;
    this.#transport ??= this.#options.transport ?? await nativeTransport();
    let session: Session | undefined;
    await dial({
      transport: this.#transport,
      address: this.#address,
      transportOptions,
      verification: this.#verification,
      timeoutMs: this.#options.timeoutMs,
      signal,
      connection: {
        limits,
        clock,
        timers,
        log,
        onEstablished: (established) => {
          session = new Session(established, behavior);
          session.startClock();
        },
      },
    });
    return session!;
  }
}
