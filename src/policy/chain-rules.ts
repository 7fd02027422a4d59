import { changeOf, conditionOf, isKnown, isShown, isSuccessor, signsKeys, signsZone } from './planned-key.ts';
import type { PlannedKey } from './planned-key.ts';

/*
 * What must hold for every mix of RRsets that caches may have, after Schaeffer, Overeinder and Mekking, "Flexible and Robust Key
 * Rollover in DNSSEC" (2012). A record that is rumoured or unretentive is in some caches and not in others; one that is
 * omnipresent is in all that have its RRset.
 *
 *     1. There is a DS, unless the zone is to be insecure.
 *     2. What a DS leads to is there: the DNSKEY and its signature over the DNSKEY RRset.
 *     3. Every RRset of the zone is signed by each algorithm of the DNSKEY RRset (RFC 4035 section 2.2), by a key whose
 *        DNSKEY is there.
 *
 * Rules 1 and 3 are also kept by two keys together, of which each cache has one: a key that goes and the one that comes
 * in its place. This holds for signatures of a predecessor and its successor only, since they replace each other one by one; DNSKEY
 * records are never exchanged so, their keys double.
 *
 * The functions look at all keys of a zone that a policy has taken up.
 */

/** No cache has a DS: whatever the zone shows, nobody finds it bogus. */
export function isInsecure(zone: readonly PlannedKey[]): boolean {
  return zone.every((key) => !isKnown(conditionOf(key, 'ds')));
}

/** Rule 1, for a zone that gives up the DS of `leaving`: the parent is asked for that of a key that stays, or has it. */
export function hasOtherDs(zone: readonly PlannedKey[], leaving: PlannedKey): boolean {
  const others = keysInPlaceOf(zone, leaving, 'ksk');
  return others.some((key) => isShown(conditionOf(key, 'ds')) && isChainKnown(key));
}

/** Rule 1, for a zone whose caches have no DS of `leaving` any more: all of them have another. */
export function hasOtherKnownDs(zone: readonly PlannedKey[], leaving: PlannedKey): boolean {
  const others = keysInPlaceOf(zone, leaving, 'ksk');
  return others.some((key) => conditionOf(key, 'ds') === 'omnipresent' && isChainKnown(key));
}

/** Rule 2: a DS of the key leads to what every cache has. */
export function isChainKnown(key: PlannedKey): boolean {
  return key.state?.dnskey === 'omnipresent' && conditionOf(key, 'krrsig') === 'omnipresent';
}

/** Rule 2 for an algorithm: another key of it signs the DNSKEY RRset for every cache. */
export function hasOtherKeySigner(zone: readonly PlannedKey[], leaving: PlannedKey): boolean {
  return zone.some((key) => key.id !== leaving.id && key.algorithm === leaving.algorithm && isChainKnown(key));
}

/** Rule 3 for one algorithm, without the help of a key that is to leave. */
export function isSigned(zone: readonly PlannedKey[], algorithm: number, leaving?: PlannedKey): boolean {
  const keys = zone.filter(
    (key) =>
      key.id !== leaving?.id &&
      key.algorithm === algorithm &&
      signsZone(key) &&
      conditionOf(key, 'dnskey') === 'omnipresent',
  );
  return keys.some((key) => {
    const condition = conditionOf(key, 'zrrsig');
    return condition === 'omnipresent' || (condition === 'unretentive' && handsOver(key, keys));
  });
}

/** Of a key that goes and those that came after it each cache has the signatures of one: the last of them is coming. */
function handsOver(key: PlannedKey, keys: readonly PlannedKey[]): boolean {
  const others = keys.filter((other) => other !== key);
  return others.some(
    (next) =>
      isSuccessor(next, key) &&
      ((conditionOf(next, 'zrrsig') === 'rumoured' && cameInTime(next, key)) ||
        (conditionOf(next, 'zrrsig') === 'unretentive' && handsOver(next, others))),
  );
}

