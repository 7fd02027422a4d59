import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { equalOctets } from '../base/octets.ts';
import type { Name } from '../wire/name.ts';
import { FileKeyStore } from './file-key-store.ts';
import { keyFileError } from './key-file-error.ts';
import type { KeyPair } from './key-pair.ts';
import type { KeyList, KeyRequest, KeyStore } from './key-store.ts';

export interface KeyDirectoriesOptions {
  /** Absolute paths of directories that the policy has keys made in, at least one; the first is where no other is named. */
  readonly own: readonly string[];
  /** Absolute paths of directories in which keys may have stayed that were made under another policy. */
  readonly others: readonly string[];
}

export interface KeyDirectoriesDependencies {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared with other zones; default: one of its own for each directory. */
  readonly open?: (directory: string) => FileKeyStore;
}

interface Place {
  readonly directory: string;
  readonly store: FileKeyStore;
  readonly isOwn: boolean;
}

/** Keys of one zone in several directories (BIND 9.20's `key-store`). A key stays where it is. */
export class KeyDirectories implements KeyStore {
  /** Own ones first, as of two copies of a key the one that the policy means counts. */
  readonly #places: readonly Place[];

  constructor({ own, others }: KeyDirectoriesOptions, dependencies: KeyDirectoriesDependencies) {
    const open = dependencies.open ?? ((directory) => new FileKeyStore({ directory }, dependencies));
    this.#places = [...new Set([...own, ...others])].map((directory) => ({
      directory,
      store: open(directory),
      isOwn: own.includes(directory),
    }));
  }

  list(zone: Name): KeyList {
    const faults: SignetError[] = [];
    const seen = new Map<string, KeyPair>();
    // True for a key that was not in a directory before; the planner knows keys by these names.
    const take = (pair: KeyPair): boolean => {
      const first = seen.get(pair.fileBase);
      if (first === undefined) seen.set(pair.fileBase, pair);
      else faults.push(twice(pair, first));
      return first === undefined;
    };
    const lists = this.#places.map((place) => {
      const { directory } = place;
      const list = ifReadable(place, () => place.store.list(zone)) ?? { keys: [], damaged: [], faults: [] };
      faults.push(...('fault' in list ? [list.fault] : list.faults));
      if ('fault' in list) return { keys: [], damaged: [] };
      const found = (pairs: readonly KeyPair[]): KeyPair[] =>
        pairs.map((pair) => ({ ...pair, directory })).filter(take);
      return { keys: found(list.keys), damaged: found(list.damaged) };
    });
    const keys = lists.flatMap((list) => list.keys).toSorted((a, b) => a.algorithm - b.algorithm || a.tag - b.tag);
    return { keys, damaged: lists.flatMap(({ damaged }) => damaged), faults };
  }

  generate({ directory: wanted, ...request }: KeyRequest): KeyPair {
    const place = this.#placeOf(wanted);
    const others = this.#places.filter((one) => one !== place);
    const avoidTags = [...(request.avoidTags ?? []), ...others.flatMap((one) => tagsIn(one, request.zone))];
    return { ...place.store.generate({ ...request, avoidTags }), directory: place.directory };
  }

  save(pair: KeyPair): void {
    this.#placeOf(pair.directory).store.save(pair);
  }

  remove(pair: KeyPair): void {
    this.#placeOf(pair.directory).store.remove(pair);
  }

  finishRemovals(zone: Name): void {
    // What is wrong with a directory that nothing is made in, `list` tells.
    for (const place of this.#places) ifReadable(place, () => place.store.finishRemovals(zone));
  }

  #placeOf(directory: string | undefined): Place {
    const place = directory === undefined ? this.#places[0] : this.#places.find((one) => one.directory === directory);
    if (place === undefined) throw new Error(`${directory} is none of the zone's key directories`);
    return place;
  }
}

/**
 * Directories that nothing is made in are looked at for what may have stayed there: one that does not exist has nothing, and one that
 * cannot be read is a fault, for which the zone need not stop.
 */
function ifReadable<T>({ isOwn }: Place, read: () => T): T | { readonly fault: SignetError } | undefined {
  try {
    return read();
  } catch (error) {
    if (isOwn || !(error instanceof DiskError)) throw error;
    return error.facts.reason === 'ENOENT' ? undefined : { fault: error };
  }
}

function tagsIn(place: Place, zone: Name): number[] {
  const tags = ifReadable(place, () => place.store.tags(zone));
  return Array.isArray(tags) ? tags : [];
}

function twice(pair: KeyPair, first: KeyPair): SignetError {
  const file = path.join(pair.directory!, `${pair.fileBase}.key`);
  if (equalOctets(pair.dnskey, first.dnskey)) {
    const detail = `the files of this key are in ${first.directory} as well, and only those count: remove these`;
    return keyFileError('KEY_FILE_TWICE', file, detail, 'nothing');
  }
  const detail = `another key of the zone in ${first.directory} has the same tag, and only that one counts: remove these files`;
  return keyFileError('KEY_FILE_TWICE', file, detail);
}
