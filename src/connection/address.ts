/**
 * Addresses as users write them: `host:port`, `[v6]:port`, each also with `echostream://` in front.
 *
 * @module
 */

import { type SocketAddress } from "./transport.ts";

/** A host that may still be a name, and a port. */
export interface HostPort {
  /** Name or IP literal, without brackets. */
  readonly host: string;
  /** 0 to 65,535. */
  readonly port: number;
  /** The IP version when `host` is a literal, `undefined` when it is a name. */
  readonly ipVersion: 4 | 6 | undefined;
}

/**
 * Read an address.
 * @throws {TypeError} when it has not the form of one.
 * @throws {RangeError} when its port is not from 0 (`minimumPort`) to 65,535.
 */
export function parseAddress(text: string, minimumPort = 0): HostPort {
  if (typeof text !== "string") throw new TypeError(`Address is ${text === null ? "null" : typeof text}, ${EXPECTED}`);
  const found = ADDRESS.exec(text);
  if (found === null) throw new TypeError(`Address ${JSON.stringify(text)} is not valid, ${EXPECTED}`);
  const { v6, name, port: digits } = found.groups!;
  const host = v6 ?? name!;
  const ipVersion = ipVersionOf(host);
  if (v6 !== undefined && ipVersion !== 6) {
    throw new TypeError(`Address ${JSON.stringify(text)} has no IPv6 address in its brackets, ${EXPECTED}`);
  }
  if (ipVersion === undefined && !isHostName(host)) {
    throw new TypeError(`Address ${JSON.stringify(text)} has no valid host name, ${EXPECTED}`);
  }
  const port = Number(digits);
  if (port < minimumPort || port > 65_535) {
    throw new RangeError(`Address ${JSON.stringify(text)} has port ${digits}, expected ${minimumPort} to 65535`);
  }
  return { host, port, ipVersion };
}

/** `127.0.0.1:5000` or `[::1]:5000`. */
export function formatAddress(address: SocketAddress | HostPort): string {
  const host = "host" in address ? address.host : address.address;
  return host.includes(":") ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

/** Which IP version `host` is a literal of, or `undefined` when it is none. An IPv6 zone (`%eth0`) is allowed. */
export function ipVersionOf(host: string): 4 | 6 | undefined {
  if (IPV4.test(host)) return 4;
  return isIpv6(host) ? 6 : undefined;
}

/** Whether the IP literal `address` is one of this machine to itself: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  if (IPV4.test(address)) return address.startsWith("127.");
  if (!isIpv6(address)) return false;
  const mapped = /^(?:0{0,4}:){0,5}:?(?:0{1,4}:)?ffff:(127\.[\d.]+)$/i.exec(address);
  return mapped !== null || /^(?:0{0,4}:){1,7}0{0,3}1$/.test(address);
}

function isIpv6(text: string): boolean {
  const [address = "", zone, ...more] = text.split("%");
  if (more.length > 0 || zone === "" || !address.includes(":")) return false;
  // An IPv4 tail stands for two groups (RFC 4291 §2.2).
  const lastColon = address.lastIndexOf(":") + 1;
  const tail = address.slice(lastColon);
  if (tail.includes(".") && !IPV4.test(tail)) return false;
  const groups = tail.includes(".") ? `${address.slice(0, lastColon)}0:0` : address;
  const halves = groups.split("::");
  if (halves.length > 2) return false;
  const parts = halves.flatMap((half) => half === "" ? [] : half.split(":"));
  if (!parts.every((part) => /^[\da-f]{1,4}$/i.test(part))) return false;
  return halves.length === 2 ? parts.length <= 7 : parts.length === 8;
}

/** Letters, digits, hyphens and underscores in labels of 1 to 63, 253 in all (RFC 1123 §2.1; IDNs in their ASCII form). */
function isHostName(host: string): boolean {
  if (host.length > 253 || /^[\d.]+$/.test(host)) return false;
  return host.replace(/\.$/, "").split(".").every((label) => /^(?!-)[\w-]{1,63}(?<!-)$/.test(label));
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const ADDRESS = /^(?:echostream:\/\/)?(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]/\s]+)):(?<port>\d{1,9})\/?$/;
const EXPECTED = 'expected "host:port", "[ipv6]:port" or "echostream://host:port"';
