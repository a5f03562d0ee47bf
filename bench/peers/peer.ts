/**
 * What the macro bench asks of a system under test. One shape for all, so that the load generator and the clock around it are the same.
 *
 * @module
 */

/** A server that waits for one client. */
export interface PeerServer {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** Stop serving. */
  close(): Promise<void>;
}

/** A connected client. */
export interface PeerClient {
  /** Have `payload` echoed; `done` gets the length of what came back. Called as soon as the system itself knows. */
  call(payload: Uint8Array, done: (bytes: number) => void): void;
  /** Send `totalBytes` in frames of {@link BULK_FRAME_BYTES} one way; resolves when the other side says that it has all of them. */
  bulk(totalBytes: number): Promise<void>;
  /** Have the server send `count` items of {@link ITEM_BYTES} in one streaming call; resolves with how many came. */
  items?(count: number): Promise<number>;
  /** Send `count` items in one streaming call that has each sent back; resolves with how many came back. */
  echoItems?(count: number): Promise<number>;
  /** Disconnect. */
  close(): Promise<void>;
}

/** A system under test. */
export interface Peer {
  /** Listen on 127.0.0.1, on a port of the system's choice. */
  serve(): Promise<PeerServer>;
  /** Connect to a server of the same system. */
  connect(port: number): Promise<PeerClient>;
}

/** Bytes of one frame of the bulk transfer. */
export const BULK_FRAME_BYTES: number = 64 * 1024;
/** Bytes of one item of a streaming call. */
export const ITEM_BYTES: number = 64;
