/**
 * Connect for Node over HTTP/2 and TLS, binary, as its documentation sets it up. Messages are `google.protobuf.BytesValue`.
 *
 * @module
 */
import { create, createFileRegistry, type DescMethodStreaming, type DescMethodUnary } from "@bufbuild/protobuf";
import {
  type BytesValue,
  BytesValueSchema,
  file_google_protobuf_wrappers,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { selfSignedCertificate } from "./certificate.ts";
import {
  BULK_FRAME_BYTES,
  fail,
  ITEM_BYTES,
  type Peer,
  type PeerAddress,
  type PeerClient,
  type PeerServer,
} from "./peer.ts";

const BYTES = ".google.protobuf.BytesValue";

/** What generated code would say of this service. */
const service = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "bench.proto",
    package: "bench",
    syntax: "proto3",
    dependency: ["google/protobuf/wrappers.proto"],
    service: [{
      name: "Bench",
      method: [
        { name: "Echo", inputType: BYTES, outputType: BYTES },
        { name: "Bulk", inputType: BYTES, outputType: BYTES, clientStreaming: true },
        { name: "Items", inputType: BYTES, outputType: BYTES, serverStreaming: true },
        { name: "EchoItems", inputType: BYTES, outputType: BYTES, clientStreaming: true, serverStreaming: true },
      ],
    }],
  }),
  (name) => name === "google/protobuf/wrappers.proto" ? file_google_protobuf_wrappers : undefined,
).getService("bench.Bench")!;

type Schema = typeof BytesValueSchema;
const ECHO = service.method["echo"] as DescMethodUnary<Schema, Schema>;
const BULK = service.method["bulk"] as DescMethodStreaming<Schema, Schema>;
const ITEMS = service.method["items"] as DescMethodStreaming<Schema, Schema>;
const ECHO_ITEMS = service.method["echoItems"] as DescMethodStreaming<Schema, Schema>;

/** What a download asks for: items of one size. */
interface Wanted {
  readonly count: number;
  readonly bytes: number;
}

/** Connect. */
export const connectRpc: Peer = {
  async serve(host): Promise<PeerServer> {
    const adapter = connectNodeAdapter({
      readMaxBytes: 1 << 24,
      routes: (router) =>
        void router.service(
          service,
          implementation({
            echo: (request: BytesValue) => request,
            async bulk(requests: AsyncIterable<BytesValue>) {
              for await (const _frame of requests);
              return create(BytesValueSchema);
            },
            async *items(request: BytesValue) {
              const { count, bytes } = JSON.parse(new TextDecoder().decode(request.value)) as Wanted;
              const item = message(new Uint8Array(bytes).fill(7));
              for (let left = count; left > 0; left--) yield item;
            },
            async *echoItems(requests: AsyncIterable<BytesValue>) {
              for await (const item of requests) yield item;
            },
          }),
        ),
    });
    const server = createSecureServer({ ...selfSignedCertificate(host), minVersion: "TLSv1.3" }, adapter);
    server.listen(0, host);
    await once(server, "listening");
    return { port: (server.address() as AddressInfo).port, close: () => Promise.resolve(void server.close()) };
  },

  connect({ host, port }: PeerAddress): Promise<PeerClient> {
    const transport = createConnectTransport({
      baseUrl: `https://${host}:${port}`,
      httpVersion: "2",
      useBinaryFormat: true,
      readMaxBytes: 1 << 24,
      nodeOptions: { rejectUnauthorized: false },
    });
    const unary = (payload: Uint8Array): Promise<number> =>
      transport.unary(ECHO, undefined, undefined, undefined, message(payload)).then((answer) =>
        answer.message.value.length
      );
    const stream = async (
      method: DescMethodStreaming<Schema, Schema>,
      messages: AsyncIterable<BytesValue>,
      onItem: (bytes: number) => void,
    ): Promise<void> => {
      const answer = await transport.stream(method, undefined, undefined, undefined, messages);
      for await (const item of answer.message) onItem(item.value.length);
    };
    const wanted = (count: number, bytes: number): AsyncIterable<BytesValue> =>
      repeat(message(new TextEncoder().encode(JSON.stringify({ count, bytes } satisfies Wanted))), 1);
    const client: PeerClient = {
      hasStreams: true,
      call(payload, done): void {
        unary(payload).then(done, fail);
      },
      bulk(totalBytes): Promise<void> {
        const frame = message(new Uint8Array(BULK_FRAME_BYTES));
        return stream(BULK, repeat(frame, Math.ceil(totalBytes / BULK_FRAME_BYTES)), () => {});
      },
      async download(totalBytes): Promise<number> {
        let received = 0;
        const frames = Math.ceil(totalBytes / BULK_FRAME_BYTES);
        await stream(ITEMS, wanted(frames, BULK_FRAME_BYTES), (bytes) => received += bytes);
        return received;
      },
      async items(count): Promise<number> {
        let received = 0;
        await stream(ITEMS, wanted(count, ITEM_BYTES), () => received++);
        return received;
      },
      async echoItems(count): Promise<number> {
        let received = 0;
        await stream(ECHO_ITEMS, repeat(message(new Uint8Array(ITEM_BYTES).fill(7)), count), () => received++);
        return received;
      },
      // The transport keeps its connection to itself, and closes it when it has been idle.
      close: () => Promise.resolve(),
    };
    // It connects with the first call.
    return unary(new Uint8Array(1)).then(() => client);
  },
};

/** Without generated code Connect knows no types of its methods. */
function implementation(methods: object): ServiceImpl<typeof service> {
  return methods as ServiceImpl<typeof service>;
}

function message(value: Uint8Array): BytesValue {
  return create(BytesValueSchema, { value: value as Uint8Array<ArrayBuffer> });
}

async function* repeat(item: BytesValue, times: number): AsyncGenerator<BytesValue> {
  for (let left = times; left > 0; left--) yield item;
}
