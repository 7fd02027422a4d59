import type { Log } from '../base/log.ts';
import { equalOctets } from '../base/octets.ts';
import { isRevoked } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { SigningKey } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { isSamePublicKey, type ApexKeyFacts } from './apex-key-facts.ts';
import { zoneEvent } from './events.ts';
import { keyName } from './key-upkeep.ts';

/** What was published in place of `before`. */
interface Published {
  readonly dnskey: readonly Uint8Array[];
  readonly cds: readonly Uint8Array[];
  readonly cdnskey: readonly Uint8Array[];
  readonly keys: readonly SigningKey[];
}

/** Logs what a new version changed for each key, in the words of BIND 9.18. */
export function tellKeyChanges(
  log: Log,
  pairs: readonly KeyPair[],
  before: ApexKeyFacts,
  after: Published,
  apex: Name,
): void {
  for (const pair of pairs) {
    tellKey(log, pair, before, after);
    tellSync(log, pair, before, after, apex);
  }
}

function tellKey(log: Log, pair: KeyPair, before: ApexKeyFacts, after: Published): void {
  const isOfPair = (rdata: Uint8Array): boolean => isSamePublicKey(rdata, pair.dnskey);
  const was = before.dnskeys.find(isOfPair);
  const is = after.dnskey.find(isOfPair);
  const name = keyName(pair, true);
  const didSign = was !== undefined && (before.signs(was, 'keys') || before.signs(was, 'zone'));
  const signer = after.keys.find(({ dnskey }) => isOfPair(dnskey));
  if (was === undefined && is === undefined) return;
  if (is === undefined) {
    log.write(zoneEvent.keyDeleted(name));
    return;
  }
  if (was === undefined) {
    log.write(zoneEvent.keyFetched(name));
    log.write(zoneEvent.keyPublished(name));
  }
  const isNewlyRevoked = isRevoked(is) && (was === undefined || !isRevoked(was));
  if (isNewlyRevoked && signer) log.write(zoneEvent.keyRevoked(name, signer.tag));
  else if (signer && !didSign) log.write(zoneEvent.keyActive(name));
  else if (!signer && didSign) log.write(zoneEvent.keyInactive(name));
}

function tellSync(log: Log, pair: KeyPair, before: ApexKeyFacts, after: Published, apex: Name): void {
  const name = keyName(pair, false);
  const ds = dsRdata(apex, pair.dnskey, 2);
  const changes = [
    ['CDNSKEY', has(before.cdnskey, pair.dnskey), has(after.cdnskey, pair.dnskey)],
    ['CDS', has(before.cds, ds), has(after.cds, ds)],
  ] as const;
  for (const [type, was, is] of changes) {
    if (is && !was) log.write(zoneEvent.syncPublished(type, name));
    if (was && !is) log.write(zoneEvent.syncDeleted(type, name));
  }
}

const has = (list: readonly Uint8Array[], rdata: Uint8Array): boolean => list.some((one) => equalOctets(one, rdata));
