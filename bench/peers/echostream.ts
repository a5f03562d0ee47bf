/**
 * echostream as a user has it: builder, router, promises, TLS verified against the development authority.
 *
 * @module
 */
import { RpcClient, RpcServer } from "../../mod.ts";
import { BULK_FRAME_BYTES, ITEM_BYTES, type Peer, type PeerClient, type PeerServer } from "./peer.ts";

/** Our own server and client. */
export const echostream: Peer = {
  async serve(): Promise<PeerServer> {
    const server = RpcServer.builder()
      .bind("127.0.0.1:0")
      .handler("echo", (_session, payload) => payload)
      .handler("items", async function* (_session, request) {
        const item = new Uint8Array(ITEM_BYTES).fill(7);
        for (let left = Number(new TextDecoder().decode(request)); left > 0; left--) yield item;
      })
      .channel("echoItems", async function* (_session, items) {
        for await (const item of items) yield item;
      })
      .stream("bulk", async (_session, incoming) => {
        for await (const _frame of incoming);
      })
      .build();
    const { addresses } = await server.start();
    return { port: addresses[0]!.port, close: () => server.shutdown({ graceMs: 0 }) };
  },

  async connect(port: number): Promise<PeerClient> {
    const client = await RpcClient.connect(`127.0.0.1:${port}`);
    return {
      call(payload, done): void {
        client.request("echo", payload).then((answer) => done(answer.length), fail);
      },
      async bulk(totalBytes): Promise<void> {
        const frame = new Uint8Array(BULK_FRAME_BYTES);
        const stream = await client.createStream("bulk");
        for (let sent = 0; sent < totalBytes; sent += frame.length) await stream.send(frame);
        await stream.end();
      },
      async items(count): Promise<number> {
        let received = 0;
        for await (const _item of client.requestStream("items", String(count))) received++;
        return received;
      },
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

/** A call that fails ends the bench. */
function fail(error: unknown): never {
  throw error;
}
