import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import { isTakenUp, signsKeys, signsZone } from './planned-key.ts';
import type { PlannedKey } from './planned-key.ts';

export interface KeyMatches {
  /** For each line of the policy the key that serves it, in the policy's order; undefined: there is none. */
  readonly lines: readonly { readonly line: PolicyKey; readonly key: PlannedKey | undefined }[];
  /** Keys that no line asks for. */
  readonly others: readonly PlannedKey[];
}

/** Gives each line of a policy one of the keys that are there, as BIND takes up keys after a restart. */
export function matchKeys(policy: DnssecPolicy, keys: readonly PlannedKey[]): KeyMatches {
  const free = keys.toSorted(preference);
  const lines = policy.keys.map((line) => {
    const at = free.findIndex((key) => serves(key, line));
    return { line, key: at < 0 ? undefined : free.splice(at, 1)[0] };
  });
  return { lines, others: free };
}

/** Role, algorithm and size agree, and the key is not on its way out. */
function serves(key: PlannedKey, line: PolicyKey): boolean {
  const sameRole = signsKeys(key) === (line.role !== 'zsk') && signsZone(key) === (line.role !== 'ksk');
  const isLeaving = key.state?.goal === 'hidden' || (key.state === undefined && key.times.inactive !== undefined);
  const isRevoked = key.times.revoke !== undefined;
  return sameRole && key.algorithm === line.algorithm && key.bits === line.bits && !isLeaving && !isRevoked;
}

/** Keys of the policy first, then the one that is in use for the longest time; the identifier makes it repeatable. */
function preference(a: PlannedKey, b: PlannedKey): number {
  const known = Number(isTakenUp(b)) - Number(isTakenUp(a));
  const age = (key: PlannedKey): number => key.times.activate ?? key.times.publish ?? Number.MAX_SAFE_INTEGER;
  return known || age(a) - age(b) || (a.id < b.id ? -1 : Number(a.id > b.id));
}
