/**
 * Cap'n Web over WebSockets and TLS, as its documentation sets it up.
 *
 * @module
 */
import { newWebSocketRpcSession, type RpcStub, RpcTarget } from "capnweb";
import { fail, type Peer, type PeerAddress, type PeerClient, type PeerServer } from "./peer.ts";
import { serveWebSockets, TrustingWebSocket, webSocketUrl } from "./secure_websocket.ts";

class Bench extends RpcTarget {
  echo(payload: Uint8Array): Uint8Array {
    return payload;
  }
}

/** The type of the browser's WebSocket, which ws has the methods of. */
type Socket = Exclude<Parameters<typeof newWebSocketRpcSession>[0], string>;

/** Cap'n Web. */
export const capnWeb: Peer = {
  serve(host): Promise<PeerServer> {
    return serveWebSockets(host, (wss) => {
      wss.on("connection", (socket) => void newWebSocketRpcSession(socket as unknown as Socket, new Bench()));
    });
  },

  async connect(address: PeerAddress): Promise<PeerClient> {
    const socket = new TrustingWebSocket(webSocketUrl(address));
    const bench = newWebSocketRpcSession<Bench>(socket as unknown as Socket) as RpcStub<Bench>;
    await bench.echo(new Uint8Array(1));
    return {
      call(payload, done): void {
        bench.echo(payload).then((answer) => done(answer.length), fail);
      },
      close(): Promise<void> {
        socket.close();
        return Promise.resolve();
      },
    };
  },
};
