/** Transport parameters and timers, in milliseconds and bytes. */
export interface TransportSettings {
  alpn: string;
  idleTimeoutMs: number;
  keepAliveIntervalMs: number;
  handshakeTimeoutMs: number;
  maxBidirectionalStreams: number;
  maxUnidirectionalStreams: number;
  streamWindowBytes: number;
  bidirectionalStreamWindowBytes: number;
  maxStreamWindowBytes: number;
  connectionWindowBytes: number;
  maxConnectionWindowBytes: number;
  congestionControl: string;
  initialCreditBytes: number;
  messageStreamKind: number;
  expiredStreamCode: number;
  keyLogFile: string;
  qlogFolder: string;
  earlyData: boolean;
  activeMigration: boolean;
}

/** What a server asks for; without an identity it runs on a development certificate. */
export interface ListenSettings {
  address: string;
  port: number;
  identity?: IdentitySettings | undefined;
  transport: TransportSettings;
  accept: AcceptSettings;
  share?: ShareSettings | undefined;
}

/** Which of the programs that serve an address this one is. */
export interface ShareSettings {
  index: number;
  count: number;
}

/** Whom a server lets in. */
export interface AcceptSettings {
  maxConnections: number;
  maxConnectionsPerAddress: number;
  maxHandshakes: number;
  maxHandshakesPerAddress: number;
  retryThreshold: number;
  exemptLoopback: boolean;
  maxResetsPerS: number;
  secret?: Uint8Array | undefined;
}

/** PEM of a certificate chain and its key. */
export interface CertificateSettings {
  certificatePem: string;
  keyPem: string;
}

/** Who a server is: the first certificate is shown to clients that ask for a name in none of them. */
export interface IdentitySettings {
  certificates: CertificateSettings[];
  clientAuthorityPem?: string | undefined;
  requiresClientCertificate: boolean;
  ticketKeys?: Uint8Array[] | undefined;
}

/** A certificate, read. */
export interface CertificateContent {
  subject: string;
  commonName?: string | undefined;
  issuer: string;
  subjectAltNames: { kind: string; value: string }[];
  digest: number[];
  notBeforeMs: number;
  notAfterMs: number;
}

/** What a client asks for. */
export interface DialSettings {
  address: string;
  port: number;
  serverName: string;
  verification: string;
  authorityPem?: string | undefined;
  pins?: Uint8Array[] | undefined;
  certificate?: CertificateSettings | undefined;
  ticket?: Uint8Array | undefined;
  wantsTicket: boolean;
  transport: TransportSettings;
}

/** A bound socket, and what the kernel left of the receive buffer that was wanted. */
export interface Bound {
  address: string;
  port: number;
  receiveBufferBytes: number;
  wantedBufferBytes: number;
  keyLogFile?: string | undefined;
}

/**
 * Start an I/O thread and return its number, which the other functions take first; `src/record.rs` documents what crosses
 * its rings. `onEvents` is called when there is something to drain.
 */
export declare function start(onEvents: () => void): number;

/** Hand over the first `length` bytes of `commands`. */
export declare function submit(driver: number, commands: Uint8Array, length: number): void;

/** Fill `target` with events; returns the bytes written, 0 when there is nothing more. */
export declare function drainInto(driver: number, target: Uint8Array): number;

/**
 * Bind a server's address and serve it by all of these threads; throws an error with `code`. What concerns the listener as a whole is asked
 * of the first of them.
 */
export declare function listen(drivers: number[], listener: number, settings: ListenSettings): Bound;

/** Show another identity from the next handshake on; throws an error with `code` when it cannot be used. */
export declare function setIdentity(driver: number, listener: number, identity: IdentitySettings): void;

/** Read a certificate (DER); throws an error with `code` when it is none. */
export declare function readCertificate(der: Uint8Array): CertificateContent;

/** What a certificate for a test is to say. */
export interface CertificateRequest {
  commonName: string;
  names: string[];
  notBeforeMs: number;
  notAfterMs: number;
}

/** A new authority for tests. */
export declare function createAuthority(name: string): CertificateSettings;

/** A new certificate of the authority with that name and key; throws an error with `code`. */
export declare function issueCertificate(name: string, keyPem: string, request: CertificateRequest): CertificateSettings;

/** Stop accepting on a listener. */
export declare function closeListener(driver: number, listener: number): void;

/** Begin a handshake; throws an error with `code`. */
export declare function dial(driver: number, connection: number, settings: DialSettings): Bound;

/** Copy a connection's counters; false when it is gone. */
export declare function stats(driver: number, connection: number, target: Float64Array): boolean;

/** Copy the last counters of a connection that has ended, which are forgotten with that. */
export declare function lastStats(driver: number, connection: number, target: Float64Array): void;

/** Copy a listener's counters; false when it is gone. */
export declare function listenerStats(driver: number, listener: number, target: Float64Array): boolean;

/** Whether the thread keeps the program alive. */
export declare function setReferenced(driver: number, referenced: boolean): void;

/** How many processors this program may use. */
export declare function processors(): number;

/** The clock that stamps packets, in microseconds. */
export declare function nowUs(): number;

/** Call `on_events` in `delay_us` microseconds, be there something to drain or not. Only the last call counts. */
export declare function setAlarm(driver: number, delayUs: number): void;

/** IP addresses of `host`, in the resolver's order. */
export declare function resolve(host: string): Promise<string[]>;
