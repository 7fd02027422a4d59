import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { algorithmByNumber, algorithmText } from '../crypto/algorithm.ts';
import { generateKey } from '../crypto/key-generation.ts';
import { keyTag } from '../crypto/key-tag.ts';
import type { PrivateKeyMaterial } from '../crypto/private-key.ts';
import { keyBits } from '../crypto/public-key.ts';
import { equalNames, type Name } from '../wire/name.ts';
import { nameToShortText, nameToText } from '../wire/name-text.ts';
import { AvoidedTags, isInTagRange, keysCollide, type TagRange } from './key-collision.ts';
import { keyFileError } from './key-file-error.ts';
import { keyFileBase, parseKeyFileName, zoneFileText, type KeyFileName } from './key-file-name.ts';
import type { KeyPair } from './key-pair.ts';
import type { KeySearch } from './key-search.ts';
import { loadKeyFiles, saveKeyFiles, type LoadedKey } from './key-pair-files.ts';
import { readStateFile } from './state-file.ts';
import type { KeyList, KeyRequest, KeyStore } from './key-store.ts';

export interface FileKeyStoreOptions {
  readonly directory: string;
  /** Mode of .key and .state files; default 0644. Private files always get 0600. */
  readonly publicMode?: number;
}

export interface FileKeyStoreDependencies {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes RSA keys with tags in a range without holding up this thread; absent: they are made here. */
  readonly search?: KeySearch;
  readonly generate?: typeof generateKey;
}

/** RSA keys with tags in a range that are made here before others are made in the background. */
const TRIES_AT_ONCE = 2;
const ALL_TAGS = 65_536;
/** What the REVOKE bit adds to a tag: both have to be in a range. */
const REVOCATION = 128;
/** Where one key in so many is good it takes more than a minute. */
const HARD = 512;
/** A zone with so many keys that no free tag is found is broken; 65536 tags and this many tries make that sure. */
const MAX_TRIES = 1000;
/** For a range of tags: most keys have others. Elliptic curves only, whose keys take a tenth of a millisecond each. */
const MAX_TRIES_IN_RANGE = 5000;

/** Keys in BIND's K* files of one directory; zones may share it. */
export class FileKeyStore implements KeyStore {
  readonly #directory: string;
  readonly #publicMode: number;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #search: KeySearch | undefined;
  readonly #generateKey: typeof generateKey;
  #listing: { readonly stamp: string; readonly names: FileNames } | undefined;

  constructor(options: FileKeyStoreOptions, dependencies: FileKeyStoreDependencies) {
    this.#directory = options.directory;
    this.#publicMode = options.publicMode ?? 0o644;
    this.#disk = dependencies.disk;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#search = dependencies.search;
    this.#generateKey = dependencies.generate ?? generateKey;
  }

  list(zone: Name): KeyList {
    const names = this.#fileNames().get(zoneFileText(zone).toLowerCase()) ?? [];
    const keys: KeyPair[] = [];
    const damaged: KeyPair[] = [];
    const faults: SignetError[] = [];
    for (const files of keyFilesOf(names)) {
      const loaded = this.#load(zone, files);
      if (loaded.pair) keys.push(loaded.pair);
      if (loaded.damaged) damaged.push(loaded.damaged);
      faults.push(...loaded.faults);
    }
    keys.sort((a, b) => a.algorithm - b.algorithm || a.tag - b.tag);
    return { keys, damaged, faults };
  }

