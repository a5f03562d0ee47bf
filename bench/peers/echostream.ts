/**
 * echostream as a user has it: builder, router, promises, TLS verified: against the development authority on loopback, elsewhere by a pin.
 *
 * @module
 */
import { createHash, X509Certificate } from "node:crypto";
import { RpcClient, RpcServer, type ServerOptions } from "../../mod.ts";
import { selfSignedCertificate } from "./certificate.ts";
import {
  BULK_FRAME_BYTES,
  DATAGRAM_BYTES,
  fail,
  ITEM_BYTES,
  type Peer,
  type PeerAddress,
  type PeerClient,
  type PeerServer,
} from "./peer.ts";

/** Datagrams handed over in one turn of the event loop. */
const DATAGRAM_BATCH = 64;

/** Our own server and client. */
export const echostream: Peer = {
  serve: (host) => serve(host),

  async connect({ host, port, certificatePem }: PeerAddress): Promise<PeerClient> {
    const tls = certificatePem === undefined ? {} : { tls: { pin: fingerprint(certificatePem) } };
    const client = await RpcClient.connect(`${host}:${port}`, tls);
    const receive = async (count: number, bytes: number): Promise<number> => {
      let received = 0;
      for await (const item of client.requestStream("items", JSON.stringify({ count, bytes }))) received += item.length;
      return received;
    };
    return {
      hasStreams: true,
      call(payload, done): void {
        client.request("echo", payload).then((answer) => done(answer.length), fail);
      },
      async bulk(totalBytes): Promise<void> {
        const frame = new Uint8Array(BULK_FRAME_BYTES);
        const stream = await client.createStream("bulk");
        for (let sent = 0; sent < totalBytes; sent += frame.length) await stream.send(frame);
        await stream.end();
      },
      download: (totalBytes) => receive(Math.ceil(totalBytes / BULK_FRAME_BYTES), BULK_FRAME_BYTES),
      async datagrams(count): Promise<number> {
        const datagram = new Uint8Array(DATAGRAM_BYTES);
        for (let sent = 0; sent < count; sent++) {
          const leaving = client.emit("datagram", datagram, { delivery: "datagram" });
          if (sent % DATAGRAM_BATCH === 0) await leaving;
        }
        return Number(new TextDecoder().decode(await client.request("datagrams", "")));
      },
      items: async (count) => await receive(count, ITEM_BYTES) / ITEM_BYTES,
      async echoItems(count): Promise<number> {
        const item = new Uint8Array(ITEM_BYTES).fill(7);
        const channel = client.requestChannel("echoItems");
        const sending = (async () => {
          for (let sent = 0; sent < count; sent++) await channel.send(item);
          channel.end();
        })();
        let received = 0;
        for await (const _item of channel) received++;
        await sending;
        return received;
      },
      async close(): Promise<void> {
        await client.close();
      },
    };
  },
};

/** Serve what {@link echostream} asks for, with options of the server's own. */
export async function serve(host: string, options: ServerOptions = {}): Promise<PeerServer> {
  const certificate = host.startsWith("127.") ? undefined : selfSignedCertificate(host);
  let datagrams = 0;
  const builder = RpcServer.builder()
    .bind(`${host}:0`)
    .options(options)
    .handler("echo", (_session, payload) => payload)
    .handler("items", async function* (_session, request) {
      const { count, bytes } = JSON.parse(new TextDecoder().decode(request));
      const item = new Uint8Array(bytes).fill(7);
      for (let left = count; left > 0; left--) yield item;
    })
    .channel("echoItems", async function* (_session, items) {
      for await (const item of items) yield item;
    })
    .stream("bulk", async (_session, incoming) => {
      for await (const _frame of incoming);
    })
    .listener("datagram", () => void datagrams++)
    .handler("datagrams", () => {
      const counted = datagrams;
      datagrams = 0;
      return String(counted);
    });
  const server = (certificate === undefined ? builder : builder.tls(certificate)).build();
  const { addresses } = await server.start();
  return {
    port: addresses[0]!.port,
    ...(certificate === undefined ? {} : { certificatePem: certificate.cert }),
    close: () => server.shutdown({ graceMs: 0 }),
  };
}

function fingerprint(certificatePem: string): string {
  return createHash("sha256").update(new X509Certificate(certificatePem).raw).digest("hex");
}
