/**
 * The floor: what node:tls alone costs. Length-prefixed frames {length u32, id u32, payload} over one TLS 1.3 connection, answered through a
 * table of callbacks: no codec, no promises, no routing. `tls-floor` writes each frame as it comes, as a program without a framework does;
 * `tls-gathered` copies the frames of one turn of the event loop together first, which is the most that node:tls can be made to give.
 *
 * @module
 */
import { once } from "node:events";
import { connect as tlsConnect, createServer, type TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { selfSignedCertificate } from "./certificate.ts";
import { BULK_FRAME_BYTES, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";

/** Frames with this id are bulk: counted, not echoed. */
const BULK_ID = 0xffffffff;
/** Asks for the answer that all bulk bytes have arrived. */
const BULK_END_ID = 0xfffffffe;
const HEADER_BYTES = 8;

/** node:tls, a write for each frame. */
export const tlsFloor: Peer = tlsPeer(false);

/** node:tls, a write for all frames of a turn. */
export const tlsGathered: Peer = tlsPeer(true);

function tlsPeer(gather: boolean): Peer {
  return { serve: (host) => serve(gather, host), connect: (address) => connect(gather, address) };
}

async function serve(gather: boolean, host: string): Promise<PeerServer> {
  const server = createServer({ ...selfSignedCertificate(host), minVersion: "TLSv1.3" }, (socket) => {
    new FrameSocket(socket, gather, function (id, payload) {
      if (id !== BULK_ID) this.send(id, payload);
    });
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function connect(gather: boolean, { host, port }: PeerAddress): Promise<PeerClient> {
  const socket = tlsConnect({ port, host, rejectUnauthorized: false, minVersion: "TLSv1.3" });
  await once(socket, "secureConnect");
  const pending = new Map<number, (bytes: number) => void>();
  let nextId = 0;
  const frames = new FrameSocket(socket, gather, (id, payload) => {
    const done = pending.get(id);
    pending.delete(id);
    done?.(payload.length);
  });
  return {
    call(payload, done): void {
      const id = nextId++;
      pending.set(id, done);
      frames.send(id, payload);
    },
    async bulk(totalBytes): Promise<void> {
      const frame = Buffer.alloc(HEADER_BYTES + BULK_FRAME_BYTES);
      frame.writeUInt32LE(BULK_FRAME_BYTES, 0);
      frame.writeUInt32LE(BULK_ID, 4);
      for (let sent = 0; sent < totalBytes; sent += BULK_FRAME_BYTES) {
        if (!socket.write(frame)) await once(socket, "drain");
      }
      await new Promise<void>((resolve) => {
        pending.set(BULK_END_ID, () => resolve());
        frames.send(BULK_END_ID, new Uint8Array(0));
      });
    },
    async close(): Promise<void> {
      socket.end();
      await once(socket, "close");
    },
  };
}

/** What arrived; `this` is where an answer goes. */
type OnFrame = (this: FrameSocket, id: number, payload: Uint8Array) => void;

/** Cuts a socket into frames. */
class FrameSocket {
  readonly #socket: TLSSocket;
  readonly #gather: boolean;
  #gathered = Buffer.allocUnsafe(BULK_FRAME_BYTES);
  #used = 0;
  /** The frame in progress, where it will be whole, and how much of it is there. */
  #frame: Buffer | undefined;
  #filled = 0;
  /** A header in progress. */
  #header: Buffer = EMPTY;

  constructor(socket: TLSSocket, gather: boolean, onFrame: OnFrame) {
    this.#socket = socket;
    this.#gather = gather;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#split(chunk, onFrame));
    socket.on("error", () => socket.destroy());
  }

  send(id: number, payload: Uint8Array): void {
    const bytes = HEADER_BYTES + payload.length;
    if (this.#used + bytes > this.#gathered.length) this.#flush();
    if (bytes > this.#gathered.length) this.#gathered = Buffer.allocUnsafe(bytes);
    if (this.#gather && this.#used === 0) queueMicrotask(() => this.#flush());
    this.#gathered.writeUInt32LE(payload.length, this.#used);
    this.#gathered.writeUInt32LE(id, this.#used + 4);
    this.#gathered.set(payload, this.#used + HEADER_BYTES);
    this.#used += bytes;
    if (!this.#gather) this.#flush();
  }

  #flush(): void {
    if (this.#used === 0) return;
    this.#socket.write(this.#gathered.subarray(0, this.#used));
    // The socket keeps what was written until it has left.
    this.#gathered = Buffer.allocUnsafe(this.#gather ? BULK_FRAME_BYTES : 4096);
    this.#used = 0;
  }

  #split(chunk: Buffer, onFrame: OnFrame): void {
    let bytes = chunk;
    const frame = this.#frame;
    if (frame !== undefined) {
      bytes = chunk.subarray(chunk.copy(frame, this.#filled));
      this.#filled += chunk.length - bytes.length;
      if (this.#filled < frame.length) return;
      this.#frame = undefined;
      onFrame.call(this, frame.readUInt32LE(4), frame.subarray(HEADER_BYTES));
    } else if (this.#header.length > 0) {
      bytes = Buffer.concat([this.#header, chunk]);
      this.#header = EMPTY;
    }
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + bytes.readUInt32LE(0);
      if (end > bytes.length) {
        this.#frame = Buffer.allocUnsafe(end);
        this.#filled = bytes.copy(this.#frame);
        return;
      }
      onFrame.call(this, bytes.readUInt32LE(4), bytes.subarray(HEADER_BYTES, end));
      bytes = bytes.subarray(end);
    }
    this.#header = bytes;
  }
}

const EMPTY = Buffer.alloc(0);
