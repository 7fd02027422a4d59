import { equalOctets } from '../base/octets.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { DNSKEY_FLAG, dnskeyFlags, isRevoked, isSecureEntryPoint, withFlags } from '../crypto/dnskey.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { FileKeyStore } from '../keys/file-key-store.ts';
import { keyFileBase } from '../keys/key-file-name.ts';
import { loadKeyFiles } from '../keys/key-pair-files.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { silentLog } from '../base/log.ts';
import type { SigningKey } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { Fatal, keyFileArgument, type KeyToolContext } from './key-tool.ts';
import { PROGRAM, type SignzoneOptions } from './dnssec-signzone-options.ts';

/** A key of the zone and what it is used for. */
export interface ZoneKey {
  readonly dnskey: Uint8Array;
  readonly pair: KeyPair | undefined;
  readonly isPublished: boolean;
  readonly isSigning: boolean;
  readonly isKsk: boolean;
  /** Named on the command line. */
  readonly isNamed: boolean;
}

/** Finds the keys as the options say: from the repository (-S), from the command line, or those of the zone itself. */
export function findKeys(options: SignzoneOptions, zone: ZoneReader, context: KeyToolContext): ZoneKey[] {
  const published = dataOf(zone, TYPE.DNSKEY);
  const named = [...options.kskFiles, ...options.keyFiles];
  const load = (): KeyPair[] => named.map((file) => loadNamed(file, options, context));
  if (options.smart) return smartKeys(options, zone.apex, published, load(), context);
  if (named.length > 0 && published.length === 0) throw new Fatal('failed to find keys at the zone apex: not found');
  const pairs = load();
  const all = named.length > 0 ? pairs : published.flatMap((dnskey) => loadOfZone(zone.apex, dnskey, options, context));
  for (const pair of all)
    if (!published.some((dnskey) => equalOctets(dnskey, pair.dnskey)))
      throw new Fatal(`key ${keyName(pair)} is not at the zone apex: add its DNSKEY record, or use -S`);
  const ksks = pairs.slice(0, options.kskFiles.length);
  return published.map((dnskey) => {
    const pair = all.find((one) => equalOctets(one.dnskey, dnskey));
    const isKsk = isSecureEntryPoint(dnskey) || (pair !== undefined && ksks.includes(pair));
    const isSigning = pair?.private !== undefined;
    const isNamed = pair !== undefined && pairs.includes(pair);
    return { dnskey, pair, isPublished: true, isSigning, isKsk, isNamed };
  });
}

function loadNamed(file: string, options: SignzoneOptions, context: KeyToolContext): KeyPair {
  const { base } = keyFileArgument(file, options.keyDirectory);
  if (!context.disk.facts(`${base}.key`)) throw new Fatal(`cannot load dnskey ${file}: file not found`);
  const { pair, faults } = loadKeyFiles(context.disk, { base });
  if (pair?.private) return pair;
  throw new Fatal(`cannot load dnskey ${file}: ${faults[0]?.message ?? 'its .private file is missing'}`);
}

function loadOfZone(zone: Name, dnskey: Uint8Array, options: SignzoneOptions, context: KeyToolContext): KeyPair[] {
  const name = keyFileBase(zone, dnskey[3], keyTag(dnskey));
  const { base } = keyFileArgument(name, options.keyDirectory);
  if (!context.disk.facts(`${base}.key`)) return [];
  const { pair, faults } = loadKeyFiles(context.disk, { base });
  for (const fault of faults) context.output.complain(`${PROGRAM}: warning: ${fault.message}\n`);
  return pair?.private && equalOctets(pair.dnskey, dnskey) ? [pair] : [];
}

/** dnssec-signzone(1) -S: the times in the key files decide, but keys named on the command line sign whatever theirs say. */
function smartKeys(
  options: SignzoneOptions,
  zone: Name,
  published: readonly Uint8Array[],
  named: readonly KeyPair[],
  context: KeyToolContext,
): ZoneKey[] {
  const directory = options.keyDirectory ?? '.';
  if (!context.disk.list(directory)) throw new Fatal(`dns_dnssec_findmatchingkeys: file not found: ${directory}`);
  const { keys, faults } = new FileKeyStore({ directory }, { ...context, log: silentLog }).list(zone);
  for (const fault of faults) context.output.complain(`${PROGRAM}: warning: ${fault.message}\n`);
  const now = context.clock.now();
  const forced = named.map((pair, i) => namedKey(pair, i < options.kskFiles.length));
  const rest = keys.filter((pair) => !named.some((one) => isSamePublicKey(one.dnskey, pair.dnskey)));
  const found = [...forced, ...rest.map((pair) => smartKey(pair, published, now))];
  const others = published.filter((dnskey) => !found.some((key) => isSamePublicKey(key.dnskey, dnskey)));
  return [
    ...found,
    ...others.map((dnskey): ZoneKey => {
      const isKsk = isSecureEntryPoint(dnskey);
      return { dnskey, pair: undefined, isPublished: true, isSigning: false, isKsk, isNamed: false };
    }),
  ];
}

function namedKey(pair: KeyPair, isForcedKsk: boolean): ZoneKey {
  const { dnskey } = pair;
  const isKsk = isForcedKsk || isSecureEntryPoint(dnskey);
  return { dnskey, pair, isPublished: true, isSigning: true, isKsk, isNamed: true };
}

