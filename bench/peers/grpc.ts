/**
 * grpc-js over TLS, as its documentation sets it up. Messages are bytes as they are: no protobuf is parsed, which it would be in a real service.
 *
 * @module
 */
import {
  Client,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { once } from "node:events";
import { selfSignedCertificate } from "./certificate.ts";
import { BULK_FRAME_BYTES, ITEM_BYTES, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";

const asIs = (bytes: Buffer): Buffer => bytes;
const bytesBothWays = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};
const SERVICE = {
  echo: { path: "/bench/echo", requestStream: false, responseStream: false, ...bytesBothWays },
  bulk: { path: "/bench/bulk", requestStream: true, responseStream: false, ...bytesBothWays },
  items: { path: "/bench/items", requestStream: false, responseStream: true, ...bytesBothWays },
  echoItems: { path: "/bench/echoItems", requestStream: true, responseStream: true, ...bytesBothWays },
} as const satisfies ServiceDefinition;

const echo: handleUnaryCall<Buffer, Buffer> = (call, answer) => answer(null, call.request);

const bulk: handleClientStreamingCall<Buffer, Buffer> = (call, answer) => {
  call.on("data", () => {});
  call.on("end", () => answer(null, Buffer.alloc(0)));
};

const items: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  let left = call.request.readUInt32LE(0);
  const item = Buffer.alloc(call.request.readUInt32LE(4), 7);
  const pump = (): void => {
    while (left > 0) {
      left--;
      if (!call.write(item)) return void call.once("drain", pump);
    }
    call.end();
  };
  pump();
};

const echoItems: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on("data", (item: Buffer) => {
    if (call.write(item)) return;
    call.pause();
    call.once("drain", () => call.resume());
  });
  call.on("end", () => call.end());
};

/** grpc-js over TLS. */
export const grpcJs: Peer = {
  async serve(host): Promise<PeerServer> {
    const { cert, key } = selfSignedCertificate(host);
    const server = new Server({ "grpc.max_receive_message_length": 1 << 24 });
    server.addService(SERVICE, { echo, bulk, items, echoItems });
    const keys = [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }];
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:0`, ServerCredentials.createSsl(null, keys), (error, port) => {
        if (error === null) resolve(port);
        else reject(error);
      });
    });
    return { port, close: () => Promise.resolve(server.forceShutdown()) };
  },

  async connect({ host, port }: PeerAddress): Promise<PeerClient> {
    const trusting = credentials.createSsl(null, null, null, {
      checkServerIdentity: () => undefined,
      rejectUnauthorized: false,
    });
    const client = new Client(`${host}:${port}`, trusting, {
      "grpc.max_receive_message_length": 1 << 24,
      "grpc.enable_http_proxy": 0,
      // As a name: Node takes no address for one.
      "grpc.ssl_target_name_override": "localhost",
    });
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 10_000, (error) => error === undefined ? resolve() : reject(error));
    });
    const receive = async (count: number, bytes: number): Promise<number> => {
      const request = Buffer.alloc(8);
      request.writeUInt32LE(count);
      request.writeUInt32LE(bytes, 4);
      const call = client.makeServerStreamRequest(SERVICE.items.path, asIs, asIs, request);
      let received = 0;
      call.on("data", () => received++);
      await once(call, "end");
      return received;
    };
    return {
      hasStreams: true,
      call(payload, done): void {
        client.makeUnaryRequest(SERVICE.echo.path, asIs, asIs, Buffer.from(payload), (error, answer) => {
          if (error !== null) throw error;
          done(answer!.length);
        });
      },
      async bulk(totalBytes): Promise<void> {
        const frame = Buffer.alloc(BULK_FRAME_BYTES);
        let call!: ReturnType<typeof client.makeClientStreamRequest<Buffer, Buffer>>;
        const answered = new Promise<void>((resolve, reject) => {
          call = client.makeClientStreamRequest(SERVICE.bulk.path, asIs, asIs, (error: Error | null) => {
            if (error === null) resolve();
            else reject(error);
          });
        });
        for (let sent = 0; sent < totalBytes; sent += frame.length) {
          if (!call.write(frame)) await once(call, "drain");
        }
        call.end();
        await answered;
      },
      items: (count) => receive(count, ITEM_BYTES),
      async download(totalBytes): Promise<number> {
        return await receive(Math.ceil(totalBytes / BULK_FRAME_BYTES), BULK_FRAME_BYTES) * BULK_FRAME_BYTES;
      },
      async echoItems(count): Promise<number> {
        const item = Buffer.alloc(ITEM_BYTES, 7);
        const call = client.makeBidiStreamRequest(SERVICE.echoItems.path, asIs, asIs);
        let received = 0;
        call.on("data", () => received++);
        const ended = once(call, "end");
        for (let sent = 0; sent < count; sent++) {
          if (!call.write(item)) await once(call, "drain");
        }
        call.end();
        await ended;
        return received;
      },
      close(): Promise<void> {
        client.close();
        return Promise.resolve();
      },
    };
  },
};
