/**
 * Clients that are known again by a ticket: short handshakes, and when there are none.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { RpcClient } from "../../src/client/client.ts";
import type { TlsClientOptions, TlsServerOptions } from "../../src/connection/tls.ts";
import type { SocketAddress } from "../../src/connection/transport.ts";
import type { RpcServer } from "../../src/server/server.ts";
import { Authority, type Certificate } from "../support/certificates.ts";
import { Network } from "../support/networks.ts";

const authority = new Authority("Test authority");

/** Servers that echo, and clients of them that keep their tickets. */
class Booth {
  readonly network = new Network();
  readonly tickets: Uint8Array[] = [];
  server!: RpcServer;

  async serve(
    tls: Partial<TlsServerOptions> = {},
    certificate: Certificate = authority.issue(),
  ): Promise<SocketAddress> {
    const server = this.network.server().tls({ ...certificate, ...tls }).handler("echo", (_session, bytes) => bytes)
      .build();
    this.server = server as unknown as RpcServer;
    return await this.network.start(this.server);
  }

  /** Connect, make a call, wait for a ticket if one is to come. */
  async connect(address: SocketAddress, tls: TlsClientOptions = {}, awaited = true): Promise<RpcClient> {
    const before = this.tickets.length;
    const onTicket = (ticket: Uint8Array): void => void this.tickets.push(ticket);
    const client = await this.network.connect(address, { tls: { ca: authority.ca, onTicket, ...tls } });
    assert.deepEqual(await client.request("echo", Uint8Array.of(1)), Uint8Array.of(1));
    if (awaited) await this.network.until(() => this.tickets.length > before);
    return client as RpcClient;
  }

  /** Whether a client with the last ticket is known again. */
  async isKnown(address: SocketAddress, tls: TlsClientOptions = {}, awaited = true): Promise<boolean> {
    const client = await this.connect(address, { ticket: this.tickets.at(-1)!, ...tls }, awaited);
    const { resumed } = client.session.stats.connection;
    await client.close();
    return resumed;
  }
}

function boothTest(name: string, body: (booth: Booth) => Promise<void>): void {
  test(name, async () => {
    const booth = new Booth();
    try {
      await body(booth);
    } finally {
      await booth.network.close();
    }
  });
}

boothTest("A client that shows a ticket is known again, and keeps all that was verified", async (booth) => {
  const address = await booth.serve();
  const first = await booth.connect(address);
  assert.equal(first.session.stats.connection.resumed, false);
  const client = await booth.connect(address, { ticket: booth.tickets[0]! });
  assert.equal(client.session.stats.connection.resumed, true);
  assert.equal(client.session.peerCertificate!.fingerprintSha256, first.session.peerCertificate!.fingerprintSha256);
  const atServer = [...booth.server.sessions].map(({ stats }) => stats.connection.resumed);
  assert.deepEqual(atServer, [false, true]);
});

boothTest("A client that reconnects is known by the ticket it keeps, each of them used once", async (booth) => {
  const address = await booth.serve();
  const client = await booth.connect(address);
  for (let n = 1; n <= 2; n++) {
    const tickets = booth.tickets.length;
    const [session] = booth.server.sessions;
    const { session: before } = client;
    await session!.close("", { mayReconnect: true });
    await booth.network.until(() => client.session !== before && client.state === "connected");
    assert.equal(client.session.stats.connection.resumed, true);
    await booth.network.until(() => booth.tickets.length > tickets);
  }
  assert.equal(new Set(booth.tickets.map((ticket) => ticket.join())).size, booth.tickets.length);
});

boothTest("A client that wants no tickets gets none, and shakes hands in full", async (booth) => {
  const address = await booth.serve();
  await booth.connect(address);
  const client = await booth.connect(address, { resumption: false, ticket: booth.tickets[0]! }, false);
  assert.equal(client.session.stats.connection.resumed, false);
  assert.equal(booth.tickets.length, 1);
});

