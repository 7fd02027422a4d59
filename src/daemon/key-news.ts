import type { LogRecord } from '../base/log.ts';
import { equalOctets } from '../base/octets.ts';
import { isRevoked } from '../crypto/dnskey.ts';
import { digestName, dsRdata } from '../crypto/ds-digest.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { SigningKey } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { isSamePublicKey, type ApexKeyFacts } from './apex-key-facts.ts';
import { zoneEvent } from './events.ts';
import { isDeletion } from './key-publication.ts';
import { keyName } from './managed-key.ts';

/** What was published in place of `before`. */
export interface PublishedKeys {
  readonly dnskey: readonly Uint8Array[];
  readonly cds: readonly Uint8Array[];
  readonly cdnskey: readonly Uint8Array[];
  /** Those that sign. */
  readonly keys: readonly Pick<SigningKey, 'dnskey' | 'tag'>[];
}

export interface KeyNewsOptions {
  readonly apex: Name;
  /** Name of the policy that manages the keys; undefined for keys that a person manages. */
  readonly policy: string | undefined;
  /** DS digest types of CDS records. */
  readonly digests: readonly number[];
}

/** What a new version changed for each key, in the words of BIND 9.18. */
export function keyNews(
  pairs: readonly KeyPair[],
  before: ApexKeyFacts,
  after: PublishedKeys,
  options: KeyNewsOptions,
): LogRecord[] {
  const ofKeys = pairs.flatMap((pair) => [
    ...newsOfKey(pair, before, after, options),
    ...newsOfSync(pair, before, after, options),
  ]);
  return [...ofKeys, ...newsOfDeletion(before, after, options)];
}

function newsOfKey(pair: KeyPair, before: ApexKeyFacts, after: PublishedKeys, { policy }: KeyNewsOptions): LogRecord[] {
  const isOfPair = (rdata: Uint8Array): boolean => isSamePublicKey(rdata, pair.dnskey);
  const was = before.dnskeys.find(isOfPair);
  const is = after.dnskey.find(isOfPair);
  const name = keyName(pair, true);
  const didSign = was !== undefined && (before.signs(was, 'keys') || before.signs(was, 'zone'));
  const signer = after.keys.find(({ dnskey }) => isOfPair(dnskey));
  if (was === undefined && is === undefined) return [];
  if (is === undefined) {
    const removed = policy === undefined ? [] : [zoneEvent.keyRemoved(keyName(pair, false))];
    return [...removed, zoneEvent.keyDeleted(name, policy)];
  }
  const news: LogRecord[] = [];
  if (was === undefined) news.push(zoneEvent.keyFetched(name), zoneEvent.keyPublished(name, policy));
  const isNewlyRevoked = isRevoked(is) && (was === undefined || !isRevoked(was));
  if (isNewlyRevoked && signer) news.push(zoneEvent.keyRevoked(name, signer.tag));
  else if (signer && !didSign) news.push(zoneEvent.keyActive(name, policy));
  else if (!signer && didSign) news.push(zoneEvent.keyInactive(name, policy));
  return news;
}

function newsOfSync(
  pair: KeyPair,
  before: ApexKeyFacts,
  after: PublishedKeys,
  { apex, policy, digests }: KeyNewsOptions,
): LogRecord[] {
  const name = keyName(pair, false);
  const news: LogRecord[] = [];
  const tell = (type: 'CDS' | 'CDNSKEY', digest: string | undefined, was: boolean, is: boolean): void => {
    if (is && !was) news.push(zoneEvent.syncPublished(type, name, policy));
    if (was && !is) news.push(zoneEvent.syncDeleted(type, digest, name, policy));
  };
  tell('CDNSKEY', undefined, has(before.cdnskey, pair.dnskey), has(after.cdnskey, pair.dnskey));
  const all = digests.map((digest) => ({ digest: digestName(digest), ds: dsRdata(apex, pair.dnskey, digest) }));
  const were = all.filter(({ ds }) => has(before.cds, ds));
  const are = all.filter(({ ds }) => has(after.cds, ds));
  // One line says that a key is offered, whatever the digests.
  if (are.length > 0 && were.length === 0) tell('CDS', undefined, false, true);
  for (const { digest } of were) tell('CDS', digest, true, are.length > 0);
  return news;
}

function newsOfDeletion(before: ApexKeyFacts, after: PublishedKeys, { apex, policy }: KeyNewsOptions): LogRecord[] {
  const zone = nameToShortText(apex);
  return (['CDS', 'CDNSKEY'] as const).flatMap((type) => {
    const kind = type === 'CDS' ? 'cds' : 'cdnskey';
    const [was, is] = [before[kind].some(isDeletion), after[kind].some(isDeletion)];
    return was === is ? [] : zoneEvent.syncDeletion(type, zone, is, policy);
  });
}

const has = (list: readonly Uint8Array[], rdata: Uint8Array): boolean => list.some((one) => equalOctets(one, rdata));
