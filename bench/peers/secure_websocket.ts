/**
 * WebSockets over TLS by ws, for the systems that bring no transport of their own.
 *
 * @module
 */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { selfSignedCertificate } from "./certificate.ts";
import type { PeerAddress, PeerServer } from "./peer.ts";

/** A server of ws behind https. */
export async function serveWebSockets(host: string, accept: (server: WebSocketServer) => void): Promise<PeerServer> {
  const https = createServer({ ...selfSignedCertificate(host), minVersion: "TLSv1.3" });
  accept(new WebSocketServer({ server: https, perMessageDeflate: false }));
  https.listen(0, host);
  await once(https, "listening");
  return { port: (https.address() as AddressInfo).port, close: () => Promise.resolve(void https.close()) };
}

/** Where such a server is. */
export function webSocketUrl({ host, port }: PeerAddress): string {
  return `wss://${host}:${port}`;
}

/** A WebSocket that takes the certificate of the bench. */
export class TrustingWebSocket extends WebSocket {
  constructor(url: string | URL) {
    super(url, { rejectUnauthorized: false, perMessageDeflate: false });
  }
}
