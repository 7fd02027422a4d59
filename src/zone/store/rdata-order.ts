import { LOWER } from '../../wire/name.ts';

/*
 * Canonical order of RDATA within an RRset (RFC 4034 section 6.3) over octets in any buffer. Canonical form only makes
 * letters of names small (section 6.2 lists the types, RFC 6840 section 5.1 takes NSEC off the list), so it is enough to
 * know which octets of the RDATA are names. A name's length octets are below the capitals: folding them changes nothing.
 */

/** Per type: octets before the names, number of names. */
const NAMES: Readonly<Record<number, readonly [number, number]>> = {
  2: [0, 1], // NS
  3: [0, 1], // MD
  4: [0, 1], // MF
  5: [0, 1], // CNAME
  6: [0, 2], // SOA
  7: [0, 1], // MB
  8: [0, 1], // MG
  9: [0, 1], // MR
  12: [0, 1], // PTR
  14: [0, 2], // MINFO
  15: [2, 1], // MX
  17: [0, 2], // RP
  18: [2, 1], // AFSDB
  21: [2, 1], // RT
  24: [18, 1], // SIG
  26: [2, 2], // PX
  30: [0, 1], // NXT
  33: [6, 1], // SRV
  36: [2, 1], // KX
  39: [0, 1], // DNAME
  46: [18, 1], // RRSIG
};
const NAPTR = 35;
const A6 = 38;

/** Where the names of an RDATA begin, relative to its start; its length when it has none. */
function namesStart(type: number, octets: Uint8Array, start: number, end: number): number {
  if (type === NAPTR) {
    // RFC 3403 section 4.1: order, preference, three character strings, then the replacement.
    let at = start + 4;
    for (let i = 0; i < 3 && at < end; i++) at += octets[at] + 1;
    return at - start;
  }
  if (type === A6) {
    // RFC 2874 section 3.1: prefix length, the rest of the address in as few octets as hold it, then the prefix name.
    return 1 + ((128 - Math.min(128, octets[start])) >> 3) + (octets[start] % 8 === 0 ? 0 : 1);
  }
  return NAMES[type]?.[0] ?? end - start;
}

/** Where the names that begin at `at` end. */
function namesEnd(type: number, octets: Uint8Array, at: number, end: number): number {
  let here = at;
  for (let left = NAMES[type]?.[1] ?? 1; left > 0 && here < end; left--) {
    while (here < end && octets[here] !== 0) here += octets[here] + 1;
    here++;
  }
  return Math.min(here, end);
}

/** Negative, zero or positive. Zero means that the two are one record. */
export function compareRdata(
  type: number,
  a: Uint8Array,
  startA: number,
  endA: number,
  b: Uint8Array,
  startB: number,
  endB: number,
): number {
  const length = Math.min(endA - startA, endB - startB);
  let from = namesStart(type, a, startA, endA);
  // Up to its first difference the other RDATA has its names in the same place.
  const to = from >= endA - startA ? from : namesEnd(type, a, startA + from, endA) - startA;
  if (from > length) from = length;
  for (let i = 0; i < from; i++) if (a[startA + i] !== b[startB + i]) return a[startA + i] - b[startB + i];
  for (let i = from; i < length && i < to; i++) {
    const difference = LOWER[a[startA + i]] - LOWER[b[startB + i]];
    if (difference !== 0) return difference;
  }
  for (let i = Math.max(from, to); i < length; i++)
    if (a[startA + i] !== b[startB + i]) return a[startA + i] - b[startB + i];
  return endA - startA - (endB - startB);
}

/** Sorts whole RDATA arrays into canonical order, without duplicates (the first of equal ones stays). */
export function sortRdata(type: number, rdatas: readonly Uint8Array[]): Uint8Array[] {
  if (rdatas.length < 2) return rdatas.slice();
  const sorted = rdatas.toSorted((a, b) => compareRdata(type, a, 0, a.length, b, 0, b.length));
  return sorted.filter((rdata, i) => {
    const before = sorted[i - 1];
    return i === 0 || compareRdata(type, before, 0, before.length, rdata, 0, rdata.length) !== 0;
  });
}