  generate(request: KeyRequest): KeyPair {
    if (request.directory !== undefined && path.resolve(request.directory) !== path.resolve(this.#directory))
      throw new Error(`keys of ${this.#directory} cannot be made in ${request.directory}`);
    const { keys, damaged, faults } = this.list(request.zone);
    for (const fault of faults) this.#warn(request.zone, fault);
    const pair = this.#newPair(request, this.#makeUnlikeOthers(request, [...keys, ...damaged]));
    try {
      this.save(pair);
    } catch (error) {
      // A full disk is tried again and again: each time another private half would be left.
      this.#removeUnfinished(pair);
      throw error;
    }
    return pair;
  }

  #removeUnfinished(pair: KeyPair): void {
    try {
      this.remove(pair);
    } catch (error) {
      // The list of keys tells of what is left, and the caller why it is.
      if (!(error instanceof DiskError)) throw error;
    }
  }

  save(pair: KeyPair): void {
    saveKeyFiles(this.#disk, this.#directory, pair, this.#publicMode);
  }

  remove(pair: KeyPair): void {
    // After a crash the key is still there as one to be removed, or only a state that no key belongs to is left.
    for (const kind of ['private', 'key', 'state'])
      this.#disk.remove(path.join(this.#directory, `${pair.fileBase}.${kind}`));
  }

  finishRemovals(zone: Name): void {
    for (const file of loneStates(this.#fileNames().get(zoneFileText(zone).toLowerCase()) ?? []))
      if (this.#isOfHiddenKey(file)) this.#disk.remove(path.join(this.#directory, file));
  }

  /** Only such a key is ever removed; another's state is left for who lost the key files. */
  #isOfHiddenKey(file: string): boolean {
    const octets = this.#disk.read(path.join(this.#directory, file));
    if (octets === undefined) return false;
    try {
      const { goal, dnskey, zrrsig, krrsig, ds } = readStateFile(file, octets).state;
      return goal === 'hidden' && [dnskey, zrrsig, krrsig, ds].every((one) => one === undefined || one === 'hidden');
    } catch (error) {
      if (error instanceof SignetError) return false;
      throw error;
    }
  }

  /** Listing a directory of thousands of keys takes milliseconds, and each of thousands of zones asks. */
  #fileNames(): FileNames {
    const stamp = this.#disk.changeStamp?.(this.#directory);
    if (stamp !== undefined && stamp === this.#listing?.stamp) return this.#listing.names;
    const names = this.#disk.list(this.#directory);
    if (!names) throw missingDirectory(this.#directory);
    const byZone = namesByZone(names);
    this.#listing = stamp === undefined ? undefined : { stamp, names: byZone };
    return byZone;
  }

  #load(zone: Name, files: KeyFiles): LoadedKey {
    const base = path.join(this.#directory, files.base);
    const stateFile = files.stateFile && path.join(this.#directory, files.stateFile);
    const loaded = loadKeyFiles(this.#disk, { base, stateFile });
    const { faults } = loaded;
    const pair = loaded.pair ?? loaded.damaged;
    if (!pair) return loaded;
    const file = `${base}.key`;
    if (!equalNames(pair.zone, zone)) return { pair: undefined, faults: [...faults, wrongOwner(file, pair, zone)] };
    if (pair.recordType === 'KEY') {
      const detail = 'holds a KEY record, not a DNSKEY: it is left alone; keep keys for SIG(0) in another directory';
      return { pair: undefined, faults: [...faults, keyFileError('KEY_FILE_NOT_DNSKEY', file, detail)] };
    }
    return loaded;
  }

  #makeUnlikeOthers(request: KeyRequest, keys: readonly KeyPair[]): PrivateKeyMaterial {
    const avoided = new AvoidedTags([...(request.avoidTags ?? []), ...this.tags(request.zone)]);
    const { tagRange } = request;
    const isFree = (dnskey: Uint8Array): boolean =>
      !avoided.collide(dnskey) &&
      !keys.some((key) => keysCollide(key.dnskey, dnskey)) &&
      !this.#isTaken(request, dnskey);
    const isSlow = algorithmByNumber(request.algorithm)?.keyKind === 'rsa';
    const search = isSlow ? this.#search : undefined;
    if (search !== undefined && tagRange !== undefined) return this.#seek(search, request, tagRange, isFree);
    const most = tagRange === undefined || isSlow ? MAX_TRIES : MAX_TRIES_IN_RANGE;
    const found = this.#tryFor(most, request, isFree);
    if (found === undefined) throw exhausted(request, most, keys.length);
    return found;
  }

  #tryFor(most: number, request: KeyRequest, isFree: (dnskey: Uint8Array) => boolean): PrivateKeyMaterial | undefined {
    for (let tries = 0; tries < most; tries++) {
      const material = withProtocol(this.#generateKey(request), request.protocol);
      const { dnskey } = material;
      if (request.tagRange !== undefined && !isInTagRange(dnskey, request.tagRange)) continue;
      if (isFree(dnskey)) return material;
      request.onCollision?.(keyTag(dnskey));
    }
    return undefined;
  }

  #seek(
    search: KeySearch,
    request: KeyRequest,
    tagRange: TagRange,
    isFree: (dnskey: Uint8Array) => boolean,
  ): PrivateKeyMaterial {
    const { zone, algorithm, flags, bits, protocol } = request;
    const isGood = (dnskey: Uint8Array): boolean => isInTagRange(dnskey, tagRange) && isFree(dnskey);
    const { low, high } = tagRange;
    const name = [this.#directory, nameToText(zone), algorithm, flags, bits, protocol, low, high].join(' ');
    const wanted = { name, request, isGood, ended: () => request.onFound?.() };
    const outcome = search.isKnown(name) ? search.ask(wanted) : undefined;
    switch (outcome?.kind) {
      case 'found':
        // Other keys may have been made meanwhile.
        if (isGood(outcome.material.dnskey)) return outcome.material;
        break;
      case 'failed':
        throw exhausted(request, outcome.tries, undefined);
      case 'broken':
        throw outcome.cause;
      case 'goes on':
        throw sought(request, tagRange);
      case undefined:
    }
    const found = this.#tryFor(TRIES_AT_ONCE, request, isFree);
    if (found !== undefined) return found;
    search.ask(wanted);
    throw sought(request, tagRange);
  }

  /** Of all the zone's files, those that cannot be read among them: a key that comes back must not collide either. */
  tags(zone: Name): number[] {
    const names = this.#fileNames().get(zoneFileText(zone).toLowerCase()) ?? [];
    return names.flatMap((name) => parseKeyFileName(name)?.tag ?? []);
  }

  /** True when there is a file of that name, even one that could not be loaded: no key is ever overwritten. */
  #isTaken(request: KeyRequest, dnskey: Uint8Array): boolean {
    const base = path.join(this.#directory, keyFileBase(request.zone, request.algorithm, keyTag(dnskey)));
    return ['key', 'private', 'state'].some((kind) => this.#disk.facts(`${base}.${kind}`) !== undefined);
  }

  #newPair(request: KeyRequest, material: PrivateKeyMaterial): KeyPair {
    const tag = keyTag(material.dnskey);
    return {
      zone: request.zone,
      dnskey: material.dnskey,
      tag,
      algorithm: request.algorithm,
      flags: request.flags,
      ttl: request.ttl,
      times: { created: this.#clock.now(), ...request.times },
      predecessor: request.predecessor,
      state: request.state && { length: keyBits(material.dnskey), ...request.state },
      private: material,
      fileBase: keyFileBase(request.zone, request.algorithm, tag),
      class: request.class,
      recordType: request.recordType,
      formatVersion: request.formatVersion,
    };
  }

  #warn(zone: Name, fault: SignetError): void {
    this.#log.write({ severity: 'warning', category: 'dnssec', text: fault.message, zone: nameToShortText(zone) });
  }
}

interface KeyFiles {
  readonly base: string;
  /** A .state file whose name lost its dot. */
  readonly stateFile?: string;
}

/** Names of key files by the zone's part in small letters. */
type FileNames = ReadonlyMap<string, readonly string[]>;

function namesByZone(names: readonly string[]): FileNames {
  const byZone = new Map<string, string[]>();
  for (const name of names) {
    const zone = name.startsWith('K') ? parseKeyFileName(name)?.zone : undefined;
    if (zone === undefined) continue;
    const others = byZone.get(zone);
    if (others === undefined) byZone.set(zone, [name]);
    else others.push(name);
  }
  return byZone;
}

/** The keys among the files of one zone: every base that has a .key or .private file. */
function keyFilesOf(names: readonly string[]): KeyFiles[] {
  const bases = new Map<string, KeyFiles>();
  const dotless = new Map<string, string>();
  for (const name of names) {
    const parsed = parseKeyFileName(name);
    if (parsed === undefined) continue;
    if (parsed.kind === 'state') {
      if (!parsed.isDotted) dotless.set(identity(parsed), name);
    } else if (parsed.isDotted) {
      bases.set(identity(parsed), { base: name.slice(0, -parsed.kind.length - 1) });
    }
  }
  return [...bases].map(([key, files]) => {
    const stateFile = names.includes(`${files.base}.state`) ? undefined : dotless.get(key);
    return { ...files, stateFile };
  });
}

/** State files beside which no half of a key is left. */
function loneStates(names: readonly string[]): string[] {
  const parsed = names.flatMap((name) => {
    const one = parseKeyFileName(name);
    return one === undefined ? [] : [{ name, one }];
  });
  const keys = new Set(parsed.filter(({ one }) => one.kind !== 'state').map(({ one }) => identity(one)));
  return parsed.filter(({ one }) => one.kind === 'state' && !keys.has(identity(one))).map(({ name }) => name);
}

function identity(name: KeyFileName): string {
  return `${name.algorithm}+${name.tag}`;
}

function exhausted({ zone: apex, tagRange }: KeyRequest, tries: number, keys: number | undefined): SignetError {
  const zone = nameToText(apex);
  const within = tagRange ? ` in tag-range ${tagRange.low} ${tagRange.high}` : '';
  const remedy = tagRange ? 'remove keys no longer in use, or widen the range' : 'remove keys no longer in use';
  const message = `no free key tag${within} was found for ${zone} in ${tries} tries; ${remedy}`;
  return new SignetError('KEY_TAGS_EXHAUSTED', message, { zone, ...(keys !== undefined && { keys }) });
}

/** Nothing is wrong; it takes its time. */
function sought({ zone: apex, algorithm }: KeyRequest, { low, high }: TagRange): SignetError {
  const zone = nameToText(apex);
  const oneIn = Math.ceil(ALL_TAGS / Math.max(1, high - low + 1 - REVOCATION));
  const name = algorithmText(algorithm);
  const hint = oneIn < HARD ? '' : ', which may take long: a wider range or algorithm 13 (ECDSAP256SHA256) would help';
  const message = `one ${name} key in ${oneIn} or more has a tag in tag-range ${low} ${high}: such a key is looked for in the background for ${zone}${hint}`;
  return new SignetError('KEY_TAG_SOUGHT', message, { zone });
}

function withProtocol(material: PrivateKeyMaterial, protocol: number | undefined): PrivateKeyMaterial {
  if (protocol !== undefined) material.dnskey[2] = protocol;
  return material;
}

function wrongOwner(file: string, pair: KeyPair, zone: Name): SignetError {
  const detail = `the key belongs to ${nameToText(pair.zone)}, not to ${nameToText(zone)}; move it to that zone's directory`;
  return keyFileError('KEY_FILE_WRONG_OWNER', file, detail);
}

function missingDirectory(directory: string): DiskError {
  return new DiskError('list', directory, { code: 'ENOENT' });
}
