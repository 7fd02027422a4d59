import type { MessageBuilder } from '../../wire/message-writer.ts';
import type { Arena } from './arena.ts';
import { ENTRY_LAST, ENTRY_LONG, ENTRY_NSEC, ENTRY_RRSIG, RRSIG_FIXED_OCTETS } from './layout.ts';

/*
 * Reading the entries that layout.ts draws. `at` is the octet offset of an entry's head, `apex` the zone's name in its
 * first `apexLength` octets. Nothing here allocates.
 */

/** Octets of a compact RRSIG before the signature: words back (2), algorithm, labels, expiration, inception, key tag. */
export const COMPACT_RRSIG_FIXED = 2 + 1 + 1 + 4 + 4 + 2;

const KIND = 0x7fff;

function headAt(u8: Uint8Array, at: number): number {
  return ((u8[at] << 8) | u8[at + 1]) & KIND;
}

function uint32At(u8: Uint8Array, at: number): number {
  return ((u8[at] << 24) | (u8[at + 1] << 16) | (u8[at + 2] << 8) | u8[at + 3]) >>> 0;
}

export function isLastEntry(u8: Uint8Array, at: number): boolean {
  return u8[at] >= ENTRY_LAST >> 8;
}

/** Where the next entry begins, whether or not it belongs to the same section. */
export function entryEnd(u8: Uint8Array, at: number): number {
  const head = headAt(u8, at);
  if (head < ENTRY_NSEC) return at + 2 + head;
  if (head === ENTRY_LONG) return at + 6 + uint32At(u8, at + 2);
  return at + 2 + (head & 0x1fff);
}

/** Octets of the RDATA in full. */
export function entryLength(u8: Uint8Array, at: number, apexLength: number): number {
  const head = headAt(u8, at);
  if (head < ENTRY_NSEC) return head;
  if (head === ENTRY_LONG) return uint32At(u8, at + 2);
  const stored = head & 0x1fff;
  if (head < ENTRY_RRSIG) return stored - 1 + apexLength;
  return stored - COMPACT_RRSIG_FIXED + RRSIG_FIXED_OCTETS + apexLength;
}

/** Writes the RDATA in full to `out`; returns the position after it. */
export function copyEntry(
  u8: Uint8Array,
  u32: Uint32Array,
  at: number,
  apex: Uint8Array,
  apexLength: number,
  out: Uint8Array,
  to: number,
): number {
  const head = headAt(u8, at);
  let from = at + 2;
  if (head < ENTRY_NSEC) {
    for (const end = from + head; from < end;) out[to++] = u8[from++];
    return to;
  }
  if (head === ENTRY_LONG) {
    const length = uint32At(u8, from);
    out.set(u8.subarray(from + 4, from + 4 + length), to);
    return to + length;
  }
  const end = from + (head & 0x1fff);
  if (head < ENTRY_RRSIG) {
    while (u8[from] !== 0) for (const next = from + u8[from] + 1; from < next;) out[to++] = u8[from++];
    for (let i = 0; i < apexLength; i++) out[to++] = apex[i];
    for (from++; from < end;) out[to++] = u8[from++];
    return to;
  }
  // RFC 4034 section 3.1: type covered, algorithm, labels, original TTL, expiration, inception, key tag, signer, signature.
  const rrset = (at >> 2) - ((u8[from] << 8) | u8[from + 1]);
  const type = u32[rrset] >>> 16;
  const ttl = u32[rrset + 1];
  out[to] = type >> 8;
  out[to + 1] = type;
  out[to + 2] = u8[from + 2];
  out[to + 3] = u8[from + 3];
  out[to + 4] = ttl >>> 24;
  out[to + 5] = ttl >>> 16;
  out[to + 6] = ttl >>> 8;
  out[to + 7] = ttl;
  for (let i = 0; i < 10; i++) out[to + 8 + i] = u8[from + 4 + i];
  to += RRSIG_FIXED_OCTETS;
  for (let i = 0; i < apexLength; i++) out[to++] = apex[i];
  for (from += COMPACT_RRSIG_FIXED; from < end;) out[to++] = u8[from++];
  return to;
}

/**
 * Appends the RDATA in full, names uncompressed, to a message: the same as copyEntry, for answers. What would go over the message's
 * limit is not written, but counted.
 */
export function writeEntry(
  arena: Arena,
  at: number,
  apex: Uint8Array,
  apexView: DataView,
  apexLength: number,
  message: MessageBuilder,
): void {
  const { u8, u32, view } = arena;
  const head = headAt(u8, at);
  let from = at + 2;
  if (head < ENTRY_NSEC) {
    message.copyFrom(u8, view, from, from + head);
    return;
  }
  if (head === ENTRY_LONG) {
    message.copyFrom(u8, view, from + 4, from + 4 + uint32At(u8, from));
    return;
  }
  const end = from + (head & 0x1fff);
  if (head < ENTRY_RRSIG) {
    const start = from;
    while (u8[from] !== 0) from += u8[from] + 1;
    message.copyFrom(u8, view, start, from);
    message.copyFrom(apex, apexView, 0, apexLength);
    message.copyFrom(u8, view, from + 1, end);
    return;
  }
  const rrset = (at >> 2) - ((u8[from] << 8) | u8[from + 1]);
  message.uint16(u32[rrset] >>> 16);
  message.uint16((u8[from + 2] << 8) | u8[from + 3]);
  message.uint32(u32[rrset + 1]);
  message.copyFrom(u8, view, from + 4, from + COMPACT_RRSIG_FIXED);
  message.copyFrom(apex, apexView, 0, apexLength);
  message.copyFrom(u8, view, from + COMPACT_RRSIG_FIXED, end);
}

/** Where expiration, inception and key tag of an RRSIG lie one after the other; the algorithm is `algorithmAt`. */
export function signatureTimesAt(u8: Uint8Array, at: number): number {
  const head = headAt(u8, at);
  if (head < ENTRY_NSEC) return at + 2 + 8;
  return head === ENTRY_LONG ? at + 6 + 8 : at + 2 + 4;
}

export function signatureAlgorithmAt(u8: Uint8Array, at: number): number {
  const head = headAt(u8, at);
  if (head < ENTRY_NSEC) return at + 2 + 2;
  return head === ENTRY_LONG ? at + 6 + 2 : at + 2 + 2;
}
