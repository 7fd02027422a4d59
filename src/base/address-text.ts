import net from 'node:net';

const IPV6_OCTETS = 16;

/** The octets of an IPv4 address in four decimal parts, or undefined. */
export function parseIpv4(text: string): Uint8Array | undefined {
  if (!net.isIPv4(text)) return undefined;
  const octets = new Uint8Array(4);
  parseIpv4Into(text, 0, octets, 0);
  return octets;
}

/** The octets of an IPv6 address (RFC 4291 section 2.2) without a zone, or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.includes('%') || !net.isIPv6(text)) return undefined;
  const octets = new Uint8Array(IPV6_OCTETS);
  parseIpv6Into(text, octets, 0);
  return octets;
}

/** Writes the four octets of an address whose text from `from` on node:net has accepted; allocates nothing. */
export function parseIpv4Into(text: string, from: number, out: Uint8Array, at: number): void {
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
}

/** The same for 16 octets; a zone ("%eth0") is left out. */
export function parseIpv6Into(text: string, out: Uint8Array, at: number): void {
  out.fill(0, at, at + IPV6_OCTETS);
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
      parseIpv4Into(end === text.length ? text : text.slice(0, end), start, out, at + 2 * group);
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
    out.copyWithin(at + IPV6_OCTETS - moved, at + 2 * gap, at + 2 * group);
    out.fill(0, at + 2 * gap, at + IPV6_OCTETS - moved);
  }
}

function hexDigit(character: number): number {
  return character <= 0x39 ? character - 0x30 : (character | 0x20) - 0x57;
}

/** The text of 4 or 16 octets; IPv6 as RFC 5952 has it. */
export function formatAddress(octets: Uint8Array): string {
  return octets.length === 4 ? octets.join('.') : formatIpv6(octets);
}

function formatIpv6(octets: Uint8Array): string {
  // RFC 5952 section 5: mapped addresses keep their dotted part.
  const isMapped = octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 0xff && octets[11] === 0xff;
  if (isMapped) return `::ffff:${octets.subarray(12).join('.')}`;
  const groups = Array.from({ length: 8 }, (_, i) => (octets[2 * i] << 8) | octets[2 * i + 1]);
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** RFC 5952 section 4.2.3: the longest run of zero groups is shortened, the first one of equals. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (start + length < groups.length && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** True when all bits after the first `length` ones are zero, as in every address prefix. */
export function isPrefix(octets: Uint8Array, length: number): boolean {
  for (let bit = length; bit < octets.length * 8; bit++) if ((octets[bit >> 3] >> (7 - (bit & 7))) & 1) return false;
  return true;
}