boothTest("A ticket is good for the server and the verification it came from, and for nothing else", async (booth) => {
  const certificate = authority.issue({ names: ["localhost", "127.0.0.1"] });
  const address = await booth.serve({}, certificate);
  await booth.connect(address);
  const ticket = booth.tickets[0]!;
  for (
    const tls of [
      { serverName: "localhost" },
      { ca: undefined, pin: certificate.pin },
      { ca: undefined, dangerouslySkipVerification: true },
    ]
  ) {
    const options = Object.fromEntries(
      Object.entries({ ca: authority.ca, ...tls }).filter(([, value]) => value !== undefined),
    );
    const client = await booth.network.connect(address, { tls: { ...options, ticket } });
    assert.equal(client.session.stats.connection.resumed, false, JSON.stringify(Object.keys(tls)));
  }
  await assert.rejects(booth.network.connect(address, { tls: { ca: new Authority("Other").ca, ticket } }), {
    code: "UNAUTHENTICATED",
  });
});

boothTest("Tickets that are damaged, cut or made up are passed over", async (booth) => {
  const address = await booth.serve();
  await booth.connect(address);
  const ticket = booth.tickets[0]!;
  const damaged = ticket.slice();
  for (let at = 32; at < damaged.length; at += 7) damaged[at]! ^= 0x55;
  const huge = ticket.slice(0, 40).fill(0xff, 32);
  for (const wrong of [damaged, huge, ticket.slice(0, 100), ticket.slice(0, 32), Uint8Array.of(1), new Uint8Array(0)]) {
    assert.equal(await booth.isKnown(address, { ticket: wrong }), false);
  }
  assert.equal(await booth.isKnown(address, { ticket }), true);
});

boothTest("Servers that share ticket keys know each other's clients, as long as they have the key", async (booth) => {
  const [first, second, third] = [1, 2, 3].map(() => new Uint8Array(randomBytes(48)));
  const certificate = authority.issue();
  const one = await booth.serve({ ticketKeys: [first!] }, certificate);
  const two = await booth.serve({ ticketKeys: [second!, first!] }, certificate);
  const { server } = booth;
  await booth.connect(one);
  assert.equal(await booth.isKnown(two), true, "by the older of its keys");
  assert.equal(await booth.isKnown(one), false, "the newer key is unknown there");
  assert.equal(await booth.isKnown(two), true);
  const kept = booth.tickets.at(-1)!;
  server.reloadCertificate({ ...certificate, ticketKeys: [third!, second!] });
  assert.equal(await booth.isKnown(two, { ticket: kept }), true, "after the keys have moved on");
  server.reloadCertificate({ ...certificate, ticketKeys: [third!] });
  assert.equal(await booth.isKnown(two, { ticket: kept }), false, "the key is gone");
});

boothTest("A server that asks for client certificates gives no tickets, and takes none", async (booth) => {
  const certificate = authority.issue();
  const address = await booth.serve({}, certificate);
  await booth.connect(address);
  const { cert, key } = authority.issue({ names: ["client"] });
  booth.server.reloadCertificate({ ...certificate, clientCa: authority.ca });
  const count = booth.tickets.length;
  assert.equal(await booth.isKnown(address, { cert, key }, false), false);
  await assert.rejects(booth.network.connect(address, { tls: { ca: authority.ca, ticket: booth.tickets[0]! } }), {
    code: "UNAUTHENTICATED",
  });
  assert.equal(booth.tickets.length, count);
});

boothTest("What onTicket throws is logged, and hurts nobody", async (booth) => {
  const address = await booth.serve();
  const onTicket = (): never => assert.fail("no");
  await booth.connect(address, { onTicket }, false);
  await booth.network.until(() => booth.network.messages("error").length > 0);
  assert.deepEqual(booth.network.messages("error"), ["onTicket failed"]);
});

test("Ticket keys of another length are named", () => {
  const network = new Network();
  const build = (ticketKeys: Uint8Array[]) => () => network.server().tls({ ...authority.issue(), ticketKeys }).build();
  assert.throws(build([new Uint8Array(32)]), /^TypeError: A ticket key has 32 bytes, expected 48 random bytes$/);
  assert.throws(build([]), /^TypeError: ticketKeys is an empty list/);
});
