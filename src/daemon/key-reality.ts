import path from 'node:path';
import { equalOctets } from '../base/octets.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { dsRdata, hasDsDigest } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyState } from '../keys/key-state.ts';
import type { Publication } from '../policy/publication.ts';
import { hasSignaturesOf } from '../signer/signers-of.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ApexKeyFacts } from './apex-key-facts.ts';
import { signaturesGoneBy } from './key-publication.ts';
import { keyName } from './managed-key.ts';

/*
 * What key files say is believed as far as the zone agrees. They may come from a backup, from a server that died between two
 * writes, or from a hand that was wrong; the zone that is served is what resolvers have seen.
 */

/** The keys with states that the served zone bears out. A key that agrees with it is the same object as before. */
export function borneOut(
  pairs: readonly KeyPair[],
  before: ApexKeyFacts | undefined,
  signed: ZoneReader | undefined,
  policy: DnssecPolicy,
  now: number,
): KeyPair[] {
  if (before === undefined || signed === undefined) return [...pairs];
  const shown = pairs.map((pair) => asShown(pair, before, now));
  return withLateSignatures(shown, signed, policy, now);
}

const isVisible = (condition: string | undefined): boolean => condition === 'rumoured' || condition === 'omnipresent';

/** A record appears with the publication that shows it, whatever was written before that (RFC 7583 section 3.2.1, Tpub). */
function asShown(pair: KeyPair, before: ApexKeyFacts, now: number): KeyPair {
  return withoutRecords(withSignatures(withRecords(pair, before, now), before, now), before, now);
}

/** What a key on its way out has no more was taken from the zone by a server that could not write that down. */
function withoutRecords(pair: KeyPair, before: ApexKeyFacts, now: number): KeyPair {
  const { state, dnskey } = pair;
  if (state?.goal !== 'hidden') return pair;
  const isShown = before.dnskeys.some((rdata) => equalOctets(rdata, dnskey));
  const gone = [
    ['dnskey', isShown],
    ['zrrsig', before.signs(dnskey, 'zone')],
    ['krrsig', before.signs(dnskey, 'keys')],
  ] as const;
  const changes = gone.flatMap(([record, isThere]) =>
    isVisible(state[record]) && !isThere
      ? [
          [record, 'unretentive'],
          [`${record}Change`, now],
        ]
      : [],
  );
  return changes.length === 0 ? pair : { ...pair, state: { ...state, ...Object.fromEntries(changes) } };
}

/**
 * Signatures that come before their DNSKEY (RFC 6781 section 4.1.4) are as new as the version that has them, and those that are there are
 * not hidden, whatever the goal of their key. The SOA is signed by all keys that sign zone data.
 */
function withSignatures(pair: KeyPair, before: ApexKeyFacts, now: number): KeyPair {
  const { state } = pair;
  if (state === undefined || (state.goal === 'hidden' && state.dnskey === 'hidden')) return pair;
  const [signsZone, signsKeys] = [before.signs(pair.dnskey, 'zone'), before.signs(pair.dnskey, 'keys')];
  const isNew = state.goal === 'omnipresent' && isVisible(state.zrrsig) && state.zrrsigChange !== now && !signsZone;
  const isUnsaved = state.zrrsig === 'hidden' && signsZone;
  const zrrsig: Partial<KeyState> = isNew || isUnsaved ? { zrrsig: 'rumoured', zrrsigChange: now } : {};
  const krrsig: Partial<KeyState> =
    state.krrsig === 'hidden' && signsKeys ? { krrsig: 'rumoured', krrsigChange: now } : {};
  const changes = { ...zrrsig, ...krrsig };
  return Object.keys(changes).length === 0 ? pair : { ...pair, state: { ...state, ...changes } };
}

function withRecords(pair: KeyPair, before: ApexKeyFacts, now: number): KeyPair {
  const { state } = pair;
  if (state?.goal !== 'omnipresent') return pair;
  const isShown = before.dnskeys.some((rdata) => equalOctets(rdata, pair.dnskey));
  if (isShown) {
    // The file says that nobody has what everybody can see: it is not older than now for all that is known.
    const dnskey = state.dnskey === 'hidden' ? appeared(state, before.signs(pair.dnskey, 'keys'), now) : {};
    // The parent may have acted on a CDS the moment it was there.
    const ds: Partial<KeyState> =
      state.ds === 'hidden' && isOffered(pair, before) ? { ds: 'rumoured', dsChange: now } : {};
    const changes = { ...dnskey, ...ds };
    return Object.keys(changes).length === 0 ? pair : { ...pair, state: { ...state, ...changes } };
  }
  if (!isVisible(state.dnskey) || state.dnskeyChange === now) return pair;
  const changed = { ...state, ...appeared(state, isVisible(state.krrsig), now) };
  return { ...pair, state: changed, times: { ...pair.times, publish: now } };
}

