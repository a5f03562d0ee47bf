/**
 * What the macro bench asks of a system under test. One shape for all, so that the load generator and the clock around it are the same.
 *
 * @module
 */

/** A server that waits for clients. */
export interface PeerServer {
  /** Port on the host it was given. */
  readonly port: number;
  /** What it runs on, PEM; `undefined` for a development certificate that its clients find by themselves. */
  readonly certificatePem?: string;
  /** Stop serving. */
  close(): Promise<void>;
}

/** Where a server is. */
export interface PeerAddress {
  /** IP address. */
  readonly host: string;
  readonly port: number;
  readonly certificatePem?: string;
}

/** A connected client. */
export interface PeerClient {
  /** Have `payload` echoed; `done` gets the length of what came back. Called as soon as the system itself knows. */
  call(payload: Uint8Array, done: (bytes: number) => void): void;
  /** Send `totalBytes` in frames of {@link BULK_FRAME_BYTES} one way; resolves when the other side says that it has all of them. */
  bulk?(totalBytes: number): Promise<void>;
  /** Several {@link bulk} may run at once, on streams of their own. */
  readonly hasStreams?: boolean;
  /** Have the server send `totalBytes` in frames of {@link BULK_FRAME_BYTES}; resolves with how many came. */
  download?(totalBytes: number): Promise<number>;
  /** Send `count` datagrams of {@link DATAGRAM_BYTES}, as fast as they are taken; resolves with how many came. */
  datagrams?(count: number): Promise<number>;
  /** Have the server send `count` items of {@link ITEM_BYTES} in one streaming call; resolves with how many came. */
  items?(count: number): Promise<number>;
  /** Send `count` items in one streaming call that has each sent back; resolves with how many came back. */
  echoItems?(count: number): Promise<number>;
  /** Disconnect. */
  close(): Promise<void>;
}

/** A system under test. */
export interface Peer {
  /** Listen on an IP address, on a port of the system's choice. */
  serve(host: string): Promise<PeerServer>;
  /** Connect to a server of the same system. */
  connect(address: PeerAddress): Promise<PeerClient>;
}

/** Bytes of one frame of the bulk transfer. */
export const BULK_FRAME_BYTES: number = 64 * 1024;
/** Bytes of one item of a streaming call. */
export const ITEM_BYTES: number = 64;
/** Bytes of one datagram. */
export const DATAGRAM_BYTES: number = 64;

/** A call that fails ends the bench. */
export function fail(error: unknown): never {
  throw error;
}
