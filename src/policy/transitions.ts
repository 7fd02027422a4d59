import type { DnssecPolicy } from '../conf/configuration.ts';
import { dnskeyInterval, dsInterval, zoneSignatureInterval } from '../conf/policy-intervals.ts';
import type { WaitReason } from './key-wait.ts';
import { changeOf, recordsOf, signsKeys, signsZone } from './planned-key.ts';
import type { Condition, KeyRecord, PlannedKey } from './planned-key.ts';

/** What may become of one record of a key, and when. */
export type Transition =
  | { readonly kind: 'due'; readonly record: KeyRecord; readonly to: Condition; readonly at: number }
  /** Only time is missing. */
  | { readonly kind: 'later'; readonly record: KeyRecord; readonly to: Condition; readonly at: number }
  /** Something else has to happen first. */
  | { readonly kind: 'blocked'; readonly record: KeyRecord; readonly to: Condition; readonly reason: BlockReason };

export type BlockReason = Exclude<WaitReason, 'time'>;

/**
 * The next step of each record of a key whose goal is to be known everywhere. Removal comes with rollovers: keys with
 * another goal have no steps here. `zone` is all keys of the zone, this one among them.
 */
export function introductionSteps(
  key: PlannedKey,
  zone: readonly PlannedKey[],
  policy: DnssecPolicy,
  now: number,
): Transition[] {
  if (key.state?.goal !== 'omnipresent') return [];
  return recordsOf(key).flatMap((record) => step(key, record, zone, policy, now) ?? []);
}

function step(
  key: PlannedKey,
  record: KeyRecord,
  zone: readonly PlannedKey[],
  policy: DnssecPolicy,
  now: number,
): Transition | undefined {
  switch (key.state?.[record] ?? 'hidden') {
    case 'hidden':
      return introduce(key, record, zone, now);
    case 'rumoured':
      return spread(key, record, policy, now);
    // Both are for a key that has another goal.
    case 'omnipresent':
    case 'unretentive':
      return undefined;
  }
}

/** hidden -> rumoured: may the record be shown? */
function introduce(key: PlannedKey, record: KeyRecord, zone: readonly PlannedKey[], now: number): Transition {
  switch (record) {
    case 'dnskey':
    case 'krrsig':
      return timed(record, 'rumoured', key.times.publish ?? now, now);
    case 'zrrsig':
      if (key.state?.dnskey !== 'omnipresent')
        return { kind: 'blocked', record, to: 'rumoured', reason: 'dnskey not known everywhere' };
      return timed(record, 'rumoured', key.times.activate ?? now, now);
    case 'ds':
      // RFC 7583 section 3.3.4: the DS comes last. A resolver that has it must find a DNSKEY and signatures everywhere.
      if (!isChainReady(key, zone))
        return { kind: 'blocked', record, to: 'rumoured', reason: 'signatures not known everywhere' };
      return timed(record, 'rumoured', now, now);
  }
}

/** rumoured -> omnipresent: have the caches without the record expired? */
function spread(key: PlannedKey, record: KeyRecord, policy: DnssecPolicy, now: number): Transition {
  const since = key.state ? (changeOf(key.state, record) ?? now) : now;
  switch (record) {
    case 'dnskey':
    case 'krrsig':
      return timed(record, 'omnipresent', since + dnskeyInterval(policy), now);
    case 'zrrsig':
      return timed(record, 'omnipresent', since + zoneSignatureInterval(policy), now);
    case 'ds': {
      const seen = key.times.dsPublish;
      if (seen === undefined) return { kind: 'blocked', record, to: 'omnipresent', reason: 'ds not seen at parent' };
      return timed(record, 'omnipresent', Math.max(seen, since) + dsInterval(policy), now);
    }
  }
}

function timed(record: KeyRecord, to: Condition, at: number, now: number): Transition {
  return at <= now ? { kind: 'due', record, to, at } : { kind: 'later', record, to, at };
}

/** The key's DNSKEY and its signature, and the signatures of a zone key of the same algorithm, are known everywhere. */
function isChainReady(key: PlannedKey, zone: readonly PlannedKey[]): boolean {
  if (key.state?.dnskey !== 'omnipresent' || key.state.krrsig !== 'omnipresent' || !signsKeys(key)) return false;
  const isReady = (other: PlannedKey): boolean =>
    other.algorithm === key.algorithm &&
    signsZone(other) &&
    other.state?.dnskey === 'omnipresent' &&
    other.state.zrrsig === 'omnipresent';
  return zone.some(isReady);
}
