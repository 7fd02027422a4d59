import fs from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Clock, Timer } from '../../base/clock.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { NetworkView } from './appliance.ts';
import { applianceEvent } from './events.ts';
import type { NetworkPort } from './parts.ts';
import { netmaskBits } from './settings-table.ts';
import type { Settings } from './settings.ts';

/** An address of an interface. */
export interface InterfaceState {
  readonly address: string;
  readonly netmask: string;
  readonly hardwareAddress: string;
  readonly interface: string;
  /** The interface's name, or an alias of it such as "eth0:1". */
  readonly label: string;
  readonly isInternal: boolean;
}

/** The system's side. The real one is `SystemInterfaces`. */
export interface Interfaces {
  /** IPv4 addresses of all interfaces that are up. */
  list(): readonly InterfaceState[];
  gateway(interfaceName: string): string | undefined;
  /** Hardware address, also of an interface without an address. */
  hardwareAddress(interfaceName: string): string | undefined;
  /** Runs ip(8) with these words. @throws SignetError NETWORK */
  configure(words: readonly string[]): Promise<void>;
}

/** Diamond-HSM manual section 3.4: where an appliance without DHCP is found. */
export const FALLBACK = { address: '10.10.10.2', bits: 24, broadcast: '10.10.10.255' } as const;

/** Alias of the interface that marks addresses as set by us: those of its DHCP client are never touched. */
const OWN_ALIAS = ':1';
/** Octets of an interface's name that leave room for the alias: Linux labels have 15. */
export const LONGEST_INTERFACE_NAME = 13;

/** Seconds to wait for an address by DHCP (Diamond-HSM manual section 5.1.1). */
const DHCP_WAIT = 90;
/** Milliseconds between two looks. */
const LOOK = 1000;

export interface NetworkOptions {
  /** Undefined: the host's addresses are taken as they are, and no interface is ever changed. */
  readonly interface: string | undefined;
  /** What the ports listen on; "0.0.0.0" or "::" is every address. */
  readonly listen: string;
  readonly dhcpWait?: number;
}

/** The appliance's own address: as the host has it, or on the interface that is given to it by DHCP, with a fallback, or fixed. */
export class ApplianceNetwork implements NetworkPort, Disposable {
  readonly #options: NetworkOptions;
  readonly #settings: () => Settings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #interfaces: Interfaces;
  #timer: Timer | undefined;
  #wake: () => void = () => undefined;
  #isEnded = false;

  constructor(
    options: NetworkOptions,
    dependencies: {
      readonly settings: () => Settings;
      readonly clock: Clock;
      readonly log: Log;
      readonly interfaces: Interfaces;
    },
  ) {
    this.#options = options;
    this.#settings = dependencies.settings;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#interfaces = dependencies.interfaces;
  }

  /** Settings of dhcp and static need an interface that is ours. */
  get hasInterface(): boolean {
    return this.#options.interface !== undefined;
  }

  /** Resolves when there is an address, or when it is clear that there will be none for now. @throws SignetError NETWORK */
  async start(): Promise<void> {
    const settings = this.#settings();
    const name = this.#options.interface;
    if (name === undefined) {
      if (settings.IP_MODE === 'host') return;
      const text = `IP_MODE is '${settings.IP_MODE}', but hsmd was given no interface (--interface): the addresses of the host are used as they are`;
      // The default; that somebody asked for a fixed address is another matter.
      this.#log.write(settings.IP_MODE === 'dhcp' ? applianceEvent.network(text) : applianceEvent.networkWarning(text));
      return;
    }
    if (settings.IP_MODE === 'static') return this.#setStatic(name, settings);
    // What an earlier start has set would be taken for a lease.
    await this.#removeOwn(name, undefined);
    if (settings.IP_MODE === 'dhcp') await this.#awaitLease(name);
  }

  /** Resolves when the appliance has an address, however long that takes. */
  async awaitAddress(): Promise<void> {
    while (this.view().address === undefined && !this.#isEnded) await this.#pause();
  }

  view(): NetworkView {
    const { listen, interface: own } = this.#options;
    const all = this.#interfaces.list();
    const isEverywhere = listen === '0.0.0.0' || listen === '::';
    const ours = all.filter((one) => own === undefined || one.interface === own);
    // A DHCP client may keep its lease beside the fixed address, and bring one after the fallback was set.
    const isWanted = ({ label }: InterfaceState): boolean =>
      own === undefined || (label === `${own}${OWN_ALIAS}`) === (this.#settings().IP_MODE === 'static');
    const outer = ours.filter(({ isInternal }) => !isInternal);
    const found = isEverywhere
      ? (outer.find(isWanted) ?? outer[0] ?? ours[0])
      : all.find(({ address }) => address === listen);
    const name = own ?? found?.interface;
    return {
      address: found?.address ?? (isEverywhere ? undefined : listen),
      netmask: found?.netmask,
      gateway: name === undefined ? undefined : this.#interfaces.gateway(name),
      hardwareAddress:
        found?.hardwareAddress ?? (name === undefined ? undefined : this.#interfaces.hardwareAddress(name)),
      mode: own === undefined ? 'host' : this.#settings().IP_MODE,
    };
  }

  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#wake();
  }

  async #setStatic(name: string, settings: Settings): Promise<void> {
    const { IP_ADDRESS: address, IP_NETMASK: netmask, IP_BROADCAST: broadcast, IP_GATEWAY: gateway } = settings;
    const bits = netmask === undefined ? undefined : netmaskBits(netmask);
    // An appliance that did not start could not be told a better address, either.
    if (address === undefined || bits === undefined)
      return this.#fallBack(name, "IP_MODE is 'static', but IP_ADDRESS or IP_NETMASK is not set");
    try {
      await this.#configure(name, address, bits, broadcast);
    } catch (error) {
      return this.#fallBack(name, `the fixed address ${address}/${bits} was refused (${(error as Error).message})`);
    }
    this.#log.write(applianceEvent.network(`${name} has the fixed address ${address}/${bits}`));
    if (gateway === undefined) return;
    try {
      await this.#interfaces.configure(['route', 'replace', 'default', 'via', gateway, 'dev', name]);
    } catch (error) {
      this.#log.write(
        applianceEvent.networkWarning(
          `the gateway ${gateway} was refused (${(error as Error).message}): the HSM is reached from its own network only; use 'set ip static' at the console`,
        ),
      );
    }
  }

