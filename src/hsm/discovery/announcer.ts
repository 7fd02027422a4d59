import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Appliance } from '../appliance/appliance.ts';
import { multicastAddresses, openMdns, SERVICE_TYPES, type Mdns } from './mdns.ts';

export interface AnnouncerOptions {
  /** IPv4 addresses of the interfaces to announce on. Default: all of this host. */
  readonly addresses?: () => readonly string[];
}

export interface AnnouncerDependencies {
  readonly appliance: Pick<Appliance, 'identity' | 'getState' | 'watch'>;
  readonly log: Log;
  readonly clock: Clock;
}

/** Milliseconds that a good-bye may take. */
const LONGEST_GOODBYE = 1000;

/**
 * Tells the network where the HSM is (DNS-SD, RFC 6763). The target host carries the serial number: two appliances on one network
 * that are both `dkey.local`, as the vendor's are, would answer for each other.
 *
 *     1000-0002._dks-hsm-cty._tcp.local  SRV 0 0 8081 dkey-1000-0002.local  TXT serial= host= type= firmware= sd= IP= fingerprint=
 *     1000-0002._dks-hsm-rpc._tcp.local  SRV 0 0 8080 dkey-1000-0002.local  TXT the same
 */
export class Announcer implements AsyncDisposable {
  readonly #addresses: () => readonly string[];
  readonly #dependencies: AnnouncerDependencies;
  #open: readonly Mdns[] = [];
  /** What is announced now; undefined: nothing. */
  #announced: string | undefined;
  #unwatch: (() => void) | undefined;

  constructor(options: AnnouncerOptions, dependencies: AnnouncerDependencies) {
    this.#addresses = options.addresses ?? multicastAddresses;
    this.#dependencies = dependencies;
  }

  get isAnnouncing(): boolean {
    return this.#announced !== undefined;
  }

  /** From now on, also when addresses, ports or the key change. A network that does not take it is logged, and is no error. */
  announce(): void {
    if (this.#unwatch !== undefined) return;
    this.#unwatch = this.#dependencies.appliance.watch(() => this.#renew());
    this.#renew();
  }

  /** Says good-bye. Resolves when nothing answers any more. */
  async withdraw(): Promise<void> {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#announced = undefined;
    const open = this.#open;
    this.#open = [];
    await Promise.all(open.map((mdns) => this.#end(mdns)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.withdraw();
  }

  #renew(): void {
    const { appliance } = this.#dependencies;
    const { identity } = appliance;
    const { ports, address, fingerprint } = appliance.getState();
    const addresses = this.#addresses();
    const wanted = JSON.stringify([addresses, ports.rpc, ports.console, address, fingerprint]);
    if (wanted === this.#announced) return;
    const before = this.#open;
    this.#announced = wanted;
    this.#open = [];
    for (const mdns of before) void this.#end(mdns);
    const txt = {
      serial: identity.serial,
      host: identity.servername,
      type: 'Diamond HSM',
      firmware: identity.version,
      sd: '0.1',
      caps: '',
      fingerprint,
    };
    this.#open = addresses.map((at) => {
      const mdns = openMdns(at, this.#dependencies, (cause) => this.#failed(at, cause));
      for (const [type, port] of [
        [SERVICE_TYPES.cty, ports.console],
        [SERVICE_TYPES.rpc, ports.rpc],
      ] as const)
        mdns.publish({
          name: identity.serial,
          type,
          port,
          host: `dkey-${identity.serial}.local`,
          txt: { ...txt, IP: address ?? at },
          // Serial numbers are unique; to ask first would only find our own other interfaces.
          probe: false,
        });
      return mdns;
    });
  }

  #failed(address: string, cause: Error): void {
    const text = `the HSM cannot be announced on ${address}: ${cause.message}; findHSM does not find it there`;
    this.#dependencies.log.write({ severity: 'warning', category: 'general', text });
  }

  async #end(mdns: Mdns): Promise<void> {
    const { clock } = this.#dependencies;
    await new Promise<void>((resolve) => {
      const timer = clock.after(LONGEST_GOODBYE, resolve);
      mdns.unpublishAll(() => {
        timer.cancel();
        resolve();
      });
    });
    await new Promise<void>((resolve) => {
      try {
        mdns.destroy(() => resolve());
      } catch {
        resolve(); // it was never open
      }
    });
  }
}
