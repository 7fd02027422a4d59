import { readUint16, readUint32 } from '../base/octets.ts';
import { FLAG } from '../wire/header.ts';
import { TYPE } from '../wire/type-codes.ts';

const HEADER_OCTETS = 12;

/**
 * Seconds that an HTTP cache may keep an answer (RFC 8484 section 5.1): the smallest TTL of its answer section; without
 * one the negative TTL (RFC 2308 section 5) of the SOA record in its authority section. Undefined: nothing says how long.
 *
 * @param octets a whole and well-formed message: one of our own
 */
export function answerFreshness(octets: Uint8Array): number | undefined {
  const isTruncated = (readUint16(octets, 2) & FLAG.TC) !== 0;
  const answers = readUint16(octets, 6);
  const authority = readUint16(octets, 8);
  let at = HEADER_OCTETS;
  for (let i = readUint16(octets, 4); i > 0; i--) at = skipName(octets, at) + 4;
  if (isTruncated) return undefined;
  let smallest: number | undefined;
  for (let i = 0; i < answers + authority; i++) {
    at = skipName(octets, at);
    const type = readUint16(octets, at);
    const ttl = readUint32(octets, at + 4);
    const end = at + 10 + readUint16(octets, at + 8);
    if (i < answers) smallest = Math.min(smallest ?? ttl, ttl);
    // MINIMUM is the last field of the SOA record (RFC 1035 section 3.3.13).
    else if (answers === 0 && type === TYPE.SOA) return Math.min(ttl, readUint32(octets, end - 4));
    at = end;
  }
  return smallest;
}

/** RFC 1035 section 4.1.4: a name ends with the root's label or with a pointer. */
function skipName(octets: Uint8Array, at: number): number {
  while (octets[at] !== 0) {
    if (octets[at] >= 0xc0) return at + 2;
    at += 1 + octets[at];
  }
  return at + 1;
}
