import { parseAddressInto } from '../../net/address.ts';
import type { Firewall } from './parts.ts';
import type { FirewallRule, Settings } from './settings.ts';

/** Applies the firewall settings to each connection as it is accepted; a change holds for the next connection. */
export class SettingsFirewall implements Firewall {
  readonly #settings: () => Settings;

  constructor(settings: () => Settings) {
    this.#settings = settings;
  }

  accepts(port: 'mgmt' | 'data' | 'web', address: string): boolean {
    const settings = this.#settings();
    switch (port) {
      case 'mgmt':
        return ruleAccepts(settings.FIREWALL_MGMT, address);
      case 'data':
        return ruleAccepts(settings.FIREWALL_DATA, address);
      case 'web':
        return ruleAccepts(settings.FIREWALL_WEB, address);
    }
  }
}

/** Addresses compare as numbers; an IPv4 address mapped into IPv6 is the IPv4 address. What is no address is not accepted. */
export function ruleAccepts(rule: FirewallRule, address: string): boolean {
  if (rule.kind === 'accept') return true;
  if (rule.kind === 'block') return false;
  const peer = numberOf(address);
  if (peer === undefined) return false;
  if (rule.kind === 'list') return rule.addresses.some((one) => numberOf(one)?.equals(peer) === true);
  const first = numberOf(rule.first);
  const last = numberOf(rule.last);
  if (first?.length !== peer.length || last?.length !== peer.length) return false;
  return first.compare(peer) <= 0 && peer.compare(last) <= 0;
}

function numberOf(address: string): Buffer | undefined {
  const octets = Buffer.alloc(16);
  const length = parseAddressInto(address, octets);
  return length === 0 ? undefined : octets.subarray(0, length);
}
