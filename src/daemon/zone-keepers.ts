import path from 'node:path';
import { silentLog } from '../base/log.ts';
import type { Configuration, DnssecPolicy, ZoneConfiguration } from '../conf/configuration.ts';
import { FileKeyStore } from '../keys/file-key-store.ts';
import { KeyDirectories } from '../keys/key-directories.ts';
import { KeySearch } from '../keys/key-search.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { zoneEvent } from './events.ts';
import { isMaintained, ZoneKeeper, type ZoneKeeperDependencies } from './zone-keeper.ts';

type KeepersDependencies = Omit<ZoneKeeperDependencies, 'keyStore'>;

interface Kept {
  /** What a keeper cannot change while it lives. */
  readonly identity: string;
  readonly keeper: ZoneKeeper;
  /** Serves the zone until `keeper` has a version to take its place with. Its upkeep has ended. */
  previous: ZoneKeeper | undefined;
  isLoaded: boolean;
}

/** All zones of the server. */
export class ZoneKeepers {
  readonly #dependencies: KeepersDependencies;
  readonly #keyStores = new Map<string, FileKeyStore>();
  readonly #keySearch: KeySearch;
  #kept: Kept[] = [];

  constructor(dependencies: KeepersDependencies) {
    this.#dependencies = dependencies;
    this.#keySearch = new KeySearch(dependencies);
  }

  get all(): readonly ZoneKeeper[] {
    return this.#kept.map(({ keeper }) => keeper);
  }

  /** For each zone the keeper whose version answers queries. */
  get serving(): readonly ZoneKeeper[] {
    return this.#kept.map(({ keeper, previous }) => (keeper.isLoaded ? keeper : (previous ?? keeper)));
  }

  /** Directories that zones are written in. */
  directories(): string[] {
    const signed = this.#kept.filter(({ keeper }) => keeper.isMaintained);
    return [...new Set(signed.flatMap(({ keeper }) => keeper.directories))];
  }

  /**
   * Makes keepers for new zones, hands changed settings to the others, and ends the upkeep of those that are gone.
   * @returns what frees the zones that are gone: to be called once nobody is told of them any more
   */
  async configure(configuration: Configuration): Promise<() => Promise<void>> {
    const before = this.#kept;
    const wanted = wantedZones(configuration);
    const dropped = before.filter(({ identity }) => !wanted.some((one) => one.identity === identity));
    // The one that is dropped may have the same files as the one that comes: it stops first.
    await Promise.all(dropped.map(({ keeper }) => keeper.stop()));
    const replaced = new Set<Kept>();
    this.#kept = wanted.map(({ identity, zone, view, policy }) => {
      const known = before.find((kept) => kept.identity === identity);
      known?.keeper.reconfigure(zone, policy);
      if (known !== undefined) return known;
      const keeper = this.#makeKeeper(zone, view, policy);
      const old = dropped.find((kept) => kept.keeper.label === keeper.label);
      if (old !== undefined) replaced.add(old);
      return { identity, keeper, previous: old?.keeper, isLoaded: false };
    });
    return async () => {
      for (const kept of dropped) {
        await kept.previous?.[Symbol.asyncDispose]();
        if (replaced.has(kept)) continue;
        this.#dependencies.log.write(zoneEvent.removed(kept.keeper.label));
        await kept.keeper[Symbol.asyncDispose]();
      }
    };
  }

  /** Frees those that others have taken the place of: to be called once nobody is told of them any more. */
  async releaseReplaced(): Promise<void> {
    for (const kept of this.#kept) {
      if (!kept.keeper.isLoaded || kept.previous === undefined) continue;
      const { previous } = kept;
      kept.previous = undefined;
      await previous[Symbol.asyncDispose]();
    }
  }

  async loadAll(): Promise<void> {
    await this.loadNew();
  }

  async loadNew(): Promise<void> {
    const fresh = this.#kept.filter(({ isLoaded }) => !isLoaded);
    await Promise.all(fresh.map((kept) => this.#load(kept)));
  }

  async reloadAll(): Promise<void> {
    for (const kept of this.#kept) if (kept.isLoaded) kept.keeper.requestReload();
    await this.loadNew();
    await Promise.all(this.#kept.map(({ keeper }) => keeper.idle()));
  }

  /** @param flush write journals into the signed files */
  async stop(flush: boolean): Promise<void> {
    this.#keySearch[Symbol.dispose]();
    for (const { keeper } of this.#kept) {
      if (flush) await keeper.flush();
      await keeper.stop();
    }
  }

  async #load(kept: Kept): Promise<void> {
    kept.isLoaded = true;
    await kept.keeper.start();
  }

  #makeKeeper(zone: ZoneConfiguration, view: string, policy: DnssecPolicy | undefined): ZoneKeeper {
    const directory = process.cwd();
    const keyStore = this.#keyStoreOf(zone, directory);
    return new ZoneKeeper({ zone, view, policy, directory }, { ...this.#dependencies, keyStore });
  }

  #keyStoreOf({ keyDirectory, keyDirectories }: ZoneConfiguration, directory: string): KeyStore {
    const absolute = (written: string): string => path.resolve(directory, written);
    if (keyDirectories === undefined) return this.#keyStore(absolute(keyDirectory));
    const { own, others } = keyDirectories;
    const open = (one: string): FileKeyStore => this.#keyStore(one);
    return new KeyDirectories(
      { own: own.map(absolute), others: others.map(absolute) },
      { ...this.#dependencies, open },
    );
  }

  #keyStore(directory: string): FileKeyStore {
    const known = this.#keyStores.get(directory);
    if (known !== undefined) return known;
    // The keepers tell what is wrong with files, once.
    const store = new FileKeyStore({ directory }, { ...this.#dependencies, log: silentLog, search: this.#keySearch });
    this.#keyStores.set(directory, store);
    return store;
  }
}

interface WantedZone {
  readonly identity: string;
  readonly zone: ZoneConfiguration;
  readonly view: string;
  readonly policy: DnssecPolicy | undefined;
}

function wantedZones(configuration: Configuration): WantedZone[] {
  return configuration.views.flatMap(({ name: view, zones }) =>
    zones.map((zone) => {
      const policy = zone.policy === undefined ? undefined : configuration.policies.get(zone.policy);
      const { name, file, masterfileFormat, inlineSigning, keyDirectory, keyDirectories } = zone;
      const directory = process.cwd();
      const identity = JSON.stringify([
        view,
        name.toLowerCase(),
        file,
        masterfileFormat,
        inlineSigning,
        isMaintained({ zone, policy }),
        policy !== undefined,
        keyDirectory,
        keyDirectories,
        directory,
      ]);
      return { identity, zone, view, policy };
    }),
  );
}
