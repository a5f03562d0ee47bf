/**
 * Pairs of a client and a server, one of them ours and one of another implementation, and what both need: certificates, and a network
 * in between that may have faults.
 *
 * @module
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SocketAddress } from "../../src/connection/transport.ts";
import type { ServerOptions } from "../../src/server/definition.ts";
import { Authority } from "../support/certificates.ts";
import type { Faults } from "../support/impairment.ts";
import { Network } from "../support/networks.ts";
import { UdpProxy } from "../support/udp_proxy.ts";
import { type CaseOptions, type Connect, interopClient, PROTOCOL_CASES } from "./our_protocol_cases.ts";
import { TRANSPORT_CASES } from "./our_transport_cases.ts";
import type { Identity, Peer } from "./peers.ts";
import { interopServer } from "./service.ts";

/** Who is the client. */
export type Role = "peer calls" | "we call";

/** What a pair is given. */
export interface PairOptions {
  /** Address family. Default 127.0.0.1. */
  readonly host?: "127.0.0.1" | "::1";
  /** Certificates behind that of the server, which only make its first flight longer. Default 0. */
  readonly extraCertificates?: number;
  /** What our server lets in. */
  readonly accept?: NonNullable<ServerOptions["accept"]>;
  /** Whether our end uses early data. Default false. */
  readonly earlyData?: boolean;
  /** What the server program of the peer wants to know. */
  readonly serverOptions?: Record<string, unknown>;
}

/** What a test knows of its pair. */
export interface Pair {
  /** Where the server listens. */
  readonly server: SocketAddress;
  /** A path to the server that does to packets what `faults` say; closed when the test ends. */
  proxy(seed: number, faults: Faults): Promise<UdpProxy>;
  /** Say something of the test beside its result. */
  note(text: string): void;
  /** Run a case, once for each address, all at once. Default: one run, without a proxy. */
  run(name: string, addresses?: readonly SocketAddress[], options?: PeerOptions): Promise<void>;
}

/** What a case is told; programs of other implementations may be told more than ours. */
export type PeerOptions = CaseOptions & Readonly<Record<string, unknown>>;

/** Check something between `peer` and us, as a test of its own. */
export function testPair(
  name: string,
  peer: Peer,
  role: Role,
  body: (pair: Pair) => Promise<void>,
  options: PairOptions = {},
): void {
  const pair = role === "we call" ? `echostream → ${peer.name}` : `${peer.name} → echostream`;
  test(`${name}: ${pair}`, async (context) => {
    const { host = "127.0.0.1", extraCertificates = 0, accept = {}, earlyData = false, serverOptions = {} } = options;
    const identity = makeIdentity(extraCertificates);
    const network = new Network();
    Object.assign(network.options, { tuning: { ...PATIENT, earlyData } });
    const proxies: UdpProxy[] = [];
    const peerServer = role === "we call" ? await peer.serve(identity, host, serverOptions) : undefined;
    try {
      const { certPath: cert, keyPath: key } = identity;
      const server = peerServer === undefined
        ? await network.start(
          interopServer(network, { host: host.includes(":") ? `[${host}]` : host, cert, key, accept }),
        )
        : { address: host, port: peerServer.port };
      await body({
        server,
        async proxy(seed, faults) {
          const proxy = await UdpProxy.open(server, { seed, faults, capture: CAPTURED });
          proxies.push(proxy);
          return proxy;
        },
        note: (text) => context.diagnostic(text),
        async run(caseName, addresses = [server], caseOptions = {}) {
          if (role === "peer calls") {
            const ports = addresses.map(({ port }) => port);
            await peer.run({ name: caseName, ports, host, caPath: identity.caPath, options: caseOptions });
          } else {
            await Promise.all(addresses.map((address) => runOurs(network, identity, caseName, address, caseOptions)));
          }
        },
      });
    } finally {
      await network.close();
      await peerServer?.close();
      for (const proxy of proxies) await proxy.close();
      rmSync(identity.folder, { recursive: true, force: true });
    }
  });
}

async function runOurs(
  network: Network,
  { pin }: { readonly pin: string },
  name: string,
  address: SocketAddress,
  options: CaseOptions,
): Promise<void> {
  const connect: Connect = async (tls) =>
    network.adopt(
      await interopClient().connect(address)
        .options({
          ...network.options,
          tls: { pin, ...tls },
          reconnect: false,
          retry: false,
          timeoutMs: PATIENT.handshakeTimeoutMs,
        })
        .build(),
    );
  const client = await connect({});
  await { ...PROTOCOL_CASES, ...TRANSPORT_CASES }[name]!(client, options, connect);
  await client.close();
}

function makeIdentity(extraCertificates: number): Identity & { readonly folder: string; readonly pin: string } {
  const authority = new Authority("Interop authority");
  const { cert, key, pin } = authority.issue();
  const more = Array.from({ length: extraCertificates }, () => authority.issue({ names: [LONG_NAME] }).cert);
  const folder = mkdtempSync(join(tmpdir(), "echostream-interop-"));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    folder,
    pin,
    certPath: write("cert.pem", [cert, ...more].join("")),
    keyPath: write("key.pem", key),
    caPath: write("ca.pem", authority.ca),
  };
}

/** A handshake that loses a third of its packets may wait for probes whose timer has doubled many times. */
const PATIENT = { handshakeTimeoutMs: 800_000, idleTimeoutMs: 800_000 };
/** The first datagrams of a client are its handshake. */
const CAPTURED = 8;
const LONG_NAME = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}`;
