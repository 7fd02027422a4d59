import { algorithmText } from '../crypto/algorithm.ts';
import { DNSKEY_FLAG, dnskeyAlgorithm, dnskeyFlags, isRevoked, isSecureEntryPoint } from '../crypto/dnskey.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { FaultList } from './fault-list.ts';
import { KeyCircle } from './key-circle.ts';
import { RRsetVerifier } from './rrset-verifier.ts';
import type { AlgorithmCounts } from './zone-verdict.ts';

export interface ApexKeyOptions {
  readonly now: number;
  /** dnssec-verify -z: any self-signed key does, whatever its KSK flag. */
  readonly ignoreKskFlag: boolean;
  readonly labLegacy: boolean;
}

/** What the DNSKEY RRset tells about how the rest must be signed. */
export interface ApexKeys {
  readonly counts: readonly AlgorithmCounts[];
  /** Algorithms that everything has to be signed with; empty when no key is good to start from. */
  readonly algorithms: readonly number[];
  /** Algorithms with a KSK but no ZSK. */
  readonly roleMissing: readonly number[];
}

/**
 * Sorts the keys as dnssec-verify does: a KSK is active when it signs the DNSKEY RRset, a ZSK when it signs that or the SOA; a
 * key that signs neither is on stand-by. Revoked KSKs must sign the DNSKEY RRset (RFC 5011 section 2.1).
 */
export function examineApexKeys(reader: ZoneReader, options: ApexKeyOptions, faults: FaultList): ApexKeys {
  const byAlgorithm = new Map<number, AlgorithmCounts>();
  for (const dnskey of zoneKeys(reader)) countKey(reader, dnskey, options, countsOf(byAlgorithm, dnskey), faults);
  const counts = [...byAlgorithm.values()].toSorted((a, b) => a.algorithm - b.algorithm);
  const active = counts.filter(({ ksks, zsks }) => ksks.active > 0 || (options.ignoreKskFlag && zsks.active > 0));
  if (active.length === 0) {
    const text = options.ignoreKskFlag ? 'No self-signed DNSKEY found' : 'No self-signed KSK DNSKEY found';
    faults.add({ code: 'NO_SELF_SIGNED_KSK', severity: 'error', type: TYPE.DNSKEY, text });
  }
  const lopsided = counts.filter(({ ksks, zsks }) => ksks.active > 0 !== zsks.active > 0);
  const roleMissing = options.ignoreKskFlag || active.length === 0 ? [] : lopsided;
  for (const { algorithm, ksks } of roleMissing) {
    const text = `Missing ${ksks.active > 0 ? 'ZSK' : 'self-signed KSK'} for algorithm ${algorithmText(algorithm)}`;
    faults.add({ code: 'KEY_ROLE_MISSING', severity: 'error', type: TYPE.DNSKEY, algorithm, text });
  }
  return {
    counts,
    algorithms: active.map(({ algorithm }) => algorithm),
    roleMissing: roleMissing.map(({ algorithm }) => algorithm),
  };
}

/** RFC 4034 section 2.1.1: only keys with the Zone Key flag may verify RRSIGs. */
export function zoneKeys(reader: ZoneReader): Uint8Array[] {
  const rrset = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  const all = rrset === 0 ? [] : reader.rdataAll(rrset);
  return all.filter((dnskey) => (dnskeyFlags(dnskey) & DNSKEY_FLAG.ZONE) !== 0);
}

function countsOf(byAlgorithm: Map<number, AlgorithmCounts>, dnskey: Uint8Array): AlgorithmCounts {
  const algorithm = dnskeyAlgorithm(dnskey);
  const known = byAlgorithm.get(algorithm);
  if (known) return known;
  const none = (): AlgorithmCounts['ksks'] => ({ active: 0, standBy: 0, revoked: 0 });
  const counts = { algorithm, ksks: none(), zsks: none() };
  byAlgorithm.set(algorithm, counts);
  return counts;
}

function countKey(
  reader: ZoneReader,
  dnskey: Uint8Array,
  options: ApexKeyOptions,
  counts: AlgorithmCounts,
  faults: FaultList,
): void {
  const isKsk = isSecureEntryPoint(dnskey);
  const group = isKsk ? counts.ksks : counts.zsks;
  const signsKeys = signs(reader, dnskey, TYPE.DNSKEY, options);
  if (isRevoked(dnskey)) {
    group.revoked++;
    if (isKsk && !signsKeys) faults.add(revokedUnsigned(dnskey));
  } else if (signsKeys || (!isKsk && signs(reader, dnskey, TYPE.SOA, options))) group.active++;
  else group.standBy++;
}

function signs(reader: ZoneReader, dnskey: Uint8Array, type: number, options: ApexKeyOptions): boolean {
  const rrset: RRsetRef = reader.rrset(reader.apexNode, type);
  if (rrset === 0) return false;
  const circle = new KeyCircle([dnskey], { labLegacy: options.labLegacy });
  return (
    new RRsetVerifier(reader, circle, [dnskeyAlgorithm(dnskey)], options.now).verify(reader.apex, rrset).length === 0
  );
}

function revokedUnsigned(dnskey: Uint8Array) {
  const text = `revoked KSK is not self signed: key ${keyTag(dnskey)} (${algorithmText(dnskeyAlgorithm(dnskey))})`;
  return { code: 'REVOKED_KEY_NOT_SELF_SIGNED', severity: 'error', type: TYPE.DNSKEY, text } as const;
}
