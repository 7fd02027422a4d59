import { networkInterfaces } from 'node:os';
import { parseAddress } from './address.ts';

/** One address of this host. */
export interface InterfaceAddress {
  readonly interface: string;
  /** As text, with "%interface" where an IPv6 address is link-local: what a socket can be bound to. */
  readonly text: string;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  /** Length of the network's prefix in bits: what `localnets` matches. */
  readonly prefixLength: number;
}

/** All addresses of the interfaces that are up, for listen-on and for the match lists `localhost` and `localnets`. */
export function hostAddresses(interfaces = networkInterfaces()): InterfaceAddress[] {
  const found: InterfaceAddress[] = [];
  for (const [name, addresses] of Object.entries(interfaces)) {
    for (const { address: text, cidr, scopeid } of (addresses ?? []) as Described[]) {
      const address = parseAddress(text);
      if (address === undefined) continue;
      found.push({
        interface: name,
        text: scopeid ? `${text}%${name}` : text,
        address,
        prefixLength: cidr === null ? 8 * address.length : Number(cidr.slice(cidr.indexOf('/') + 1)),
      });
    }
  }
  return found;
}

interface Described {
  readonly address: string;
  readonly cidr: string | null;
  readonly scopeid?: number;
}
