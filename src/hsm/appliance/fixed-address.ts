import { SignetError } from '../../base/error.ts';
import { formatAddress, parseAddress } from '../../net/address.ts';
import { netmaskBits } from './settings-table.ts';
import type { Settings } from './settings.ts';

export type FixedAddress = Pick<Settings, 'IP_ADDRESS' | 'IP_NETMASK' | 'IP_BROADCAST' | 'IP_GATEWAY'>;

/** Bits of a net mask that leave no room for a network and a broadcast address (RFC 3021). */
const POINT_TO_POINT = 31;

/**
 * That the addresses of a fixed configuration fit each other, each valid by itself. With one that does not, the appliance would be out of
 * reach after its next start.
 * @throws SignetError FIXED_ADDRESS, which names the one that is wrong
 */
export function checkFixedAddress(fixed: FixedAddress): void {
  const { IP_ADDRESS: address, IP_NETMASK: netmask, IP_BROADCAST: broadcast, IP_GATEWAY: gateway } = fixed;
  if (address === undefined) throw fault('IP_ADDRESS', 'is missing: an HSM with a fixed address needs one');
  const bits = netmask === undefined ? undefined : netmaskBits(netmask);
  if (bits === undefined) throw fault('IP_NETMASK', 'is missing: an HSM with a fixed address needs one');
  const own = toNumber(address);
  const mask = toNumber(netmask!);
  const first = (own & mask) >>> 0;
  const last = (first | ~mask) >>> 0;
  const network = `${toText(first)}/${bits}`;
  const hasEnds = bits < POINT_TO_POINT;
  if (hasEnds && own === first)
    throw fault('IP_ADDRESS', `cannot be ${address}: that is the name of the network ${network}`);
  if (hasEnds && own === last) throw fault('IP_ADDRESS', `cannot be ${address}: that is the broadcast address of ${network}`); // prettier-ignore
  if (own >>> 24 === 0 || own >>> 24 === 127 || own >>> 24 >= 224)
    throw fault('IP_ADDRESS', `cannot be ${address}: no host on a network has such an address (RFC 6890, RFC 5771)`);
  if (broadcast !== undefined && toNumber(broadcast) !== last)
    throw fault('IP_BROADCAST', `cannot be ${broadcast}: that of the network ${network} is ${toText(last)}`);
  if (gateway === undefined) return;
  const next = toNumber(gateway);
  if (next < first || next > last)
    throw fault(
      'IP_GATEWAY',
      `cannot be ${gateway}: it is not in the network ${network} of ${address}, so it could not be reached`,
    );
  if (next === own) throw fault('IP_GATEWAY', `cannot be ${gateway}: that is the HSM itself`);
  if (hasEnds && (next === first || next === last))
    throw fault('IP_GATEWAY', `cannot be ${gateway}: no host of the network ${network} has that address`);
}

function fault(name: keyof FixedAddress, text: string): SignetError {
  return new SignetError('FIXED_ADDRESS', `${name} ${text}; nothing was set`, { name });
}

function toNumber(text: string): number {
  const [a, b, c, d] = parseAddress(text)!;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function toText(number: number): string {
  return formatAddress(Uint8Array.of(number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255));
}
