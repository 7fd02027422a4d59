import type { KeyWait, WaitReason } from '../policy/key-wait.ts';
import type { KeyRecord } from '../policy/planned-key.ts';

/*
 * A step may wait for steps of other records or keys, which wait for others in turn:
 *
 *     DNSKEY of the old key --successor not ready--> DS of the new one --ds not seen at parent--> (somebody)
 *
 * What helps is told where such a chain ends.
 */

/** Whose steps a reason is about; undefined: the reason is about nobody's steps, the chain ends here. */
const RECORDS: Readonly<Record<WaitReason, readonly (KeyRecord | undefined)[] | undefined>> = {
  time: undefined,
  'ds not seen at parent': undefined,
  'ds still at parent': undefined,
  'dnskey not known everywhere': ['dnskey', 'krrsig'],
  'signatures not known everywhere': ['zrrsig', 'krrsig', 'dnskey'],
  'successor not ready': ['dnskey', 'zrrsig', 'krrsig', 'ds'],
  'zone still secure': ['ds'],
  'rollover under way': ['dnskey', 'zrrsig', 'krrsig', 'ds', undefined],
};

/** The wait that has to end first for this one to end: itself, where it waits for no other step. */
export function rootOf(wait: KeyWait, all: readonly KeyWait[]): KeyWait {
  const seen = new Set<KeyWait>();
  let root = wait;
  for (let next: KeyWait | undefined = wait; next && !seen.has(next); next = innerOf(next, all)) {
    seen.add(next);
    root = next;
  }
  return root;
}

/**
 * Of the steps that a wait is about the one that ends last: one that needs somebody, else the latest. The records of a wait with
 * others are theirs, else the key's own.
 */
function innerOf(wait: KeyWait, all: readonly KeyWait[]): KeyWait | undefined {
  const records = RECORDS[wait.reason];
  if (records === undefined) return undefined;
  const keys = wait.others.length === 0 ? [wait.key] : wait.others;
  const candidates = all.filter(
    (other) => other !== wait && keys.includes(other.key) && records.includes(other.record),
  );
  const rank = ({ until }: KeyWait): number => until ?? Infinity;
  return candidates.reduce<KeyWait | undefined>(
    (last, other) => (last === undefined || rank(other) > rank(last) ? other : last),
    undefined,
  );
}

/** The earliest time at which the wait can end: no step of its chain is over before. undefined: somebody has to do something first. */
export function earliestOf(wait: KeyWait, all: readonly KeyWait[]): number | undefined {
  const root = rootOf(wait, all);
  if (root.until === undefined) return undefined;
  return Math.max(root.until, wait.until ?? root.until);
}
