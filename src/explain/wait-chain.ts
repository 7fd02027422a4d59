import type { KeyWait, WaitReason } from '../policy/key-wait.ts';
import type { KeyRecord } from '../policy/planned-key.ts';

/*
 * A step may wait for steps of other records or keys, which wait for others in turn:
 *
 *     DNSKEY of the old key --successor not ready--> DS of the new one --ds not seen at parent--> (somebody)
 *
 * What helps is told where such a chain ends. Each link is a rule of the planner (src/policy/transitions.ts), read backwards.
 */

/** Whether a step of a key that is waited for has to be taken before `wait` can end. */
type Link = (step: KeyWait, wait: KeyWait) => boolean;

/** What a reason leads to. undefined: to no other step, the chain ends there. */
const LINKS: Readonly<Record<WaitReason, Link | undefined>> = {
  time: undefined,
  'ds not seen at parent': undefined,
  'ds still at parent': undefined,
  'manual step': undefined,
  'dnskey not known everywhere': (step, { record }) =>
    isComing(step) && isOne(step, record === 'ds' || record === undefined ? ['dnskey', 'krrsig'] : ['dnskey']),
  'signatures not known everywhere': (step, { record }) =>
    isComing(step) && isOne(step, record === 'ds' ? ['zrrsig', 'dnskey'] : ['zrrsig']),
  'successor not ready': (step, wait) => isComing(step) && isPartOfPlace(step, wait),
  'zone still secure': (step, { record, to }) =>
    isGoing(step) &&
    isOne(step, record === 'ds' && to === 'rumoured' ? ['dnskey'] : record === 'zrrsig' ? ['ds', 'dnskey'] : ['ds']),
  'rollover under way': (step) => isGoing(step) && !(step.record === 'dnskey' && step.to === 'hidden'),
};

const isComing = ({ to }: KeyWait): boolean => to === 'rumoured' || to === 'omnipresent';
const isGoing = ({ to }: KeyWait): boolean => to === 'unretentive' || to === 'hidden';

function isOne({ record }: KeyWait, records: readonly KeyRecord[]): boolean {
  return record !== undefined && records.includes(record);
}

/** What a key must show to take the place of another, for the record of that which is to go. */
function isPartOfPlace(step: KeyWait, { record, to }: KeyWait): boolean {
  switch (record) {
    case 'ds':
      // Both DS are shown for a while: the new one has to be known before the old one counts as forgotten.
      return step.record === 'ds' ? to === 'hidden' || step.to === 'rumoured' : isOne(step, ['dnskey', 'krrsig']);
    case 'zrrsig':
      return isOne(step, ['dnskey', 'zrrsig']);
    case 'krrsig':
      return isOne(step, ['dnskey', 'krrsig']);
    case 'dnskey':
    case undefined:
      return isOne(step, ['dnskey', 'krrsig', 'zrrsig']);
  }
}

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

/** Reasons for which all keys have to do their steps; for the others one key is enough. */
const ALL_KEYS: readonly WaitReason[] = ['zone still secure', 'rollover under way'];

/** Of a key its last step counts; of keys of which one is enough, the first that is ready. Steps that need somebody come last. */
function innerOf(wait: KeyWait, all: readonly KeyWait[]): KeyWait | undefined {
  const leadsTo = LINKS[wait.reason];
  if (leadsTo === undefined) return undefined;
  const lastStepOf = (key: string): KeyWait[] => {
    const steps = all.filter((step) => step !== wait && step.key === key && leadsTo(step, wait));
    return steps.toSorted((a, b) => rank(b) - rank(a)).slice(0, 1);
  };
  // Without others a wait is about the key's own records.
  const named = (wait.others.length === 0 ? [wait.key] : wait.others).flatMap(lastStepOf);
  // What is named has nothing to do any more: a key that is named by nobody comes in its place.
  const keys = [...new Set(all.map(({ key }) => key))].filter((key) => key !== wait.key);
  const last = named.length === 0 && wait.reason === 'successor not ready' ? keys.flatMap(lastStepOf) : named;
  const inOrder = last.toSorted((a, b) => rank(a) - rank(b));
  return ALL_KEYS.includes(wait.reason) ? inOrder.at(-1) : inOrder[0];
}

/** Those without a time depend on more than time. */
const rank = ({ until }: KeyWait): number => until ?? Number.MAX_VALUE;

/** The earliest time at which the wait can end: no step of its chain is over before. undefined: not known, or for somebody to say. */
export function earliestOf(wait: KeyWait, all: readonly KeyWait[]): number | undefined {
  const root = rootOf(wait, all);
  if (root.until === undefined) return undefined;
  return Math.max(root.until, wait.until ?? root.until);
}
