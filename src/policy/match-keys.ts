import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import { isBegun, isShown, isSpare, isSuccessor, isTakenUp, recordsOf, signsKeys, signsZone } from './planned-key.ts';
import type { PlannedKey } from './planned-key.ts';

export interface KeyMatches {
  /** For each line of the policy the key that serves it, in the policy's order; undefined: there is none. */
  readonly lines: readonly { readonly line: PolicyKey; readonly key: PlannedKey | undefined }[];
  /** Keys that no line asks for. */
  readonly others: readonly PlannedKey[];
}

/**
 * Gives each line of a policy one of the keys that are there, as BIND takes up keys after a restart.
 * @param all keys that are known, those among them of which nobody has anything any more
 */
export function matchKeys(policy: DnssecPolicy, keys: readonly PlannedKey[], all = keys): KeyMatches {
  const free = keys.toSorted(preference);
  const lines = policy.keys.map((line) => {
    const at = free.findIndex((key) => suits(key, line) && isAvailable(key, all));
    return { line, key: at < 0 ? undefined : free.splice(at, 1)[0] };
  });
  return { lines, others: free };
}

/** The first key that was made for later and suits the line: it is used before another is made. */
export function findSpare(line: PolicyKey, keys: readonly PlannedKey[]): PlannedKey | undefined {
  return keys.toSorted(preference).find((key) => isSpare(key) && suits(key, line));
}

/** Role, algorithm, size and tag agree. */
function suits(key: PlannedKey, line: PolicyKey): boolean {
  return isAlike(key, line) && hasTagInRange(key, line);
}

/** Role, algorithm and size agree. */
function isAlike(key: PlannedKey, line: PolicyKey): boolean {
  const sameRole = signsKeys(key) === (line.role !== 'zsk') && signsZone(key) === (line.role !== 'ksk');
  return sameRole && key.algorithm === line.algorithm && key.bits === line.bits;
}

/**
 * BIND 9.20: a key whose tag, or the tag that it gets when it is revoked, is outside of the line's tag-range is none of the line,
 * however long it has been in use: another signer of the zone may make a key with that tag any time.
 */
function hasTagInRange({ tag, revokedTag = (tag + REVOKED) & 0xffff }: PlannedKey, { tagRange }: PolicyKey): boolean {
  if (tagRange === undefined) return true;
  return [tag, revokedTag].every((one) => one >= tagRange.low && one <= tagRange.high);
}

/** What the REVOKE bit adds to a tag, unless the sum carries. */
const REVOKED = 128;

/** The line of a policy that would have the key but for its tag-range; undefined: one has it as it is, or none would. */
export function lineLeavingOut(key: PlannedKey, { keys }: DnssecPolicy): PolicyKey | undefined {
  if (keys.some((line) => suits(key, line))) return undefined;
  return keys.find((line) => isAlike(key, line));
}

/** The key is not on its way out, or can be called back. */
function isAvailable(key: PlannedKey, all: readonly PlannedKey[]): boolean {
  if (key.times.revoke !== undefined) return false;
  if (!isTakenUp(key)) return key.times.inactive === undefined;
  return key.state?.goal !== 'hidden' || isRevivable(key, all);
}

/**
 * The policy gave up the key and nothing of it is gone yet. One that another replaces is never called back, not even when that is gone: a
 * plan in which it goes would be followed by another one.
 */
function isRevivable(key: PlannedKey, all: readonly PlannedKey[]): boolean {
  const { state } = key;
  if (state?.goal !== 'hidden' || state.successor !== undefined) return false;
  if (all.some((other) => isSuccessor(other, key))) return false;
  return recordsOf(key).every((record) => record === 'ds' || isShown(state[record]));
}

/** Keys of the policy first, then the one that is in use for the longest time; the identifier makes it repeatable. */
function preference(a: PlannedKey, b: PlannedKey): number {
  const known = rank(b) - rank(a);
  const age = (key: PlannedKey): number => key.times.activate ?? key.times.publish ?? Number.MAX_SAFE_INTEGER;
  return known || age(a) - age(b) || (a.id < b.id ? -1 : Number(a.id > b.id));
}

function rank(key: PlannedKey): number {
  if (!isTakenUp(key)) return 0;
  return key.state?.goal === 'hidden' ? 1 : 2;
}

/**
 * The keys with the roles that they have in fact. Where no ZSK of an algorithm is in use, the KSKs sign the zone too (named.conf(5),
 * update-check-ksk): such a key is a CSK, and a policy must know that the zone depends on its signatures.
 */
export function withRolesInUse(keys: readonly PlannedKey[], now: number): PlannedKey[] {
  // A key that a policy has made since is not what the zone depended on before.
  const isInUse = (key: PlannedKey): boolean =>
    isTakenUp(key) ? key.state?.zrrsig === 'omnipresent' || key.state?.zrrsig === 'unretentive' : isBegun(key, now);
  const inUse = keys.filter(isInUse);
  return keys.map((key) => {
    const isKskAlone =
      !isTakenUp(key) &&
      key.state?.zsk === undefined &&
      isBegun(key, now) &&
      signsKeys(key) &&
      !inUse.some((other) => other.algorithm === key.algorithm && signsZone(other));
    return isKskAlone ? { ...key, state: { ...key.state, ksk: true, zsk: true } } : key;
  });
}
