/**
 * tRPC over WebSockets and TLS, as its documentation sets it up. It speaks JSON: payloads are text of the same length.
 *
 * @module
 */
import { createTRPCClient, createWSClient, type WebSocketClientOptions, wsLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { fail, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";
import { serveWebSockets, TrustingWebSocket, webSocketUrl } from "./secure_websocket.ts";

const { procedure, router } = initTRPC.create();
const asText = (value: unknown): string => value as string;
const benchRouter = router({ echo: procedure.input(asText).query(({ input }) => input) });

/** tRPC. */
export const trpc: Peer = {
  serve(host): Promise<PeerServer> {
    return serveWebSockets(host, (wss) => void applyWSSHandler({ wss, router: benchRouter }));
  },

  async connect(address: PeerAddress): Promise<PeerClient> {
    const socket = createWSClient({
      url: webSocketUrl(address),
      WebSocket: TrustingWebSocket as unknown as NonNullable<WebSocketClientOptions["WebSocket"]>,
    });
    const client = createTRPCClient<typeof benchRouter>({ links: [wsLink({ client: socket })] });
    await client.echo.query("");
    const texts = new Map<number, string>();
    const textOf = (bytes: number): string => {
      let text = texts.get(bytes);
      if (text === undefined) texts.set(bytes, text = "7".repeat(bytes));
      return text;
    };
    return {
      call(payload, done): void {
        client.echo.query(textOf(payload.length)).then((answer) => done(answer.length), fail);
      },
      close: async () => void await socket.close(),
    };
  },
};
