/**
 * RPC and real-time streams over QUIC for Node, Deno and Bun.
 *
 * ```ts
 * import { cbor, RpcClient, RpcServer } from "@echostream/core";
 *
 * const server = RpcServer.builder()
 *   .bind("127.0.0.1:0")
 *   .handler("echo", (_session, bytes) => bytes)
 *   .handler("add", cbor<{ a: number; b: number }>(), (_session, { a, b }) => a + b)
 *   .build();
 * const { addresses } = await server.start();
 *
 * const client = await RpcClient.connect<typeof server>(addresses[0]);
 * console.log(await client.request("add", { a: 1, b: 2 })); // 3
 * await client.close();
 * await server.shutdown();
 * ```
 *
 * @module
 */

export {
  RpcServer,
  type RunOptions,
  type ServerState,
  type ShutdownOptions,
  type StartedServer,
} from "./src/server/server.ts";
export type { ShutdownSignal } from "./src/server/signals.ts";
export type { RpcServerBuilder } from "./src/server/builder.ts";
export { type ClientCloseOptions, RpcClient } from "./src/client/client.ts";
export type { Subscription } from "./src/client/subscriptions.ts";
export type { RpcClientBuilder } from "./src/client/builder.ts";
export type { ClientOptions } from "./src/client/definition.ts";
export type { ReconnectOptions, WhileReconnecting } from "./src/client/reconnect_policy.ts";
export type { ClientState } from "./src/client/session_keeper.ts";
export { type ApplicationError, isApplicationError } from "./src/client/application_error.ts";
export type { RequestOptions, StreamingCallOptions } from "./src/client/request_options.ts";

export type { ClientPlugin, ServerPlugin } from "./src/plugin/plugin.ts";
export type { ServerBuilder } from "./src/plugin/server_builder.ts";
export type { Implementation } from "./src/plugin/implementation.ts";
export type { ClientBuilder } from "./src/plugin/client_builder.ts";
export type { ReconnectAttempt, ReconnectOutcome } from "./src/plugin/reconnect.ts";
export type { Untyped } from "./src/plugin/api.ts";

export type { Session } from "./src/session.ts";
export type { CloseOptions } from "./src/session/session_options.ts";
export type { SessionStats } from "./src/session/session_stats.ts";
export type { AckOptions, Broadcast } from "./src/session/broadcast.ts";
export type { BroadcastAnswer, BroadcastAnswers } from "./src/session/broadcast_answers.ts";
export type {
  Audience,
  EncodedEvent,
  EncodedRequest,
  LocalSessions,
  MemberAnswer,
  RoomStore,
} from "./src/session/room_store.ts";
export type { ServerHealth, ServerInfo, ServerStats } from "./src/server/introspection.ts";
export type { ServerOptions } from "./src/server/definition.ts";
export type { ClockReadyOptions, ClockStep, SessionClock } from "./src/session/session_clock.ts";
export type { ClockState } from "./src/protocol/clock_filter.ts";
export type { ResumeOptions } from "./src/session/resume.ts";
export type { EndpointOptions } from "./src/session/endpoint_options.ts";
export type { ClientContext, Context, ServerContext } from "./src/context.ts";