/** CDS or CDNSKEY of the key are in the zone. */
function isOffered({ dnskey, zone }: KeyPair, { cds, cdnskey }: ApexKeyFacts): boolean {
  if (cdnskey.some((rdata) => equalOctets(rdata, dnskey))) return true;
  return cds.some((rdata) => hasDsDigest(rdata[3]) && equalOctets(rdata, dsRdata(zone, dnskey, rdata[3])));
}

function appeared(state: KeyState, withSignature: boolean, now: number): Partial<KeyState> {
  const signature: Partial<KeyState> =
    withSignature && state.krrsig !== undefined ? { krrsig: 'rumoured', krrsigChange: now } : {};
  return { dnskey: 'rumoured', dnskeyChange: now, ...signature };
}

/**
 * A server that was down when the last signature of a retiring key was due has served it until now: caches may have got it a moment
 * ago, and the interval counts from now on, for the key and for those that take its place.
 */
function withLateSignatures(
  pairs: readonly KeyPair[],
  signed: ZoneReader,
  policy: DnssecPolicy,
  now: number,
): KeyPair[] {
  const isLate = (pair: KeyPair): boolean => {
    const end = signaturesGoneBy(pair, policy);
    return end !== undefined && now > end && hasSignaturesOf(signed, pair.dnskey);
  };
  const late = pairs.filter(isLate);
  if (late.length === 0) return [...pairs];
  const since = now - policy.signaturesValidity + policy.signaturesRefresh;
  return pairs.map((pair) => {
    const { state } = pair;
    const takesPlace = state?.zrrsig === 'rumoured' && late.some(({ algorithm }) => algorithm === pair.algorithm);
    if (state === undefined || (!takesPlace && !late.includes(pair))) return pair;
    return { ...pair, state: { ...state, zrrsigChange: Math.max(state.zrrsigChange ?? since, since) } };
  });
}

/**
 * DNSKEYs of the served zone that would vanish although nothing says that they may: for each what is wrong and what to do. None
 * of the zone's keys may come, go or do something else until that is done.
 * @param known the keys as they were before the plan
 * @param damaged keys whose state cannot be read
 */
export function unaccountedKeys(
  known: readonly KeyPair[],
  damaged: readonly KeyPair[],
  publication: Publication,
  before: ApexKeyFacts | undefined,
  keyDirectory: string,
): string[] {
  return (before?.dnskeys ?? []).flatMap((rdata) => {
    const pair = known.find((one) => equalOctets(one.dnskey, rdata));
    if (pair !== undefined && (publication.dnskey.includes(pair.fileBase) || mayGo(pair, rdata, before!))) return [];
    const behind = pair ?? damaged.find((one) => equalOctets(one.dnskey, rdata));
    const what = behind === undefined ? lostText(rdata, keyDirectory) : contradictionText(behind, keyDirectory);
    return `${what}; until then the zone's keys stay as they are`;
  });
}

/** A state that led the plan to let the DNSKEY go, or a time that a person set. */
function mayGo(pair: KeyPair, rdata: Uint8Array, before: ApexKeyFacts): boolean {
  const { state, times } = pair;
  if (state?.dnskey === undefined) return times.delete !== undefined;
  return state.dnskey !== 'hidden' || !(before.signs(rdata, 'keys') || before.signs(rdata, 'zone'));
}

function lostText(rdata: Uint8Array, keyDirectory: string): string {
  const name = `${algorithmText(rdata[3])} key ${keyTag(rdata)}`;
  return `the zone shows DNSKEY records whose key files are not there (${name}): restore the files in ${keyDirectory}`;
}

function contradictionText(pair: KeyPair, keyDirectory: string): string {
  const file = path.join(pair.directory ?? keyDirectory, `${pair.fileBase}.state`);
  return `the zone shows the DNSKEY of ${keyName(pair, true)}, but its state file does not say so: restore ${file}`;
}
