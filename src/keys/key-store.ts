import type { SignetError } from '../base/error.ts';
import type { LegacyOptions } from '../crypto/algorithm.ts';
import type { Name } from '../wire/name.ts';
import type { KeyPair } from './key-pair.ts';
import type { KeyState } from './key-state.ts';
import type { TagRange } from './key-collision.ts';
import type { KeyTimes } from './key-times.ts';

/** What a new key shall be. */
export interface KeyRequest extends LegacyOptions {
  readonly zone: Name;
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  /** DNSKEY flags: 256 for a ZSK, 257 for a KSK or CSK. */
  readonly flags: number;
  /** Length of an RSA modulus; ignored for elliptic curves. */
  readonly bits?: number;
  readonly ttl?: number;
  /** `created` is set by the store when absent. */
  readonly times: KeyTimes;
  readonly predecessor?: number;
  /** Present for a key under a dnssec-policy; its length is filled in. */
  readonly state?: KeyState;
  /** Tags, besides those in the store, that the new key must not have nor get by revocation. */
  readonly avoidTags?: Iterable<number>;
  /** The new key's tag, and the one that it gets by revocation, are in this range, both ends included; absent: any. */
  readonly tagRange?: TagRange;
  /** Absolute path of the directory that its files go to, for a store that has several; default: the store's own. */
  readonly directory?: string;
  /** Protocol octet; default 3, the only one for a DNSKEY. */
  readonly protocol?: number;
  readonly class?: number;
  readonly recordType?: 'DNSKEY' | 'KEY';
  readonly formatVersion?: '1.2' | '1.3';
  /** Told each time a key was thrown away because its tag collides. */
  readonly onCollision?: (tag: number) => void;
  /** Called when it makes sense to ask again after KEY_TAG_SOUGHT. */
  readonly onFound?: () => void;
}

export interface KeyList {
  /** Ordered by algorithm, then tag. */
  readonly keys: readonly KeyPair[];
  /** Keys whose state cannot be read, without it: what is known of them must not be guessed, but they can sign as before. */
  readonly damaged: readonly KeyPair[];
  /** What is wrong; `isWarning` tells whether the key is in `keys` all the same. One bad key never hides another. */
  readonly faults: readonly SignetError[];
}

/** Where keys are kept. Calls are synchronous: what they did is durable when they return. */
export interface KeyStore {
  /** The zone's keys. @throws DiskError and the like only when the store as a whole cannot be read */
  list(zone: Name): KeyList;
  /**
   * Makes and keeps a new key. @throws SignetError ALGORITHM_REFUSED, KEY_SIZE, KEY_TAGS_EXHAUSTED, and KEY_TAG_SOUGHT while one whose tag
   * is in a narrow range is looked for in the background
   */
  generate(request: KeyRequest): KeyPair;
  /** Keeps a changed key: times, state, TTL. Its DNSKEY and private half are those it was made with. */
  save(pair: KeyPair): void;
  /** Forgets the key, private half included. Nothing happens when it is not there. */
  remove(pair: KeyPair): void;
  /** Ends removals of the zone's keys that the death of a process interrupted. */
  finishRemovals(zone: Name): void;
}
