import { matchesAddress } from '../control/match-address.ts';
import { formatAddress } from '../base/address-text.ts';
import type { AddressMatchList, Configuration, ListenOn } from '../conf/configuration.ts';
import type { InterfaceAddress } from '../net/interfaces.ts';
import type { StreamSettings } from '../net/stream-settings.ts';
import type { TlsMaterial } from '../net/tls-material.ts';
import type { ListenAddress as ResponderAddress } from '../server/responder.ts';

/** An address and port to answer on. */
export interface ListenAddress {
  readonly family: 'IPv4' | 'IPv6';
  readonly interface: string;
  /** What a socket is bound to. */
  readonly address: string;
  readonly port: number;
  readonly transport: ListenOn['transport'];
  /** Name of the tls block. */
  readonly tls?: string;
  /** Name of the http block. */
  readonly http?: string;
}

/** Ports of the command line, which take the place of the configuration's where no listen-on names one. */
export type DefaultPorts = Partial<Record<ListenOn['transport'], number>>;

/** The same place, and the same protocol there. */
export function isAmong(one: ListenAddress, others: readonly ListenAddress[]): boolean {
  return others.some(
    ({ address, port, transport }) => address === one.address && port === one.port && transport === one.transport,
  );
}

/** The same place, whatever is spoken there. */
export function isPlaceAmong(one: ListenAddress, others: readonly ListenAddress[]): boolean {
  return others.some(({ address, port }) => address === one.address && port === one.port);
}

/** For the log: what is spoken there, if it is not plain DNS. */
export function transportText({ transport }: ListenAddress): string {
  return transport === 'plain' ? '' : ` (${transport.toUpperCase()})`;
}

/**
 * What responders are told of the addresses. Those whose certificate could not be read are left out.
 * @param material finds what a tls block stands for
 */
export function toResponders(
  addresses: readonly ListenAddress[],
  { http: blocks }: Configuration,
  material: (name: string) => TlsMaterial | undefined,
): ResponderAddress[] {
  return addresses.map(({ address, port, tls: tlsName, http: httpName }) => {
    const tls = tlsName === undefined ? undefined : material(tlsName);
    const http = httpName === undefined ? undefined : blocks.get(httpName);
    if (http !== undefined) {
      const { endpoints, streamsPerConnection, listenerClients: clients } = http;
      const transport = {
        kind: 'http',
        http: { endpoints, streamsPerConnection },
        clients,
        ...(tls && { tls }),
      } as const;
      return { address, port, transport };
    }
    return tls === undefined ? { address, port } : { address, port, transport: { kind: 'tls', tls } };
  });
}

/** Configuration counts in tenths of a second. */
export function streamSettings({ streams }: Configuration): StreamSettings {
  return {
    clients: streams.clients,
    listenQueue: streams.listenQueue,
    initialTimeout: 100 * streams.initialTimeout,
    idleTimeout: 100 * streams.idleTimeout,
    keepaliveTimeout: 100 * streams.keepaliveTimeout,
    advertisedTimeout: 100 * streams.advertisedTimeout,
  };
}

/**
 * The addresses of this host that listen-on and listen-on-v6 name. Each gets sockets of its own, so that answers leave
 * from the address that was asked.
 * @param ports -p of the command line
 */
export function listenAddresses(
  configuration: Configuration,
  own: readonly InterfaceAddress[],
  options: { readonly family: 'both' | 'ipv4' | 'ipv6'; readonly ports: DefaultPorts },
): ListenAddress[] {
  const found: ListenAddress[] = [];
  const add = (family: 'IPv4' | 'IPv6', statements: readonly ListenOn[]): void => {
    for (const { addresses, ...statement } of statements) {
      const { transport, tls, http } = statement;
      const port = statement.isDefaultPort ? (options.ports[transport] ?? statement.port) : statement.port;
      for (const { interface: name, text, address } of [...own, ...loopbackAddresses(addresses, own)]) {
        if (address.length !== (family === 'IPv4' ? 4 : 16) || !matchesAddress(addresses, address)) continue;
        if (found.some((other) => other.address === text && other.port === port)) continue;
        const over = { transport, ...(tls !== undefined && { tls }), ...(http !== undefined && { http }) };
        found.push({ family, interface: name, address: text, port, ...over });
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
