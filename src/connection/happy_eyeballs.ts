/**
 * In which order the addresses of a name are tried, and when: Happy Eyeballs version 2 (RFC 8305), as a decision without I/O.
 *
 * @module
 */

import { ipVersionOf } from "./address.ts";

/** How long an attempt is alone before the next one starts beside it, in milliseconds (RFC 8305 §5). */
export const ATTEMPT_DELAY_MS = 250;

/** `addresses` with the IP versions taking turns, beginning with the version the resolver put first (RFC 8305 §4). */
export function interleaveFamilies(addresses: readonly string[]): readonly string[] {
  const distinct = [...new Set(addresses)];
  const first = distinct.filter((address) => ipVersionOf(address) === ipVersionOf(distinct[0]!));
  const second = distinct.filter((address) => !first.includes(address));
  const ordered: string[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    if (index < first.length) ordered.push(first[index]!);
    if (index < second.length) ordered.push(second[index]!);
  }
  return ordered;
}