export { cbor, type SchemaInput, type SchemaOutput, type StandardSchemaV1 } from "./src/rpc/schema.ts";
export type {
  ApplicationErrorOptions,
  ErrorData,
  ErrorDeclarations,
  ErrorDescription,
} from "./src/rpc/application_error.ts";
export type { Call } from "./src/rpc/handler.ts";
export {
  type Contract,
  contract,
  type ContractBytes,
  type ContractEntries,
  type ContractEntry,
  type ContractEvent,
  type ContractMethod,
  type ContractPush,
  type ContractStream,
} from "./src/rpc/contract.ts";
export type { MethodEntry } from "./src/rpc/method_entry.ts";
export type { HandlerOptions, InputOptions, RawOptions } from "./src/rpc/method_options.ts";
export { channel, handler } from "./src/session/method_entry.ts";
export type { CallRecord } from "./src/rpc/call_diagnostics.ts";
export type { CallOptions } from "./src/rpc/call_options.ts";
export { type Authentication, authentication, type AuthenticationOptions } from "./src/interceptors/authentication.ts";
export type { Grant } from "./src/interceptors/admittance.ts";
export {
  bearer,
  type BearerAuthentication,
  bearerAuthentication,
  type BearerAuthenticationOptions,
  type BearerOptions,
} from "./src/interceptors/bearer.ts";
export { credentials, type CredentialsOptions } from "./src/interceptors/credentials.ts";
export { logging, type LoggingOptions } from "./src/interceptors/logging.ts";
export { type CallSeries, type Metrics, metrics, type MetricsOptions } from "./src/interceptors/metrics.ts";
export { rateLimit, type RateLimitOptions } from "./src/interceptors/rate_limit.ts";
export { retry, type RetryInterceptorOptions } from "./src/interceptors/retry.ts";
export { type CallOutcome, observeCall } from "./src/rpc/observe_call.ts";
export type { InterceptedCall, Interceptor } from "./src/session/interception.ts";
export type {
  CallChanges,
  CallDirection,
  CallKind,
  InterceptedCallOf,
  InterceptorOf,
  Next,
  UseOptions,
} from "./src/rpc/interceptor.ts";
export type { RetryOptions, RetryThrottling } from "./src/rpc/retry_policy.ts";
export type { ChannelMethod, Event, None, ServerStream, Unary } from "./src/rpc/signature.ts";
export type { ItemStream } from "./src/rpc/item_queue.ts";
export type { Channel, ResponseStream } from "./src/rpc/outgoing_channel.ts";
export type { Limits } from "./src/rpc/limits.ts";
export type { SubscriptionOptions } from "./src/rpc/listeners.ts";
export type { EmitOptions } from "./src/rpc/emit_options.ts";
export type { Overflow } from "./src/rpc/event_queue.ts";
export type { EventIterator } from "./src/rpc/event_iterator.ts";

export type { FrameOptions, MediaSender } from "./src/stream/media_sender.ts";
export type { CongestionState, MediaSenderStats } from "./src/stream/media_sender_stats.ts";
export type { IncomingStream, IncomingStreamStats, MediaFrame } from "./src/stream/incoming_stream.ts";
export type { ClockReference, FrameSink, FrameSource, PeerClock } from "./src/stream/frame_source.ts";
export type { Protection, StreamOptions } from "./src/stream/stream_options.ts";
export type { Delivery } from "./src/protocol/stream_header.ts";
export type { Playout } from "./src/stream/playout.ts";
export type { PlayoutFrame, PlayoutGap, PlayoutItem } from "./src/stream/playout_item.ts";
export type { PlayoutOptions } from "./src/stream/playout_options.ts";
export { type SyncGroup, syncGroup, type SyncGroupOptions } from "./src/stream/sync_group.ts";
export type { PlayoutStats } from "./src/stream/playout_stats.ts";
export type { GapReason } from "./src/stream/media_gap.ts";
export {
  type ClockSample,
  type FrameOutcome,
  TimingTrace,
  type TimingTraceJson,
  type TimingTraceOptions,
  type TimingTraceRow,
} from "./src/stream/timing_trace.ts";

export {
  type Disposition,
  EchoStreamError,
  type EchoStreamErrorCode,
  type EchoStreamErrorOptions,
  ErrorCode,
  type Issue,
} from "./src/protocol/error.ts";
export type { Metadata, MetadataInit } from "./src/protocol/metadata.ts";
export type { CloseReason } from "./src/connection/close_reason.ts";
export type { PemSource } from "./src/connection/pem.ts";
export type { PeerCertificate, SubjectAltName, VerifyPeer } from "./src/connection/peer_certificate.ts";
export type { CertificateAndKey, TlsClientOptions, TlsServerOptions } from "./src/connection/tls.ts";
export type { AcceptOptions } from "./src/connection/accept_options.ts";
export type { PortShare } from "./src/connection/threads.ts";
export type { ConnectionStats } from "./src/connection/connection.ts";
export type { EndpointStats } from "./src/connection/endpoint_stats.ts";
export type { ConnectionLimits, TransportTuning } from "./src/connection/options.ts";
export type { SocketAddress, Transport, TransportStats } from "./src/connection/transport.ts";
export type { Clock } from "./src/clock.ts";
export { consoleLogger, type Logger, type LogLevel, type LogRecord, silentLogger } from "./src/trace.ts";
