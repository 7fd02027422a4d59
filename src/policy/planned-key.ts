/*
 * A key as the planner sees it: no octets, only role, times and states. The fields are those of the key files, so that a
 * key pair's own `times` and `state` can be given as they are. Times are Unix seconds.
 *
 * What the world knows of each record of a key goes through
 *
 *     hidden --> rumoured --> omnipresent --> unretentive --> hidden
 *     (nobody    (some        (everybody      (some still     (nobody has it)
 *      has it)    caches)      or no cache)    have it)
 */

/** How far a record is known. */
export type Condition = 'hidden' | 'rumoured' | 'omnipresent' | 'unretentive';

/** The four records of a key: its DNSKEY, signatures over zone data and over the DNSKEY RRset, and its DS at the parent. */
export type KeyRecord = 'dnskey' | 'zrrsig' | 'krrsig' | 'ds';
export const KEY_RECORDS: readonly KeyRecord[] = ['dnskey', 'zrrsig', 'krrsig', 'ds'];

export interface PlannedTimes {
  readonly created?: number;
  readonly publish?: number;
  readonly activate?: number;
  readonly revoke?: number;
  readonly inactive?: number;
  readonly delete?: number;
  /** The DS was seen at the parent. */
  readonly dsPublish?: number;
  /** The DS was seen to be gone from the parent. */
  readonly dsRemoved?: number;
  /** CDS and CDNSKEY appear. */
  readonly syncPublish?: number;
  /** CDS and CDNSKEY disappear. */
  readonly syncDelete?: number;
}

export interface PlannedState {
  /** Bits. */
  readonly length?: number;
  /** Seconds; 0 is unlimited. */
  readonly lifetime?: number;
  readonly ksk?: boolean;
  readonly zsk?: boolean;
  readonly goal?: Condition;
  readonly dnskey?: Condition;
  readonly zrrsig?: Condition;
  readonly krrsig?: Condition;
  readonly ds?: Condition;
  readonly dnskeyChange?: number;
  readonly zrrsigChange?: number;
  readonly krrsigChange?: number;
  readonly dsChange?: number;
  /** Tag of the key whose place this one takes. */
  readonly predecessor?: number;
  /** Tag of the key that takes this one's place. */
  readonly successor?: number;
}

export interface PlannedKey {
  /** Names the key in actions: the base of its file names. */
  readonly id: string;
  readonly tag: number;
  /** The tag that it has with the REVOKE bit; default 128 more, which is so for nearly all keys (RFC 4034 appendix B). */
  readonly revokedTag?: number;
  readonly algorithm: number;
  /** Bits of an RSA modulus; for the others the curve's size. */
  readonly bits: number;
  /** DNSKEY flags; SEP decides the role of a key that has no state. */
  readonly flags: number;
  readonly times: PlannedTimes;
  /** Absent for keys without a state file; role and size only for keys that no policy has taken up (see `isTakenUp`). */
  readonly state?: PlannedState;
}

const SEP = 1;

/**
 * True when a policy has taken the key up: its state says how far its records are known. The state that `dnssec-keygen -k`
 * writes has role and lifetime only; such a key follows its times, as one without a state.
 */
export function isTakenUp({ state }: PlannedKey): boolean {
  return state?.goal !== undefined || KEY_RECORDS.some((record) => state?.[record] !== undefined);
}

/** True for a key without policy whose times say that the zone shows it, or showed it once. */
export function isBegun({ times: { publish, activate } }: PlannedKey, now: number): boolean {
  return Math.min(publish ?? Infinity, activate ?? Infinity) <= now;
}

/** True for a key that was made for later: no time says what is to become of it. */
export function isSpare(key: PlannedKey): boolean {
  const { publish, activate, revoke, inactive, delete: end } = key.times;
  return !isTakenUp(key) && [publish, activate, revoke, inactive, end].every((time) => time === undefined);
}

/** Signs the DNSKEY, CDS and CDNSKEY RRsets. */
export function signsKeys(key: PlannedKey): boolean {
  return key.state?.ksk ?? (key.flags & SEP) !== 0;
}

/** Signs everything else. */
export function signsZone(key: PlannedKey): boolean {
  return key.state?.zsk ?? (key.flags & SEP) === 0;
}

/** The records that a key of this role has. */
export function recordsOf(key: PlannedKey): KeyRecord[] {
  return KEY_RECORDS.filter((record) => {
    if (record === 'zrrsig') return signsZone(key);
    return record === 'dnskey' || signsKeys(key);
  });
}

/** How far a record of a key is known; undefined: a key of its role has no such record. */
export function conditionOf(key: PlannedKey, record: KeyRecord): Condition | undefined {
  const isWanted = record === 'dnskey' || (record === 'zrrsig' ? signsZone(key) : signsKeys(key));
  return isWanted ? (key.state?.[record] ?? 'hidden') : undefined;
}

/** The zone (or, for a DS, what it asks of the parent) has the record: caches may get it from there. */
export function isShown(condition: Condition | undefined): boolean {
  return condition === 'rumoured' || condition === 'omnipresent';
}

/** Some cache may have the record. */
export function isKnown(condition: Condition | undefined): boolean {
  return condition !== undefined && condition !== 'hidden';
}

/** The key takes another's place, or another takes its. */
export function isInSuccession({ state }: PlannedKey): boolean {
  return state?.predecessor !== undefined || state?.successor !== undefined;
}

/**
 * `key` was made to take the place of `before`. Until that knows its successor the tag alone tells, and tags come again: a successor
 * is never older.
 */
export function isSuccessor(key: PlannedKey, before: PlannedKey): boolean {
  if (key.id === before.id || key.algorithm !== before.algorithm) return false;
  if (key.state?.predecessor !== before.tag) return false;
  const successor = before.state?.successor;
  return successor === undefined ? bornAt(key) >= bornAt(before) : successor === key.tag;
}

/** The clock may have been wrong when a key was made; its first use is no earlier. */
function bornAt({ times: { created = Infinity, publish = Infinity, activate = Infinity } }: PlannedKey): number {
  const first = Math.min(created, publish, activate);
  return first === Infinity ? 0 : first;
}

/** When the parent was seen with the key's DS, unless it has been seen without it since; Unix seconds. */
export function dsSeenSince({ times: { dsPublish, dsRemoved } }: PlannedKey): number | undefined {
  return dsPublish !== undefined && (dsRemoved === undefined || dsRemoved < dsPublish) ? dsPublish : undefined;
}

/** When the parent was seen without the key's DS, unless it has been seen with it since; Unix seconds. */
export function dsGoneSince({ times: { dsPublish, dsRemoved } }: PlannedKey): number | undefined {
  return dsRemoved !== undefined && (dsPublish === undefined || dsPublish <= dsRemoved) ? dsRemoved : undefined;
}

/** A key that was in use and of which nobody has anything: it has no part in what the zone may do. */
export function isGone(key: PlannedKey): boolean {
  if (!isTakenUp(key) || key.state?.goal !== 'hidden') return false;
  return recordsOf(key).every((record) => !isKnown(conditionOf(key, record)));
}

/** The moment a record came into its condition. */
export function changeOf(state: PlannedState, record: KeyRecord): number | undefined {
  return state[`${record}Change`];
}

export function withCondition(state: PlannedState, record: KeyRecord, condition: Condition, at: number): PlannedState {
  return { ...state, [record]: condition, [`${record}Change`]: at };
}
