import { matchesAddress } from '../control/match-address.ts';
import { formatAddress } from '../base/address-text.ts';
import type { AddressMatchList, Configuration, ListenOn } from '../conf/configuration.ts';
import type { InterfaceAddress } from '../net/interfaces.ts';

/** An address and port to answer on. */
export interface ListenAddress {
  readonly family: 'IPv4' | 'IPv6';
  readonly interface: string;
  /** What a socket is bound to. */
  readonly address: string;
  readonly port: number;
}

/**
 * The addresses of this host that listen-on and listen-on-v6 name. Each gets sockets of its own, so that answers leave
 * from the address that was asked.
 * @param port -p of the command line: takes the place of the configuration's port where no listen-on names one
 */
export function listenAddresses(
  configuration: Configuration,
  own: readonly InterfaceAddress[],
  options: { readonly family: 'both' | 'ipv4' | 'ipv6'; readonly port: number | undefined },
): ListenAddress[] {
  const found: ListenAddress[] = [];
  const add = (family: 'IPv4' | 'IPv6', statements: readonly ListenOn[]): void => {
    for (const { port, addresses } of statements) {
      for (const { interface: name, text, address } of [...own, ...loopbackAddresses(addresses, own)]) {
        if (address.length !== (family === 'IPv4' ? 4 : 16) || !matchesAddress(addresses, address)) continue;
        const wanted = port === configuration.port ? (options.port ?? port) : port;
        if (found.some((other) => other.address === text && other.port === wanted)) continue;
        found.push({ family, interface: name, address: text, port: wanted });
      }
    }
  };
  if (options.family !== 'ipv6') add('IPv4', configuration.listenOn);
  if (options.family !== 'ipv4') add('IPv6', configuration.listenOnV6);
  return found;
}

/**
 * Addresses of 127.0.0.0/8 that a statement names one by one. The whole network belongs to the loopback interface, which
 * shows only 127.0.0.1; BIND listens on none of the others unless somebody adds them to the interface.
 */
function loopbackAddresses(list: AddressMatchList, own: readonly InterfaceAddress[]): InterfaceAddress[] {
  const loopback = own.find(
    ({ address, prefixLength }) => address.length === 4 && address[0] === 127 && prefixLength <= 8,
  );
  if (loopback === undefined) return [];
  return list.flatMap((match) => {
    if (match.kind === 'list') return loopbackAddresses(match.list, own);
    if (match.kind !== 'prefix' || match.length !== 32 || match.address.length !== 4 || match.address[0] !== 127)
      return [];
    return { ...loopback, text: formatAddress(match.address), address: match.address };
  });
}
