/**
 * echostream as a user has it: builder, router, promises, TLS verified against the development authority.
 *
 * @module
 */
import { RpcClient, RpcServer } from "../../mod.ts";
import { BULK_FRAME_BYTES, type Peer, type PeerClient, type PeerServer } from "./peer.ts";

/** Our own server and client. */
export const echostream: Peer = {
  async serve(): Promise<PeerServer> {
    const server = RpcServer.builder()
      .bind("127.0.0.1:0")
      .handler("echo", (_session, payload) => payload)
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
