import type { Clock } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { parseAddress } from '../net/address.ts';
import { DgramEndpoint } from '../net/dgram-endpoint.ts';
import type { UdpEndpoint } from '../net/udp-endpoint.ts';
import { Notifier } from '../transfer/notify.ts';
import { notifyTargets } from '../transfer/notify-targets.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { Arena } from '../zone/store/arena.ts';
import { zoneEvent } from './events.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

export interface SecondariesDependencies {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  /** Told of each NOTIFY that goes to another server. */
  readonly notified: (address: Uint8Array) => void;
}

/** Port of DNS (RFC 1035 section 4.2): where the name servers of a zone listen. */
const DNS_PORT = 53;
/** Versions of a zone that follow each other quickly are told of together. BIND 9.18: notify-delay 5. */
const NOTIFY_DELAY = 5;

/** Tells secondaries of new versions, as the `notify` and `also-notify` statements say. */
export class Secondaries implements AsyncDisposable {
  readonly #dependencies: SecondariesDependencies;
  readonly #notifier: Notifier;
  /** Zones that wait until the delay is over. */
  readonly #waiting = new Set<ZoneKeeper>();
  #isOpen = true;

  private constructor(notifier: Notifier, dependencies: SecondariesDependencies) {
    this.#notifier = notifier;
    this.#dependencies = dependencies;
  }

  /** @param family which address families are in use */
  static async open(family: 'both' | 'ipv4' | 'ipv6', dependencies: SecondariesDependencies): Promise<Secondaries> {
    const endpoints: UdpEndpoint[] = [];
    if (family !== 'ipv6') endpoints.push(await DgramEndpoint.bind({ address: '0.0.0.0', port: 0 }));
    if (family === 'ipv6') endpoints.push(await DgramEndpoint.bind({ address: '::', port: 0 }));
    else if (family === 'both') endpoints.push(...(await bindIfAvailable('::')));
    return new Secondaries(new Notifier({}, { ...dependencies, endpoints }), dependencies);
  }

  /** Sends NOTIFY for the zone's published version soon. */
  tell(keeper: ZoneKeeper): void {
    if (keeper.zone.notify === 'no' || this.#waiting.has(keeper)) return;
    this.#waiting.add(keeper);
    this.#dependencies.clock.after(NOTIFY_DELAY * 1000, () => {
      this.#waiting.delete(keeper);
      if (this.#isOpen && keeper.isLoaded) this.#send(keeper);
    });
  }

  #send(keeper: ZoneKeeper): void {
    const { arena, log } = this.#dependencies;
    const reader = keeper.read();
    const rrset = reader.rrset(reader.apexNode, TYPE.SOA);
    if (rrset === 0) return;
    const { serial } = reader;
    const notification = { zone: keeper.apex, soa: reader.rdataAll(rrset)[0], soaTtl: reader.ttl(rrset), serial };
    const targets = new Map<string, { address: Uint8Array; port: number }>();
    const add = (address: Uint8Array, port: number): void =>
      void targets.set(`${address.join('.')}#${port}`, { address, port });
    if (keeper.zone.notify !== 'explicit') {
      for (const address of notifyTargets(arena, keeper.store.current()).addresses) add(address, DNS_PORT);
    }
    for (const { address, port } of keeper.zone.alsoNotify) {
      const octets = parseAddress(address);
      if (octets !== undefined) add(octets, port);
    }
    if (targets.size > 0) log.write(zoneEvent.sendingNotifies(keeper.label, serial));
    for (const target of targets.values()) {
      this.#notifier.notify({ ...notification, ...target });
      this.#dependencies.notified(target.address);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOpen = false;
    await this.#notifier[Symbol.asyncDispose]();
  }
}

/** What bind(2) says where the host has no such addresses. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

/** A host may have no IPv6 at all; then nobody is told over it. */
async function bindIfAvailable(address: string): Promise<UdpEndpoint[]> {
  try {
    return [await DgramEndpoint.bind({ address, port: 0 })];
  } catch (error) {
    const isAbsent = error instanceof SignetError && NO_SUCH_FAMILY.includes(String(error.facts['cause']));
    if (!isAbsent) throw error;
    return [];
  }
}
