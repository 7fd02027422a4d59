import { isIPv4, isIPv6 } from 'node:net';
import { parseIpv4Into, parseIpv6Into } from '../base/address-text.ts';

export { formatAddress } from '../base/address-text.ts';

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
  if (isIPv4(text)) {
    parseIpv4Into(text, 0, out, at);
    return 4;
  }
  if (!isIPv6(text)) return 0;
  parseIpv6Into(text, out, at);
  return unmap(out, at);
}

/** The 4 or 16 octets of an address, or undefined. */
export function parseAddress(text: string): Uint8Array | undefined {
  const octets = new Uint8Array(ADDRESS_SLOT);
  const length = parseAddressInto(text, octets);
  return length === 0 ? undefined : octets.slice(0, length);
}

/** RFC 4291 section 2.5.5.2: ten zero octets and two of ones mark an IPv4 address. */
function unmap(out: Uint8Array, at: number): number {
  for (let i = 0; i < 10; i++) if (out[at + i] !== 0) return ADDRESS_SLOT;
  if (out[at + 10] !== 0xff || out[at + 11] !== 0xff) return ADDRESS_SLOT;
  out.copyWithin(at, at + 12, at + 16);
  return 4;
}