function smartKey(pair: KeyPair, published: readonly Uint8Array[], now: number): ZoneKey {
  const { times } = pair;
  const isPast = (time: number | undefined): boolean => time !== undefined && time <= now;
  const hasNoTimes = times.publish === undefined && times.activate === undefined;
  const isDeleted = isPast(times.delete);
  const isActive = (isPast(times.activate) || (hasNoTimes && pair.formatVersion === '1.2')) && !isPast(times.inactive);
  const isPublished = !isDeleted && (isActive || isPast(times.publish) || isPast(times.activate));
  const isToRevoke = isPublished && isPast(times.revoke);
  const dnskey = isToRevoke ? withFlags(pair.dnskey, dnskeyFlags(pair.dnskey) | DNSKEY_FLAG.REVOKE) : pair.dnskey;
  const isSigning = !isDeleted && (isActive || isToRevoke) && pair.private !== undefined;
  const isInZone = published.some((one) => isSamePublicKey(one, dnskey));
  // A key in the zone stays although its files say nothing of publication; only a deletion time takes it out.
  return {
    dnskey,
    pair,
    isPublished: isPublished || (isInZone && !isDeleted),
    isSigning,
    isKsk: isSecureEntryPoint(dnskey),
    isNamed: false,
  };
}

function isSamePublicKey(a: Uint8Array, b: Uint8Array): boolean {
  return a[3] === b[3] && equalOctets(a.subarray(4), b.subarray(4));
}

/** Which RRsets each key signs. @throws Fatal when no or not all roles are there */
export function signingKeys(keys: readonly ZoneKey[], options: SignzoneOptions): SigningKey[] {
  const active = keys.filter((key) => key.isSigning && key.isPublished);
  if (active.length === 0) throw new Fatal('No signing keys specified or found.');
  // -x keeps ZSKs from the key RRsets even with -z, unless nothing else would sign them.
  const hasNoKsk = !active.some((key) => key.isKsk);
  return active.map(({ dnskey, pair, isKsk }) => ({
    dnskey,
    tag: keyTag(dnskey),
    algorithm: dnskey[3],
    signsKeys: isKsk || !options.kskOnly || hasNoKsk,
    // A revoked key signs the keys only (RFC 5011 section 2.1).
    signsZone: (!isKsk || options.ignoreKskFlag) && !isRevoked(dnskey),
    private: pair!.private!,
  }));
}

/**
 * BIND refuses to sign a zone that its own verification would reject. Without verification (-P) it warns of a missing ZSK.
 * @throws Fatal
 */
export function checkRoles(keys: readonly ZoneKey[], options: SignzoneOptions, warn: (text: string) => void): void {
  if (options.ignoreKskFlag) return;
  const published = keys.filter((key) => key.isPublished && !isRevoked(key.dnskey));
  if (options.verify && !published.some((key) => key.isKsk))
    throw new Fatal("No self-signed KSK DNSKEY found.  Supply an active key with the KSK flag set, or use '-P'.");
  if (!published.every((key) => isSecureEntryPoint(key.dnskey))) return;
  const complaint = "No non-KSK DNSKEY found; supply a ZSK or use '-z'.";
  if (options.verify) throw new Fatal(complaint);
  warn(`${PROGRAM}: warning: ${complaint}\n`);
}

/** CDS and CDNSKEY: what the zone has, changed by the SyncPublish and SyncDelete times of keys under -S. */
export function syncRecords(keys: readonly ZoneKey[], zone: ZoneReader, smart: boolean, now: number) {
  let cds = dataOf(zone, TYPE.CDS);
  let cdnskey = dataOf(zone, TYPE.CDNSKEY);
  if (!smart) return { cds, cdnskey };
  for (const { pair, dnskey } of keys) {
    const publish = pair?.times.syncPublish;
    const remove = pair?.times.syncDelete;
    const digest = dsRdata(zone.apex, dnskey, 2);
    const isGone = remove !== undefined && remove <= now;
    if (!isGone && (publish === undefined || publish > now)) continue;
    cds = cds.filter((one) => !equalOctets(one, digest));
    cdnskey = cdnskey.filter((one) => !equalOctets(one, dnskey));
    if (isGone) continue;
    cds.push(digest);
    cdnskey.push(dnskey);
  }
  return { cds, cdnskey };
}

export function dataOf(zone: ZoneReader, type: number): Uint8Array[] {
  const rrset = zone.rrset(zone.apexNode, type);
  return rrset === 0 ? [] : zone.rdataAll(rrset);
}

/** Says which keys of the repository come into the DNSKEY RRset, and which leave it. */
export function announceChanges(keys: readonly ZoneKey[], zone: ZoneReader, report: (text: string) => void): void {
  const published = dataOf(zone, TYPE.DNSKEY);
  const isThere = (dnskey: Uint8Array): boolean => published.some((one) => equalOctets(one, dnskey));
  const say = (reason: string, { zone: name, algorithm, tag }: KeyPair): void =>
    report(`Removing ${reason} key ${nameToShortText(name)}/${tag}/${algorithmText(algorithm)} from DNSKEY RRset.\n`);
  for (const { pair, dnskey, isKsk, isPublished, isNamed } of keys) {
    if (!pair) continue;
    if (!isPublished && isThere(pair.dnskey)) say('expired', pair);
    if (!isPublished || isThere(dnskey)) continue;
    if (isThere(pair.dnskey)) say('revoked', pair);
    // BIND's word for a ZSK that -k makes a KSK.
    const role = isSecureEntryPoint(dnskey) ? 'KSK' : isKsk ? 'CSK' : 'ZSK';
    const place = isNamed ? 'key file' : 'key repository';
    report(`Fetching ${keyName({ ...pair, tag: keyTag(dnskey) })} (${role}) from ${place}.\n`);
  }
}

function keyName(pair: KeyPair): string {
  return `${nameToShortText(pair.zone)}/${algorithmText(pair.algorithm)}/${pair.tag}`;
}
