import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as core from "../mod.ts";
import { repositoryPath } from "./support/repository.ts";
import { ENTRY_POINT, runText } from "./support/run_script.ts";

test("mod.ts exports these values and no other", () => {
  assert.deepEqual(Object.keys(core).sort(), VALUES);
});

test("mod.ts exports these types and no other", () => {
  const source = readFileSync(repositoryPath("mod.ts"), "utf8");
  const names = [...source.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, typesOnly, list = ""]) =>
    list.split(",").map((name) => name.trim()).filter((name) => name !== "")
      .filter((name) => typesOnly !== undefined || name.startsWith("type ")).map((name) => name.replace(/^type /, ""))
  );
  assert.deepEqual(names.sort(), TYPES);
});

test("the entry points for optional peers export one value each", async () => {
  assert.deepEqual(Object.keys(await import("../src/logtape.ts")), ["logTapeLogger"]);
  assert.deepEqual(Object.keys(await import("../src/opentelemetry.ts")), ["openTelemetry"]);
});

test("mod.ts loads with no permission, and a builder works without the addon", async () => {
  const isDeno = "Deno" in globalThis;
  const text = [
    `import * as core from "${ENTRY_POINT}";`,
    `core.RpcServer.builder().handler("echo", (_session, bytes) => bytes);`,
    // Deno would refuse both reading this and loading the addon.
    isDeno || !existsSync(MAPS)
      ? "const mapped = '';"
      : `import { readFileSync } from "node:fs"; const mapped = readFileSync("${MAPS}", "utf8");`,
    `console.log("values:", Object.keys(core).length, "addon:", mapped.includes("echostream."));`,
  ];
  const { code, output } = await runText("loads_alone", text.join("\n"), { permissions: [] });
  assert.equal(code, 0, output);
  assert.equal(output.trim(), `values: ${VALUES.length} addon: false`);
});

/** Files mapped into this process, on Linux. */
const MAPS = "/proc/self/maps";
const VALUES: readonly string[] = [
  "EchoStreamError",
  "ErrorCode",
  "RpcClient",
  "RpcServer",
  "TimingTrace",
  "authentication",
  "bearer",
  "bearerAuthentication",
  "cbor",
  "consoleLogger",
  "credentials",
  "isApplicationError",
  "logging",
  "metrics",
  "observeCall",
  "rateLimit",
  "retry",
  "silentLogger",
  "syncGroup",
];
const TYPES: readonly string[] = [
  "AckOptions",
  "ApplicationError",
  "ApplicationErrorOptions",
  "Audience",
  "Authentication",
  "AuthenticationOptions",
  "BearerAuthentication",
  "BearerAuthenticationOptions",
  "BearerOptions",
  "Broadcast",
  "BroadcastAnswer",
  "BroadcastAnswers",
  "Call",
  "CallChanges",
  "CallDirection",
  "CallKind",
  "CallOptions",
  "CallOutcome",
  "CallRecord",
  "CallSeries",
  "Channel",
  "ChannelMethod",
  "ClientBuilder",
  "ClientCloseOptions",
  "ClientContext",
  "ClientOptions",
  "ClientPlugin",
  "ClientState",
  "Clock",
  "ClockReadyOptions",
  "ClockReference",
  "ClockSample",
  "ClockState",
  "ClockStep",
  "CloseOptions",
  "CloseReason",
  "CongestionState",
  "ConnectionLimits",
  "Context",
  "CredentialsOptions",
  "Delivery",
  "Disposition",
  "EchoStreamErrorCode",
  "EchoStreamErrorOptions",
  "EmitOptions",
  "EncodedEvent",
  "EncodedRequest",
  "EndpointOptions",
  "ErrorData",
  "ErrorDeclarations",
  "ErrorDescription",
  "Event",
  "EventIterator",
  "FrameOptions",
  "FrameOutcome",
  "FrameSink",
  "FrameSource",
  "GapReason",
  "Grant",
  "HandlerOptions",
  "IncomingStream",
  "IncomingStreamStats",
  "InputOptions",
  "InterceptedCall",
  "InterceptedCallOf",
  "Interceptor",
  "InterceptorOf",
  "Issue",
  "ItemStream",
  "Limits",
  "LocalSessions",
  "LogLevel",
  "LogRecord",
  "Logger",
  "LoggingOptions",
  "MediaFrame",
  "MediaSender",
  "MediaSenderStats",
  "MemberAnswer",
  "Metadata",
  "MetadataInit",
  "Metrics",
  "MetricsOptions",
  "Next",
  "None",
  "Overflow",
  "PeerClock",
  "PemSource",
  "Playout",
  "PlayoutFrame",
  "PlayoutGap",
  "PlayoutItem",
  "PlayoutOptions",
  "PlayoutStats",
  "Protection",
  "RateLimitOptions",
  "RawOptions",
  "ReconnectAttempt",
  "ReconnectOptions",
  "ReconnectOutcome",
  "RequestOptions",
  "ResponseStream",
  "ResumeOptions",
  "RetryInterceptorOptions",
  "RetryOptions",
  "RetryThrottling",
  "RoomStore",
  "RpcClientBuilder",
  "RpcServerBuilder",
  "RunOptions",
  "SchemaInput",
  "SchemaOutput",
  "ServerBuilder",
  "ServerContext",
  "ServerHealth",
  "ServerInfo",
  "ServerOptions",
  "ServerPlugin",
  "ServerState",
  "ServerStats",
  "ServerStream",
  "Session",
  "SessionClock",
  "SessionStats",
  "ShutdownOptions",
  "ShutdownSignal",
  "SocketAddress",
  "StandardSchemaV1",
  "StartedServer",
  "StreamOptions",
  "Subscription",
  "SubscriptionOptions",
  "SyncGroup",
  "SyncGroupOptions",
  "TimingTraceJson",
  "TimingTraceOptions",
  "TimingTraceRow",
  "TlsClientOptions",
  "TlsServerOptions",
  "Transport",
  "TransportTuning",
  "Unary",
  "Untyped",
  "UseOptions",
  "WhileReconnecting",
];
