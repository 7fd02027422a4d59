import path from 'node:path';
import { isoTime } from '../base/iso-time.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { keyTag } from '../crypto/key-tag.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { dsGoneSince, isKnown } from '../policy/planned-key.ts';
import type { Publication } from '../policy/publication.ts';
import { nextRefresh } from '../signer/next-refresh.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { isSamePublicKey, type ApexKeyFacts } from './apex-key-facts.ts';
import { keyName, plannedKey } from './managed-key.ts';

/*
 * Keys whose signatures the zone needs and whose private half is not at hand: the file is gone, cannot be read, or belongs to another
 * key. Nothing that others can sign has to wait for them.
 *
 *     signs the DNSKEY RRset     that RRset stays as it is, with the signature that it has; data are signed on
 *     signs data                 nothing can be published, since every version has another SOA
 *     is to sign from now on     those that sign now go on
 */

/** A key that cannot do its part. */
export interface LackingKey {
  readonly dnskey: Uint8Array;
  /** Undefined: not even its public file is there. */
  readonly pair: KeyPair | undefined;
}

/** Keys that cannot do their part, by what they sign. */
export interface LackingKeys {
  /** The DNSKEY, CDS and CDNSKEY RRsets. */
  readonly keys: readonly LackingKey[];
  /** All else. */
  readonly zone: readonly LackingKey[];
}

/** What a publication asks for and nobody here can do. */
export function lackingFor(
  pairs: readonly KeyPair[],
  { dnskey, signsKeys, signsZone, isSigned }: Publication,
  before: ApexKeyFacts | undefined,
): LackingKeys {
  if (!isSigned) return { keys: [], zone: [] };
  const shown = pairs.filter((pair) => dnskey.includes(pair.fileBase));
  // The parent may have the DS of this one only: without its signature the DNSKEY RRset would be bogus.
  const isTrusted = (pair: KeyPair): boolean =>
    signsKeys.includes(pair.fileBase) && before?.signs(pair.dnskey, 'keys') === true;
  // RFC 4035 section 2.2: each algorithm in the DNSKEY RRset signs all.
  const isLastOf = (pair: KeyPair, signers: readonly string[]): boolean =>
    signers.includes(pair.fileBase) &&
    !shown.some(
      (other) => other.private !== undefined && other.algorithm === pair.algorithm && signers.includes(other.fileBase),
    );
  const lost = shown.filter((pair) => pair.private === undefined);
  const asLacking = (pair: KeyPair): LackingKey => ({ dnskey: pair.dnskey, pair });
  return {
    keys: lost.filter((pair) => isTrusted(pair) || isLastOf(pair, signsKeys)).map(asLacking),
    zone: lost.filter((pair) => isLastOf(pair, signsZone)).map(asLacking),
  };
}

/** What is needed to sign the zone as it is, and nobody here can do. */
export function lackingAsShown(pairs: readonly KeyPair[], before: ApexKeyFacts): LackingKeys {
  const lost = before.dnskeys.flatMap((dnskey): LackingKey[] => {
    const pair = pairs.find((one) => isSamePublicKey(one.dnskey, dnskey));
    return pair?.private === undefined ? [{ dnskey, pair }] : [];
  });
  return {
    keys: lost.filter(({ dnskey }) => before.signs(dnskey, 'keys')),
    zone: lost.filter(({ dnskey }) => before.signs(dnskey, 'zone')),
  };
}

/**
 * Lost KSKs that are to stay and that the parent must not come to trust alone: nobody has seen its DS there, or another KSK that can sign is
 * trusted still. Nothing may go on that leads to them, and no CDS may ask for their DS.
 * @param pairs as they are after the plan
 */
export function untrustworthy({ keys }: LackingKeys, pairs: readonly KeyPair[], policy: DnssecPolicy): LackingKey[] {
  if (policy.keys.length === 0) return [];
  return keys.filter(({ pair }) => {
    const state = pairs.find(({ fileBase }) => fileBase === pair?.fileBase)?.state;
    if (state?.goal !== 'omnipresent') return false;
    return state.ds !== 'omnipresent' || rescueFor(pair!, pairs) !== undefined;
  });
}

/** Another KSK that signs and that the parent may have a DS of. */
function rescueFor(lost: KeyPair, pairs: readonly KeyPair[]): KeyPair | undefined {
  return pairs.find(
    (pair) =>
      pair.fileBase !== lost.fileBase &&
      pair.private !== undefined &&
      isKnown(pair.state?.ds) &&
      pair.state?.krrsig === 'omnipresent' &&
      pair.state.dnskey === 'omnipresent',
  );
}

/** What texts are made from. */
export interface LackingContext {
  /** As an operator gives it to commands. */
  readonly zone: string;
  /** Undefined: a person manages the keys, and what the parent has. */
  readonly policy: DnssecPolicy | undefined;
  /** For messages: absolute, or several with commas between. */
  readonly keyDirectory: string;
  readonly pairs: readonly KeyPair[];
  /** The version that is served. */
  readonly signed: ZoneReader;
  readonly before: ApexKeyFacts;
  /** Unix seconds. */
  readonly now: number;
}

/** The end of a key's signature counts as near when this many seconds are left. */
const NEAR = 86_400;

