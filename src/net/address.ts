import { isIPv4, isIPv6 } from 'node:net';

/** An address and port of a socket, as text for people and for node's functions. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** Octets of an address slot: room for IPv6; an IPv4 address takes the first four. */
export const ADDRESS_SLOT = 16;

/**
 * Writes the octets of an address in presentation form to `out` at `at`; a zone ("%eth0") is left out, an IPv4 address
 * mapped into IPv6 (::ffff:192.0.2.1) becomes IPv4.
 * @returns 4 or 16, the octets written; 0 when `text` is no address
 */
export function parseAddressInto(text: string, out: Uint8Array, at = 0): number {
  if (isIPv4(text)) return parseIpv4(text, 0, out, at);
  if (!isIPv6(text)) return 0;
  return parseIpv6(text, out, at);
}

/** The 4 or 16 octets of an address, or undefined. */
export function parseAddress(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(ADDRESS_SLOT);
  const length = parseAddressInto(text, octets);
  return length === 0 ? undefined : octets.slice(0, length);
}

/** Presentation form; IPv6 in the short form of RFC 5952. */
export function formatAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((octets[i] << 8) | octets[i + 1]);
  const [start, length] = longestZeroRun(groups);
  const text = groups.map((group) => group.toString(16));
  if (length < 2) return text.join(':');
  return `${text.slice(0, start).join(':')}::${text.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best[1]) best = [i, end - i];
  }
  return best;
}

function parseIpv4(text: string, from: number, out: Uint8Array, at: number): number {
  let value = 0;
  let index = 0;
  for (let i = from; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x2e) {
      out[at + index++] = value;
      value = 0;
    } else value = value * 10 + character - 0x30;
  }
  out[at + index] = value;
  return 4;
}

function parseIpv6(text: string, out: Uint8Array, at: number): number {
  out.fill(0, at, at + ADDRESS_SLOT);
  let group = 0; // groups written
  let gap = -1; // group index at which "::" stands
  let value = 0;
  let digits = 0;
  let start = 0;
  let end = text.indexOf('%');
  if (end < 0) end = text.length;
  for (let i = 0; i < end; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x2e) {
      parseIpv4(end === text.length ? text : text.slice(0, end), start, out, at + 2 * group);
      group += 2;
      digits = 0;
      break;
    }
    if (character !== 0x3a) {
      value = (value << 4) | hexDigit(character);
      digits++;
      continue;
    }
    if (digits > 0) {
      out[at + 2 * group] = value >> 8;
      out[at + 2 * group++ + 1] = value;
    } else if (i > 0) gap = group;
    value = digits = 0;
    start = i + 1;
  }
  if (digits > 0) {
    out[at + 2 * group] = value >> 8;
    out[at + 2 * group++ + 1] = value;
  }
  if (gap >= 0) {
    const moved = 2 * (group - gap);
    out.copyWithin(at + ADDRESS_SLOT - moved, at + 2 * gap, at + 2 * group);
    out.fill(0, at + 2 * gap, at + ADDRESS_SLOT - moved);
  }
  return unmap(out, at);
}

function hexDigit(character: number): number {
  return character <= 0x39 ? character - 0x30 : (character | 0x20) - 0x57;
}

/** RFC 4291 section 2.5.5.2: ten zero octets and two of ones mark an IPv4 address. */
function unmap(out: Uint8Array, at: number): number {
  for (let i = 0; i < 10; i++) if (out[at + i] !== 0) return ADDRESS_SLOT;
  if (out[at + 10] !== 0xff || out[at + 11] !== 0xff) return ADDRESS_SLOT;
  out.copyWithin(at, at + 12, at + 16);
  return 4;
}
