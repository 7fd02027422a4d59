import net from 'node:net';

/** The octets of an IPv4 address in four decimal parts, or undefined. */
export function parseIpv4(text: string): Uint8Array | undefined {
  return net.isIPv4(text) ? Uint8Array.from(text.split('.'), Number) : undefined;
}

/** The octets of an IPv6 address (RFC 4291 section 2.2) without a scope, or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.includes('%') || !net.isIPv6(text)) return undefined;
  const octets = new Uint8Array(16);
  const [head, tail] = text.split('::', 2);
  const before = hexGroups(head);
  octets.set(before, 0);
  if (tail === undefined) return octets;
  const after = hexGroups(tail);
  octets.set(after, 16 - after.length);
  return octets;
}

function hexGroups(text: string): Uint8Array {
  const octets: number[] = [];
  for (const group of text === '' ? [] : text.split(':')) {
    if (group.includes('.')) octets.push(...group.split('.').map(Number));
    else octets.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff);
  }
  return Uint8Array.from(octets);
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