/** The signatures took the place of the other key's, not of those by a third one that signed in between. */
function cameInTime({ state: next = {} }: PlannedKey, { state = {} }: PlannedKey): boolean {
  return (changeOf(next, 'zrrsig') ?? -Infinity) <= (changeOf(state, 'zrrsig') ?? Infinity);
}

/**
 * Rule 3 for one algorithm of which a DNSKEY is to appear: every cache has signatures by a key that the zone shows, or that comes
 * with it.
 */
export function isSignedFor(zone: readonly PlannedKey[], algorithm: number): boolean {
  const isThere = (key: PlannedKey): boolean =>
    isShown(conditionOf(key, 'dnskey')) || key.state?.goal === 'omnipresent';
  const keys = zone.filter((key) => key.algorithm === algorithm && isThere(key));
  return keys.some((key) => conditionOf(key, 'zrrsig') === 'omnipresent') || isSigned(zone, algorithm);
}

/** A DS leads to the algorithm, and no key of it that the zone shows signs the zone: something went wrong. */
export function isForsaken(zone: readonly PlannedKey[], algorithm: number): boolean {
  const signers = zone.filter((key) => key.algorithm === algorithm && isShown(conditionOf(key, 'zrrsig')));
  return keysWithDs(zone, algorithm).length > 0 && !signers.some((key) => isShown(conditionOf(key, 'dnskey')));
}

/** The zone shows keys of the algorithm, and none of them makes these signatures: a step was interrupted half way. */
export function lacksSignatures(zone: readonly PlannedKey[], algorithm: number, record: 'zrrsig' | 'krrsig'): boolean {
  const isShowing = (which: 'dnskey' | 'zrrsig' | 'krrsig'): boolean =>
    zone.some((key) => key.algorithm === algorithm && isShown(conditionOf(key, which)));
  return isShowing('dnskey') && !isShowing(record);
}

/** Keys of an algorithm that nobody depends on: it has no DS, and the zone is not signed with it though it shows keys of it. */
export function isStranded(zone: readonly PlannedKey[], algorithm: number): boolean {
  const isLacking = lacksSignatures(zone, algorithm, 'zrrsig') || lacksSignatures(zone, algorithm, 'krrsig');
  return isLacking && keysWithDs(zone, algorithm).length === 0;
}

/** No cache has a DNSKEY of the algorithm. */
export function isUnknown(zone: readonly PlannedKey[], algorithm: number): boolean {
  return zone.every((key) => key.algorithm !== algorithm || !isKnown(conditionOf(key, 'dnskey')));
}

/**
 * All keys of the algorithm are to go and no cache has a DS of one. Their DNSKEY records may leave together: a cached
 * DNSKEY RRset has all of them or none.
 */
export function mayAlgorithmLeave(zone: readonly PlannedKey[], algorithm: number): boolean {
  const keys = zone.filter((key) => key.algorithm === algorithm);
  return keys.every((key) => key.state?.goal === 'hidden' && !isKnown(conditionOf(key, 'ds')));
}

/** Keys of an algorithm whose DS some cache may have. */
export function keysWithDs(zone: readonly PlannedKey[], algorithm?: number): PlannedKey[] {
  return zone.filter(
    (key) => (algorithm === undefined || key.algorithm === algorithm) && isKnown(conditionOf(key, 'ds')),
  );
}

/** Keys that are to stay and could do what `leaving` does: those of its algorithm, unless that is given up. */
export function keysInPlaceOf(zone: readonly PlannedKey[], leaving: PlannedKey, role: 'ksk' | 'zsk'): PlannedKey[] {
  const does = role === 'ksk' ? signsKeys : signsZone;
  const stay = zone.filter((key) => key.id !== leaving.id && key.state?.goal === 'omnipresent' && does(key));
  const same = stay.filter((key) => key.algorithm === leaving.algorithm);
  return same.length > 0 ? same : stay;
}
