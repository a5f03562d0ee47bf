/** Transport parameters and timers, in milliseconds and bytes. */
export interface TransportSettings {
  alpn: string;
  idleTimeoutMs: number;
  keepAliveIntervalMs: number;
  handshakeTimeoutMs: number;
  maxBidirectionalStreams: number;
  maxUnidirectionalStreams: number;
  streamWindowBytes: number;
  maxStreamWindowBytes: number;
  connectionWindowBytes: number;
  maxConnectionWindowBytes: number;
  congestionControl: string;
  initialCreditBytes: number;
  messageStreamKind: number;
}

/** What a server asks for; without certificate and key it runs on a development certificate. */
export interface ListenSettings {
  address: string;
  port: number;
  certificatePem?: string | undefined;
  keyPem?: string | undefined;
  transport: TransportSettings;
}

/** What a client asks for. */
export interface DialSettings {
  address: string;
  port: number;
  serverName: string;
  verification: string;
  authorityPem?: string | undefined;
  pins?: Uint8Array[] | undefined;
  transport: TransportSettings;
}

/** A bound socket, and what the kernel left of the receive buffer that was wanted. */
export interface Bound {
  address: string;
  port: number;
  receiveBufferBytes: number;
  wantedBufferBytes: number;
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

/** Bind a server's socket; throws an error with `code`. */
export declare function listen(driver: number, listener: number, settings: ListenSettings): Bound;

/** Stop accepting on a listener. */
export declare function closeListener(driver: number, listener: number): void;

/** Begin a handshake; throws an error with `code`. */
export declare function dial(driver: number, connection: number, settings: DialSettings): Bound;

/** Copy a connection's counters; false when it is gone. */
export declare function stats(driver: number, connection: number, target: Float64Array): boolean;

/** Whether the thread keeps the program alive. */
export declare function setReferenced(driver: number, referenced: boolean): void;

/** The clock that stamps packets, in microseconds. */
export declare function nowUs(): number;

/** Call `on_events` in `delay_us` microseconds, be there something to drain or not. Only the last call counts. */
export declare function setAlarm(driver: number, delayUs: number): void;

/** IP addresses of `host`, in the resolver's order. */
export declare function resolve(host: string): Promise<string[]>;
