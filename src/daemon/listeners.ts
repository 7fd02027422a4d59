import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Configuration } from '../conf/configuration.ts';
import { mustBeFree } from '../net/free-address.ts';
import { hostAddresses } from '../net/interfaces.ts';
import type { ResponderPool } from '../server/responder-pool.ts';
import { serverEvent } from './events.ts';
import {
  type DefaultPorts,
  isAmong,
  isPlaceAmong,
  type ListenAddress,
  listenAddresses,
  streamSettings,
  toResponders,
  transportText,
} from './listen-addresses.ts';
import { TlsMaterials } from './tls-materials.ts';

export interface ListenersOptions {
  readonly family: 'both' | 'ipv4' | 'ipv6';
  readonly ports: DefaultPorts;
}

export interface ListenersDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly random: Random;
  readonly responders: ResponderPool;
}

/** The addresses that the server answers on, kept as the configuration and the host's interfaces have them. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #dependencies: ListenersDependencies;
  readonly #materials: TlsMaterials;
  #listening: readonly ListenAddress[] = [];

  constructor(options: ListenersOptions, dependencies: ListenersDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#materials = new TlsMaterials(dependencies);
  }

  /**
   * Reads certificates and keys anew: at the start, and when the configuration is read again.
   * @throws SignetError TLS_UNUSABLE, at the start
   */
  async readCertificates(configuration: Configuration, when: 'start' | 'later'): Promise<void> {
    await this.#materials.read(configuration, when === 'start');
  }

  /**
   * Listens where the configuration says, with the certificates read last. An address that cannot be had is logged; the
   * others are served, as BIND does.
   * @throws SignetError NOT_LISTENING when none can be had
   */
  async listen(configuration: Configuration): Promise<void> {
    const wanted = listenAddresses(configuration, hostAddresses(), this.#options).filter(
      ({ tls }) => tls === undefined || this.#materials.get(tls) !== undefined,
    );
    const free = await this.#freeAddresses(wanted);
    try {
      await this.#tell(free, configuration);
    } catch {
      await this.#listenOneByOne(free, configuration);
      return;
    }
    this.#nowListening(free);
  }

  async #tell(addresses: readonly ListenAddress[], configuration: Configuration): Promise<void> {
    const told = toResponders(addresses, configuration, (name) => this.#materials.get(name));
    await this.#dependencies.responders.listen(told, streamSettings(configuration));
  }

  /** Those of the addresses that are served already or that nobody else has; the others are logged. */
  async #freeAddresses(wanted: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
    const free: ListenAddress[] = [];
    for (const one of wanted) {
      try {
        if (!isPlaceAmong(one, this.#listening)) await mustBeFree(one, one.transport === 'plain' ? 'UDP' : 'TCP');
        free.push(one);
      } catch (error) {
        this.#tellNotListening(one, error as Error);
      }
    }
    if (free.length === 0 && wanted.length > 0) throw notListening();
    return free;
  }

  #tellNotListening({ family, interface: name, address, port }: ListenAddress, { message }: Error): void {
    this.#dependencies.log.write(serverEvent.notListening(family, name, address, port, message));
  }

  /** Tells of addresses that are new or gone. */
  #nowListening(addresses: readonly ListenAddress[]): void {
    const { log } = this.#dependencies;
    for (const one of this.#listening) {
      if (!isAmong(one, addresses)) log.write(serverEvent.noLongerListening(one.address, one.port));
    }
    for (const one of addresses) {
      if (isAmong(one, this.#listening)) continue;
      log.write(serverEvent.listening(one.family, one.interface, one.address, one.port, transportText(one)));
    }
    if (addresses.length === 0) log.write(serverEvent.listeningNowhere());
    this.#listening = addresses;
  }

  async #listenOneByOne(wanted: readonly ListenAddress[], configuration: Configuration): Promise<void> {
    const good: ListenAddress[] = [];
    for (const one of wanted) {
      try {
        await this.#tell([...good, one], configuration);
        good.push(one);
      } catch (error) {
        this.#tellNotListening(one, error as Error);
      }
    }
    this.#nowListening(good);
    if (good.length === 0) throw notListening();
  }
}

const notListening = (): SignetError =>
  new SignetError('NOT_LISTENING', 'could not listen on any address: see the lines before', {});
