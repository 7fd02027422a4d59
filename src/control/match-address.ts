import type { AddressMatchList } from '../conf/configuration.ts';
import { hostAddresses } from '../net/interfaces.ts';

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
      return hostAddresses().some((own) => withinPrefix(address, own.address, own.address.length * 8));
    case 'localnets':
      return hostAddresses().some((own) => withinPrefix(address, own.address, own.prefixLength));
  }
}

function withinPrefix(address: Uint8Array, network: Uint8Array, length: number): boolean {
  if (address.length !== network.length) return false;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const rest = length & 7;
  return rest === 0 || (address[whole] ^ network[whole]) >> (8 - rest) === 0;
}
