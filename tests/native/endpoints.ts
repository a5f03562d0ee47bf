/**
 * A server and a client over the native transport, on loopback.
 *
 * @module
 */

import { nativeTransport } from "../../src/connection/native.ts";
import { DEFAULT_TRANSPORT_TUNING } from "../../src/connection/options.ts";
import type {
  DialOptions,
  ListenOptions,
  ServerIdentity,
  Transport,
  TransportConnection,
  TransportListener,
  TransportOptions,
} from "../../src/connection/transport.ts";
import { Authority } from "../support/certificates.ts";
import { RecordingSink } from "./recording_sink.ts";

/** First byte of streams with packed messages in these tests. */
export const MESSAGE_KIND = 0x4d;

/** What the reset of an expired stream says in these tests. */
export const EXPIRED_CODE = 0x45;

/** The defaults of the library, with credit enough not to be in the way. */
export const OPTIONS: TransportOptions = {
  ...DEFAULT_TRANSPORT_TUNING,
  initialCreditBytes: 1 << 16,
  messageStreamKind: MESSAGE_KIND,
  expiredStreamCode: EXPIRED_CODE,
};

/** The authority clients of these tests believe. */
export const AUTHORITY = new Authority("Test authority");

/** A server with one certificate that asks its clients for none. */
export function identity(certPem: string, keyPem: string): ServerIdentity {
  return { certificates: [{ certPem, keyPem }], clientAuthority: undefined };
}

/** What a test may choose. */
export interface EndpointsOptions {
  readonly host?: string;
  readonly server?: Partial<ListenOptions>;
  readonly client?: Partial<DialOptions>;
  /** Called with each accepted connection, before its first event. */
  readonly onAccept?: (sink: RecordingSink, connection: TransportConnection) => void;
}

/** An established connection and both of its sinks. */
export interface Endpoints extends AsyncDisposable {
  readonly transport: Transport;
  readonly listener: TransportListener;
  readonly client: TransportConnection;
  readonly clientSink: RecordingSink;
  readonly server: TransportConnection;
  readonly serverSink: RecordingSink;
}

/** Listen on a free port with a certificate of {@link AUTHORITY}. */
export async function listen(
  options: Partial<ListenOptions>,
  accept: (connection: TransportConnection) => RecordingSink,
): Promise<TransportListener> {
  const { cert, key } = AUTHORITY.issue();
  const transport = await nativeTransport();
  return await transport.listen({
    ...OPTIONS,
    address: { address: "127.0.0.1", port: 0 },
    identity: identity(cert, key),
    ...options,
  }, accept);
}

/** Dial `listener`, believing {@link AUTHORITY}. */
export async function dial(
  listener: TransportListener,
  options: Partial<DialOptions> = {},
): Promise<{ readonly client: TransportConnection; readonly sink: RecordingSink }> {
  const transport = await nativeTransport();
  const sink = new RecordingSink();
  const client = transport.dial({
    ...OPTIONS,
    address: listener.address,
    serverName: "localhost",
    verification: { kind: "authority", pem: AUTHORITY.ca },
    ...options,
  }, sink);
  sink.connection = client;
  return { client, sink };
}

/** Server, client, and a connection between them. */
export async function connect(options: EndpointsOptions = {}): Promise<Endpoints> {
  const transport = await nativeTransport();
  const serverSink = new RecordingSink();
  const listener = await listen({
    address: { address: options.host ?? "127.0.0.1", port: 0 },
    ...options.server,
  }, (connection) => {
    serverSink.connection = connection;
    options.onAccept?.(serverSink, connection);
    return serverSink;
  });
  const { client, sink: clientSink } = await dial(listener, options.client);
  await clientSink.until(() => clientSink.established || clientSink.closed !== undefined);
  if (clientSink.closed !== undefined) throw new Error(`Not connected: ${clientSink.closed.reason}`);
  await serverSink.until(() => serverSink.established);
  return {
    transport,
    listener,
    client,
    clientSink,
    server: serverSink.connection!,
    serverSink,
    async [Symbol.asyncDispose]() {
      client.close(0, "");
      serverSink.connection!.close(0, "");
      await Promise.all([clientSink.ended(), serverSink.ended()]);
      await listener.close();
    },
  };
}

/** Run `body` over a fresh connection, and close everything afterwards. */
export async function withConnection(
  options: EndpointsOptions,
  body: (endpoints: Endpoints) => Promise<void>,
): Promise<void> {
  const endpoints = await connect(options);
  try {
    await body(endpoints);
  } finally {
    await endpoints[Symbol.asyncDispose]();
  }
}
