/**
 * Makes the connections of one client, as often as it needs one: everything that stays the same between them is here.
 *
 * @module
 */

import { formatAddress, type HostPort } from "../connection/address.ts";
import { type ClientTls, clientTls } from "../connection/tls.ts";
import type { Transport } from "../connection/transport.ts";
import { Feature } from "../protocol/settings.ts";
import { type EndpointSettings, endpointSettings } from "../session/endpoint_options.ts";
import type { Session } from "../session.ts";
import { live } from "../session/loading.ts";
import { type ResumePolicy, resumePolicy, type SessionResume } from "../session/resume.ts";
import { comeBack } from "./coming_back.ts";
import type { ClientDefinition, ClientOptions } from "./definition.ts";

/** Dials one address. */
export class Connector {
  readonly settings: EndpointSettings;
  readonly #options: ClientOptions;
  readonly #address: HostPort;
  readonly #tls: ClientTls;
  readonly #resume: ResumePolicy | undefined;
  #transport: Transport | undefined;

  /** @throws {TypeError | RangeError} when a certificate or an option cannot be used, naming it. */
  constructor(definition: ClientDefinition, address: HostPort) {
    this.#options = definition.options;
    this.#address = address;
    this.settings = endpointSettings(definition.options, definition);
    const { reconnect = true, resume = true } = definition.options;
    this.#resume = reconnect === false ? undefined : resumePolicy(resume);
    this.#tls = clientTls(definition.options.tls, this.settings.log);
  }

  /** What is dialled, for messages. */
  get target(): string {
    return formatAddress(this.#address);
  }

  /**
   * Resolve the name, try its addresses, and make a session of the first that answers, which is still shut; or go on with `lost`.
   * @throws {EchoStreamError} as `dial`; UNAVAILABLE when the server does not say whether `lost` goes on.
   */
  async connect(signal: AbortSignal | undefined, lost?: Session): Promise<Session> {
    const fresh = await this.#dial(signal, lost);
    const session = lost !== undefined && await comeBack(fresh, lost, signal) ? lost : fresh;
    session.direct.parts.clockProbing.start();
    return session;
  }

  async #dial(signal: AbortSignal | undefined, lost: Session | undefined): Promise<Session> {
    const { behavior, transportOptions, limits, clock, timers, log } = this.settings;
    const { dial, nativeTransport, Session: MadeSession } = await live();
    this.#transport ??= this.#options.transport ?? await nativeTransport();
    let session: Session | undefined;
    await dial({
      transport: this.#transport,
      address: this.#address,
      // A copy of what resumes a session must not take it away from its client.
      transportOptions: lost?.token === undefined ? transportOptions : { ...transportOptions, earlyData: false },
      tls: this.#tls,
      timeoutMs: this.#options.timeoutMs,
      signal,
      connection: {
        limits,
        clock,
        timers,
        log,
        onEstablished: (established) => {
          session = new MadeSession(established, behavior, undefined, this.#resume && resumeOf(this.#resume, lost));
        },
      },
    });
    return session!;
  }
}

/** How long a client keeps a session is up to whoever reconnects it. */
function resumeOf(policy: ResumePolicy, lost: Session | undefined): SessionResume {
  const token = lost?.token;
  const announce = token === undefined
    ? { features: Feature.RESUME }
    : { features: Feature.RESUME, resumeToken: token, resumeEventSequence: lost!.lastEventSeen };
  return { policy, timeoutMs: undefined, announce };
}