  /** Where people look for an appliance whose address nobody knows. @throws SignetError NETWORK */
  async #fallBack(name: string, why: string): Promise<void> {
    await this.#configure(name, FALLBACK.address, FALLBACK.bits, FALLBACK.broadcast);
    this.#log.write(
      applianceEvent.networkWarning(
        `${why}: ${name} has ${FALLBACK.address}/${FALLBACK.bits} now; use 'set ip static' or 'set ip dhcp' at the console`,
      ),
    );
  }

  /** The lease is the business of the host's DHCP client; we wait for what it brings. */
  async #awaitLease(name: string): Promise<void> {
    const wait = this.#options.dhcpWait ?? DHCP_WAIT;
    const until = this.#clock.monotonic() + wait * 1000;
    for (;;) {
      const lease = this.#interfaces.list().find((one) => one.interface === name && one.address !== FALLBACK.address);
      if (lease !== undefined) {
        this.#log.write(applianceEvent.network(`${name} has the address ${lease.address} by DHCP`));
        return;
      }
      if (this.#isEnded) return;
      if (this.#clock.monotonic() >= until) break;
      await this.#pause();
    }
    await this.#fallBack(name, `${name} got no address by DHCP within ${wait} s`);
  }

  async #configure(name: string, address: string, bits: number, broadcast = '+'): Promise<void> {
    await this.#removeOwn(name, `${address}/${bits}`);
    const words = ['addr', 'replace', `${address}/${bits}`, 'broadcast', broadcast];
    await this.#interfaces.configure(['link', 'set', 'dev', name, 'up']);
    await this.#interfaces.configure([...words, 'dev', name, 'label', `${name}${OWN_ALIAS}`]);
  }

  /** Takes back what was set by us, but for the address with its length that is to stay. */
  async #removeOwn(name: string, stays: string | undefined): Promise<void> {
    for (const { label, address, netmask } of this.#interfaces.list()) {
      const words = `${address}/${netmaskBits(netmask) ?? 32}`;
      if (label !== `${name}${OWN_ALIAS}` || words === stays) continue;
      await this.#interfaces.configure(['addr', 'del', words, 'dev', name]);
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#clock.after(LOOK, resolve);
    });
  }
}

/** The host's own interfaces, changed by ip(8). */
export class SystemInterfaces implements Interfaces {
  list(): readonly InterfaceState[] {
    const found: InterfaceState[] = [];
    for (const [name, addresses] of Object.entries(networkInterfaces()))
      for (const one of addresses ?? []) {
        if (one.family !== 'IPv4') continue;
        const { address, netmask, mac, internal } = one;
        // An alias ("eth0:1") is an address of its interface.
        const interfaceName = name.replace(/:.*$/, '');
        found.push({
          address,
          netmask,
          hardwareAddress: mac,
          interface: interfaceName,
          label: name,
          isInternal: internal,
        });
      }
    return found;
  }

  gateway(interfaceName: string): string | undefined {
    let table: string;
    try {
      table = fs.readFileSync('/proc/net/route', 'latin1');
    } catch {
      return undefined; // no Linux, or no /proc
    }
    for (const line of table.split('\n').slice(1)) {
      const [name, destination, gateway] = line.split('\t');
      if (name !== interfaceName || destination !== '00000000' || gateway === undefined) continue;
      // In the order of octets of the machine.
      const octets = Buffer.from(gateway, 'hex').toReversed();
      if (octets.length === 4) return octets.join('.');
    }
    return undefined;
  }

  hardwareAddress(interfaceName: string): string | undefined {
    try {
      return fs.readFileSync(`/sys/class/net/${interfaceName}/address`, 'latin1').trim();
    } catch {
      return undefined; // no such interface
    }
  }

  async configure(words: readonly string[]): Promise<void> {
    const { execFile } = await import('node:child_process');
    await new Promise<void>((resolve, reject) => {
      execFile('ip', words, { timeout: 10_000 }, (cause, _, stderr) => {
        if (cause === null) resolve();
        else
          reject(new SignetError('NETWORK', refusal(words, cause, stderr.trim()), { command: words.join(' ') }, cause));
      });
    });
  }
}

function refusal(words: readonly string[], cause: Error & { readonly code?: unknown }, said: string): string {
  const command = `'ip ${words.join(' ')}'`;
  if (cause.code === 'ENOENT') return `${command} cannot be run: install the command ip (package iproute2)`;
  const isForbidden = /not permitted/i.test(said);
  return `${command} failed: ${said || cause.message}${isForbidden ? ': start hsmd as root, with --user for what it is to be then' : ''}`;
}
