import { algorithmText } from '../crypto/algorithm.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { Condition, KeyRecord } from '../policy/planned-key.ts';
import type { KeyWait } from '../policy/key-wait.ts';
import { matchKeys } from '../policy/match-keys.ts';
import { keyName, keyRole, plannedKey } from './managed-key.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';

const RECORDS: Readonly<Record<KeyRecord, string>> = {
  dnskey: 'dnskey',
  ds: 'ds',
  zrrsig: 'zone rrsig',
  krrsig: 'key rrsig',
};

/** What waits where it is the key as a whole. */
const WHOLE: Readonly<Record<Condition, string>> = {
  rumoured: 'its introduction waits',
  omnipresent: 'its introduction waits',
  unretentive: 'its withdrawal waits',
  hidden: 'its rollover waits',
};

/** Waits that end when the parent has done its part. Others end with time, or when those do. */
export function parentWaits(waits: readonly KeyWait[]): KeyWait[] {
  return waits.filter((wait) => awaitedDs(wait) !== undefined);
}

/** What is to be seen at the parent for the wait to end; undefined: it is not about the parent. */
export function awaitedDs({ reason }: KeyWait): 'published' | 'withdrawn' | undefined {
  if (reason === 'ds not seen at parent') return 'published';
  return reason === 'ds still at parent' ? 'withdrawn' : undefined;
}

/** "key 12345 (ECDSAP256SHA256), KSK: ds stays rumoured: ds not seen at parent". */
export function waitText(wait: KeyWait, pairs: readonly KeyPair[]): string {
  const what = wait.record === undefined ? WHOLE[wait.to] : `${RECORDS[wait.record]} stays ${wait.from}`;
  const others = wait.others.length === 0 ? '' : ` (${wait.others.map((id) => keyText(id, pairs)).join('; ')})`;
  return `${keyText(wait.key, pairs)}: ${what}: ${wait.reason}${others}`;
}

/** The command that an operator gives once the parent has done its part; undefined where there is none. */
export function waitCommand(wait: KeyWait, pairs: readonly KeyPair[], zone: string): string | undefined {
  const seen = awaitedDs(wait);
  const pair = pairs.find(({ fileBase }) => fileBase === wait.key);
  if (seen === undefined || pair === undefined) return undefined;
  return `rndc dnssec -checkds -key ${pair.tag} -alg ${pair.algorithm} ${seen} ${zone}`;
}

/** "key 12345 (ECDSAP256SHA256), KSK", as `rndc dnssec -status` has keys. */
export function keyText(id: string, pairs: readonly KeyPair[]): string {
  const pair = pairs.find(({ fileBase }) => fileBase === id);
  return pair === undefined ? id : `key ${pair.tag} (${algorithmText(pair.algorithm)}), ${keyRole(pair)}`;
}

/** The command that lets begin what waits for an operator in manual mode. */
export function stepCommand(zone: string): string {
  return `rndc dnssec -step ${zone}`;
}

/** What manual-mode holds back, in the words of BIND 9.21. */
export function blockText(wait: KeyWait, pairs: readonly KeyPair[], policy: DnssecPolicy, zone: string): string {
  const pair = pairs.find(({ fileBase }) => fileBase === wait.key);
  if (pair === undefined) return `block new key generation for zone ${zone} (policy ${policy.name})`;
  const [role, name] = [keyRole(pair), keyName(pair, false)];
  if (wait.record !== undefined) {
    const { record, from, to } = wait;
    return `block transition ${role} ${name} type ${record.toUpperCase()} state ${from.toUpperCase()} to state ${to.toUpperCase()}`;
  }
  if (wait.to === 'rumoured') return `block introduction of DNSKEY ${name} (${role})`;
  const isAskedFor = matchKeys(policy, [plannedKey(pair)]).others.length === 0;
  return isAskedFor
    ? `block ${role} rollover for key ${name} (policy ${policy.name})`
    : `block retire DNSKEY ${name} (${role})`;
}
