import { hexDigit } from './hex-text.ts';

/** IPv4 and IPv6 addresses in text, read from octets without allocating. */

/** Writes the address that text[start, end) spells as dotted quad to out[at, at + 4). False when it is none. */
export function parseIPv4(text: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
  let part = 0;
  let value = -1;
  for (let i = start; i <= end; i++) {
    const octet = i < end ? text[i] : 0x2e;
    if (octet === 0x2e) {
      if (value < 0 || part > 3) return false;
      out[at + part++] = value;
      value = -1;
      continue;
    }
    const digit = octet - 0x30;
    if (digit < 0 || digit > 9 || value === 0) return false; // no leading zeros: some would take them for octal
    value = value < 0 ? digit : value * 10 + digit;
    if (value > 255) return false;
  }
  return part === 4;
}

const GROUPS = new Uint16Array(8);

/**
 * Writes the address that text[start, end) spells (RFC 4291 section 2.2, all three forms) to out[at, at + 16). False when
 * it is none.
 */
export function parseIPv6(text: Uint8Array, start: number, end: number, out: Uint8Array, at: number): boolean {
  let count = 0;
  let gap = -1;
  let i = start;
  if (end - start >= 2 && text[i] === 0x3a) {
    if (text[i + 1] !== 0x3a) return false;
    gap = 0;
    i += 2;
  }
  while (i < end) {
    const groupStart = i;
    let value = 0;
    for (; i < end; i++) {
      const digit = hexDigit(text[i]);
      if (digit < 0) break;
      value = (value << 4) | digit;
      if (i - groupStart >= 4) return false;
    }
    if (i < end && text[i] === 0x2e) {
      // Third form: the last 32 bits as a dotted quad.
      if (count > 6 || !parseIPv4(text, groupStart, end, out, at)) return false;
      GROUPS[count++] = (out[at] << 8) | out[at + 1];
      GROUPS[count++] = (out[at + 2] << 8) | out[at + 3];
      i = end;
      break;
    }
    if (i === groupStart || count === 8) return false;
    GROUPS[count++] = value;
    if (i === end) break;
    if (text[i++] !== 0x3a) return false;
    if (i < end && text[i] === 0x3a) {
      if (gap >= 0) return false;
      gap = count;
      i++;
    } else if (i === end) {
      return false;
    }
  }
  return spread(count, gap, out, at);
}

/** Writes the groups read, with zeros in the gap that "::" stands for. */
function spread(count: number, gap: number, out: Uint8Array, at: number): boolean {
  if (gap < 0 ? count !== 8 : count > 7) return false;
  const zeros = 8 - count;
  for (let group = 0; group < 8; group++) {
    let value = 0;
    if (gap < 0 || group < gap) value = GROUPS[group];
    else if (group >= gap + zeros) value = GROUPS[group - zeros];
    out[at + 2 * group] = value >> 8;
    out[at + 2 * group + 1] = value;
  }
  return true;
}

export function ipv4Text(octets: Uint8Array, at = 0): string {
  return `${octets[at]}.${octets[at + 1]}.${octets[at + 2]}.${octets[at + 3]}`;
}

/**
 * Text of an IPv6 address as BIND prints it: the longest run of two or more zero groups as "::", the first of equals;
 * IPv4-compatible and IPv4-mapped addresses end in a dotted quad.
 */
export function ipv6Text(octets: Uint8Array, at = 0): string {
  const groups = Array.from({ length: 8 }, (_, i) => (octets[at + 2 * i] << 8) | octets[at + 2 * i + 1]);
  const run = longestZeroRun(groups);
  const isEmbedded = run.start === 0 && (run.length === 6 || (run.length === 5 && groups[5] === 0xffff));
  const count = isEmbedded ? 6 : 8;
  let text = '';
  for (let i = 0; i < count; i++) {
    if (i >= run.start && i < run.start + run.length) {
      if (i === run.start) text += ':';
      continue;
    }
    if (i > 0) text += ':';
    text += groups[i].toString(16);
  }
  if (isEmbedded) return `${text}:${ipv4Text(octets, at + 12)}`;
  return run.start + run.length === 8 && run.length > 0 ? `${text}:` : text;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 8, length: 0 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > best.length && length >= 2) best = { start: i, length };
    i += length;
  }
  return best;
}
