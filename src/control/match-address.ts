import { networkInterfaces } from 'node:os';
import { isIPv6 } from 'node:net';
import type { AddressMatchList } from '../conf/configuration.ts';

/**
 * True when the first element of `list` that `address` (4 or 16 octets) matches is not negated. Nothing matches an
 * element of kind `key`: commands are told apart by who signed them, not by an access list.
 */
export function matchesAddress(list: AddressMatchList, address: Uint8Array): boolean {
  return decide(list, address) === true;
}

/** undefined: no element matches. */
function decide(list: AddressMatchList, address: Uint8Array): boolean | undefined {
  for (const element of list) {
    const matched = matchElement(element, address);
    if (matched) return !element.negated;
  }
  return undefined;
}

function matchElement(element: AddressMatchList[number], address: Uint8Array): boolean {
  switch (element.kind) {
    case 'any':
      return true;
    case 'none':
    case 'key':
      return false;
    case 'prefix':
      return withinPrefix(address, element.address, element.length);
    case 'list':
      return decide(element.list, address) === true;
    case 'localhost':
      return ownAddresses().some((own) => withinPrefix(address, own.octets, own.octets.length * 8));
    case 'localnets':
      return ownAddresses().some((own) => withinPrefix(address, own.octets, own.prefix));
  }
}

function withinPrefix(address: Uint8Array, network: Uint8Array, length: number): boolean {
  if (address.length !== network.length) return false;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const rest = length & 7;
  return rest === 0 || (address[whole] ^ network[whole]) >> (8 - rest) === 0;
}

function ownAddresses(): { octets: Uint8Array; prefix: number }[] {
  const own = [];
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, cidr } of addresses ?? []) {
      const octets = addressOctets(address);
      own.push({ octets, prefix: cidr ? Number(cidr.split('/')[1]) : octets.length * 8 });
    }
  }
  return own;
}

/** The octets of an address in text, an IPv4 address mapped into IPv6 as IPv4. Callers hold what node:net gave them. */
export function addressOctets(text: string): Uint8Array {
  const plain = text.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  return isIPv6(plain) ? ipv6Octets(plain) : Uint8Array.from(plain.split('.'), Number);
}

function ipv6Octets(text: string): Uint8Array {
  const [left, right] = text.split('::');
  const head = groupOctets(left);
  const tail = right === undefined ? [] : groupOctets(right);
  const octets = new Uint8Array(16);
  octets.set(head, 0);
  octets.set(tail, 16 - tail.length);
  return octets;
}

function groupOctets(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
