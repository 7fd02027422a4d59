import type { DnssecPolicy } from '../conf/configuration.ts';
import { dnskeyInterval } from '../conf/policy-intervals.ts';
import { endingAt } from './key-schedule.ts';
import { isShown, isSuccessor, isTakenUp, signsKeys, withCondition } from './planned-key.ts';
import type { PlannedKey, PlannedState, PlannedTimes } from './planned-key.ts';
import { unfinishedRolls } from './rollovers.ts';

/*
 * Answers to commands of an operator (`rndc dnssec -rollover`, `-checkds`): what is to be saved with the key, or why not.
 * Pure; a plan made afterwards does the rest.
 */

export type RequestAnswer =
  | { readonly kind: 'accepted'; readonly key: string; readonly times: PlannedTimes; readonly state: PlannedState }
  | { readonly kind: 'refused'; readonly refusal: RequestRefusal };

export type RequestRefusal =
  | { readonly reason: 'no such key' }
  /** The policy has not taken the key up: it follows its own times. */
  | { readonly reason: 'not managed' }
  /** The key does not sign (yet, or any more). */
  | { readonly reason: 'not active' }
  /** A key without a DS: it does not sign the DNSKEY RRset. */
  | { readonly reason: 'not a KSK' }
  /** The key is being replaced, or takes the place of another and is not done; `others` are the keys' ids. */
  | { readonly reason: 'rollover under way'; readonly others: readonly string[] };

/** Rolls a key over, beginning at `when` (Unix seconds), before its lifetime is over or although it has no end. */
export function requestRollover(
  policy: DnssecPolicy,
  keys: readonly PlannedKey[],
  keyId: string,
  when: number,
  now: number,
): RequestAnswer {
  const key = keys.find(({ id }) => id === keyId);
  if (!key) return refused({ reason: 'no such key' });
  if (!isTakenUp(key) || !key.state) return refused({ reason: 'not managed' });
  const { activate } = key.times;
  if (activate === undefined || activate > now) return refused({ reason: 'not active' });
  const isLeaving = key.state.goal === 'hidden';
  const partners = isLeaving ? keys.filter((other) => isSuccessor(other, key)) : unfinishedRolls(key, keys);
  const others = partners.map(({ id }) => id);
  if (isLeaving || others.length > 0) return refused({ reason: 'rollover under way', others });
  // The successor is published at `when`, and takes over once its DNSKEY is known everywhere.
  const inactive = when + dnskeyInterval(policy);
  return { kind: 'accepted', key: keyId, times: endingAt(policy, key, inactive), state: key.state };
}

/** Notes that the parent has the DS of a key, or has it no longer, since `when` (Unix seconds). */
export function noteDs(
  keys: readonly PlannedKey[],
  keyId: string,
  what: 'published' | 'withdrawn',
  when: number,
  now: number,
): RequestAnswer {
  const key = keys.find(({ id }) => id === keyId);
  if (!key) return refused({ reason: 'no such key' });
  if (!signsKeys(key)) return refused({ reason: 'not a KSK' });
  if (!isTakenUp(key) || !key.state) return refused({ reason: 'not managed' });
  const { times, state } = key;
  const { ds } = state;
  if (what === 'published') {
    // BIND 9.18: what is said counts, even of a key whose DS was known already.
    const dsChange = isShown(ds) ? state.dsChange : now;
    const told = { ...state, ds: 'rumoured' as const, dsChange };
    return { kind: 'accepted', key: keyId, times: asPublished(times, when), state: told };
  }
  const told = isShown(ds) ? withCondition(state, 'ds', 'unretentive', now) : state;
  return { kind: 'accepted', key: keyId, times: asWithdrawn(times, when), state: told };
}

/** What is said last counts, whatever moments are said. */
function asPublished({ dsRemoved, ...times }: PlannedTimes, when: number): PlannedTimes {
  return { ...times, ...(dsRemoved !== undefined && dsRemoved < when && { dsRemoved }), dsPublish: when };
}

function asWithdrawn({ dsPublish, ...times }: PlannedTimes, when: number): PlannedTimes {
  return { ...times, ...(dsPublish !== undefined && dsPublish <= when && { dsPublish }), dsRemoved: when };
}

export type KeySelection =
  | { readonly kind: 'found'; readonly key: PlannedKey }
  | { readonly kind: 'none' }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly PlannedKey[] };

/** The key that a command means; `wants` is which keys the command is for. */
export function selectKey(
  keys: readonly PlannedKey[],
  { tag, algorithm }: { readonly tag?: number; readonly algorithm?: number },
  wants: 'ksk' | 'any',
): KeySelection {
  const candidates = keys.filter(
    (key) =>
      (tag === undefined || key.tag === tag) &&
      (algorithm === undefined || key.algorithm === algorithm) &&
      (wants === 'any' || signsKeys(key)),
  );
  if (candidates.length === 0) return { kind: 'none' };
  return candidates.length === 1 ? { kind: 'found', key: candidates[0] } : { kind: 'ambiguous', candidates };
}

const refused = (refusal: RequestRefusal): RequestAnswer => ({ kind: 'refused', refusal });