/** For each key what it lacks, what goes on, how long, and what to do. No two are about the same key. */
export function lackingTexts(planned: LackingKeys, shown: LackingKeys, context: LackingContext): string[] {
  const all = new Map(
    [...planned.keys, ...planned.zone, ...shown.keys, ...shown.zone].map((one) => [nameOf(one), one]),
  );
  return [...all.values()].map((one) => {
    const what = `${nameOf(one)} has no private half: restore ${fileOf(one, context)} and run "rndc loadkeys ${context.zone}"`;
    return `${what}. ${meanwhileText(one, shown, context)}`;
  });
}

function meanwhileText(one: LackingKey, shown: LackingKeys, context: LackingContext): string {
  const { before, signed } = context;
  const end = endOfKeySignature(one, signed);
  if (shown.zone.length > 0 && !before.signs(one.dnskey, 'zone') && end === undefined)
    return 'Nothing is signed until then';
  if (before.signs(one.dnskey, 'zone')) {
    const first = nextRefresh(signed.arena, signed.version);
    const ends = first === undefined ? '' : `; its first signature ends ${isoTime(first)}`;
    return `Nothing is signed until then: what is published stays${ends}${lossText(one, first, context)}`;
  }
  if (end === undefined) return 'Until then no key comes or goes, and the keys that sign now go on';
  const others = shown.zone.length > 0 ? 'nothing is signed' : 'zone data are signed on';
  return `Until then ${others}, no DNSKEY comes or goes, and ${endText(end, context)}${lossText(one, end, context)}`;
}

function endText(end: number, context: LackingContext): string {
  const { now, policy } = context;
  if (end <= now)
    return `the DNSKEY RRset has a signature of this key that ended ${isoTime(end)}: resolvers that trust this key alone refuse the zone`;
  const near =
    now >= Math.min(end - NEAR, policy === undefined ? end : latestRemoval(end, policy)) ? ', which is soon' : '';
  return `the DNSKEY RRset keeps the signature that this key made, which ends ${isoTime(end)}${near}: then resolvers that trust this key alone refuse the zone`;
}

/** RFC 6781 section 4.3: a key that is lost for good is given up in time by way of a zone without DS. */
function lossText({ pair }: LackingKey, end: number | undefined, context: LackingContext): string {
  const { pairs, policy, zone, now } = context;
  if (policy === undefined) return '';
  const rescue = pair?.state?.goal === 'omnipresent' && policy.keys.length > 0 ? rescueFor(pair, pairs) : undefined;
  if (rescue !== undefined)
    return `. Let the parent have the DS of ${keyName(rescue, true)} and none of this key; if it is lost for good, only "dnssec-policy insecure;" and a new beginning take it out of the zone`;
  if (pair === undefined || end === undefined || !isKnown(pair.state?.ds)) return '';
  if (dsGoneSince(plannedKey(pair)) !== undefined) return '';
  const latest = latestRemoval(end, policy);
  const when = latest > now ? `before ${isoTime(latest)}` : 'at once';
  const first = policy.keys.length === 0 ? '' : `set "dnssec-policy insecure;", `;
  return `. If it is lost for good: ${first}have the parent remove its DS ${when}, then run "rndc dnssec -checkds -key ${pair.tag} -alg ${pair.algorithm} withdrawn ${zone}"`;
}

/** Unix seconds: a DS that leaves the parent by then is in no cache when the signature ends. */
function latestRemoval(end: number, { parentDsTtl, parentPropagationDelay }: DnssecPolicy): number {
  return end - parentDsTtl - parentPropagationDelay;
}

/** Unix seconds: the end of the key's signature over the DNSKEY RRset; undefined when it has none. */
function endOfKeySignature({ dnskey }: LackingKey, signed: ZoneReader): number | undefined {
  const rrset = signed.rrset(signed.apexNode, TYPE.DNSKEY);
  for (let at = rrset && signed.firstSignature(rrset); at !== 0; at = signed.nextSignature(at))
    if (signed.signatureAlgorithm(at) === dnskey[3] && signed.signatureKeyTag(at) === keyTag(dnskey))
      return signed.signatureExpiration(at);
  return undefined;
}

function nameOf({ dnskey, pair }: LackingKey): string {
  return pair === undefined ? `the DNSKEY ${algorithmText(dnskey[3])}/${keyTag(dnskey)}` : keyName(pair, true);
}

function fileOf({ pair }: LackingKey, { keyDirectory }: LackingContext): string {
  if (pair === undefined) return `its files in ${keyDirectory}`;
  return path.join(pair.directory ?? keyDirectory, `${pair.fileBase}.private`);
}

/** Why a zone cannot be signed as the publication wants it, whose keys in use are all at hand; undefined: it can be. */
export function unableToSign(
  pairs: readonly KeyPair[],
  publication: Publication,
  before: ApexKeyFacts | undefined,
  keyDirectory: string,
): string | undefined {
  const shown = pairs.filter((pair) => publication.dnskey.includes(pair.fileBase));
  if (shown.length === 0) return `there is no key for the zone in ${keyDirectory}`;
  for (const [signers, what] of [
    [publication.signsKeys, 'its DNSKEY RRset'] as const,
    [publication.signsZone, 'its records'] as const,
  ]) {
    if (signers.length === 0)
      return `no key of the zone signs ${what}: look at "rndc dnssec -status" and at the files in ${keyDirectory}`;
  }
  if (before !== undefined) return undefined;
  const { keys, zone } = lackingFor(pairs, publication, before);
  const [lacking] = [...keys, ...zone];
  if (lacking?.pair === undefined) return undefined;
  const file = path.join(lacking.pair.directory ?? keyDirectory, `${lacking.pair.fileBase}.private`);
  return `no private key for ${keyName(lacking.pair, true)}: restore ${file}; what is published stays until then`;
}
