import { fromBase32Hex } from '../base/base32hex.ts';
import { compareOctets, equalOctets, latin1Text, readUint16 } from '../base/octets.ts';
import { NSEC3_HASH_LENGTH, NSEC3_SHA1, nsec3Hash } from '../crypto/nsec3-hash.ts';
import type { ResourceRecord } from '../wire/message.ts';
import { compareCanonicalNames, equalNames, isWithin, labelCount, nameLengthAt, parentName } from '../wire/name.ts';
import { rightmostLabels, uncheckedName, type Name } from '../wire/name.ts';
import { bitmapHas } from '../wire/rdata/type-bitmap.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { ExpectedSigner, RecordVerifier } from './record-verifier.ts';

/*
 * What a zone proves about a name below its apex that has no DS (RFC 4035 section 5.2, RFC 5155 section 8.6):
 *
 *    no DS     the name is delegated, and the child is not signed as far as this zone says
 *    no cut    the name is not delegated: it belongs to this zone, or is an empty non-terminal
 */

export type DelegationProof =
  { readonly kind: 'no DS' } | { readonly kind: 'no cut' } | { readonly kind: 'fault'; readonly fault: string };

const NO_DS: DelegationProof = { kind: 'no DS' };
const NO_CUT: DelegationProof = { kind: 'no cut' };

/** RFC 9276 section 3.2 lets validators stop much earlier; up to here BIND 9.18 goes on. */
const MOST_ITERATIONS = 150;
/** Denial records of one answer that are looked at; an honest proof has three at most. */
const MOST_RECORDS = 8;
const OPT_OUT = 1;

/** @param authorities the section that `verifier` was made with */
export function proveNoDs(
  name: Name,
  authorities: readonly ResourceRecord[],
  verifier: RecordVerifier,
  signer: ExpectedSigner,
): DelegationProof {
  const of = (type: number): ResourceRecord[] =>
    authorities.filter((record) => record.type === type && record.class === CLASS.IN).slice(0, MOST_RECORDS);
  const nsecs = of(TYPE.NSEC);
  const nsec3s = of(TYPE.NSEC3);
  if (nsecs.length === 0 && nsec3s.length === 0) return fault('it proves with no NSEC or NSEC3 that there is no DS');
  for (const { owner, type } of [...nsecs, ...nsec3s]) {
    const verdict = verifier.verify(owner, type, signer);
    if (verdict !== 'good') return fault(`the signature of its denial record is not good (${verdict})`);
  }
  return nsecs.length > 0 ? byNsec(name, nsecs) : byNsec3(name, nsec3s, signer.zone);
}

function byNsec(name: Name, nsecs: readonly ResourceRecord[]): DelegationProof {
  for (const { owner, rdata } of nsecs) {
    const nextLength = nameLengthAt(rdata);
    if (equalNames(owner, name)) return byTypes(rdata, nextLength);
    // RFC 4592 section 2.2.2: the next name is below, so the name exists without data.
    const next = uncheckedName(rdata.subarray(0, nextLength));
    const isAfterOwner = compareCanonicalNames(owner, name) < 0;
    if (isAfterOwner && !equalNames(next, name) && isWithin(next, name)) return NO_CUT;
  }
  return fault('its NSEC records are about other names');
}

/** An NSEC with SOA is the child's own, one with DS contradicts the answer. */
function byTypes(rdata: Uint8Array, bitmapAt: number): DelegationProof {
  const has = (type: number): boolean => bitmapHas(rdata, bitmapAt, rdata.length, type);
  if (has(TYPE.DS)) return fault('its own proof says that there is a DS');
  if (has(TYPE.SOA)) return fault('its proof is of the child zone and not of the parent');
  return has(TYPE.NS) ? NO_DS : NO_CUT;
}

interface Nsec3 {
  readonly rdata: Uint8Array;
  readonly hash: Uint8Array;
  readonly next: Uint8Array;
  readonly bitmapAt: number;
}

function byNsec3(name: Name, records: readonly ResourceRecord[], zone: Name): DelegationProof {
  const nsec3s = records.flatMap((record) => decodeNsec3(record, zone) ?? []);
  if (nsec3s.length !== records.length) return fault('its NSEC3 records are of another zone or of an unknown kind');
  const [{ rdata: first }] = nsec3s;
  const iterations = readUint16(first, 2);
  if (iterations > MOST_ITERATIONS)
    return fault(`its NSEC3 records have ${iterations} iterations, more than ${MOST_ITERATIONS}`);
  const salt = first.subarray(5, 5 + first[4]);
  const isOneChain = nsec3s.every(({ rdata }) => readUint16(rdata, 2) === iterations && hasSalt(rdata, salt));
  if (!isOneChain) return fault('its NSEC3 records are of different chains');
  const hashOf = (one: Name): Uint8Array => nsec3Hash(one, salt, iterations);
  const matching = (one: Name): Nsec3 | undefined => {
    const hash = hashOf(one);
    return nsec3s.find((nsec3) => equalOctets(nsec3.hash, hash));
  };
  const own = matching(name);
  if (own !== undefined) return byTypes(own.rdata, own.bitmapAt);
  return byOptOut(name, zone, nsec3s, hashOf, matching);
}

/** RFC 5155 section 8.6: the name next to the closest encloser is covered by an NSEC3 that may leave out unsigned delegations. */
function byOptOut(
  name: Name,
  zone: Name,
  nsec3s: readonly Nsec3[],
  hashOf: (one: Name) => Uint8Array,
  matching: (one: Name) => Nsec3 | undefined,
): DelegationProof {
  for (let next = name; next.length > zone.length; next = parentName(next)) {
    const encloser = matching(parentName(next));
    if (encloser === undefined) continue;
    if (isCutOrAlias(encloser)) return fault('the closest encloser of its NSEC3 proof is itself delegated or an alias');
    const hash = hashOf(next);
    const covering = nsec3s.find((nsec3) => covers(nsec3, hash));
    if (covering === undefined) break;
    return (covering.rdata[1] & OPT_OUT) === 0 ? fault('its NSEC3 records prove that the name does not exist') : NO_DS;
  }
  return fault('its NSEC3 records are about other names');
}

function isCutOrAlias({ rdata, bitmapAt }: Nsec3): boolean {
  const has = (type: number): boolean => bitmapHas(rdata, bitmapAt, rdata.length, type);
  return has(TYPE.DNAME) || (has(TYPE.NS) && !has(TYPE.SOA));
}

/** NSEC3 RDATA (RFC 5155 section 3.2): hash algorithm, flags, iterations (16), salt length, salt, hash length, next hash, bitmap. */
function decodeNsec3({ owner, rdata }: ResourceRecord, zone: Name): Nsec3 | undefined {
  if (rdata[0] !== NSEC3_SHA1 || (rdata[1] & ~OPT_OUT) !== 0) return undefined;
  if (labelCount(owner) !== labelCount(zone) + 1 || !equalNames(rightmostLabels(owner, labelCount(zone)), zone))
    return undefined;
  const hash = fromBase32Hex(latin1Text(owner, 1, 1 + owner[0]));
  const nextAt = 6 + rdata[4];
  if (hash?.length !== NSEC3_HASH_LENGTH || rdata[nextAt - 1] !== NSEC3_HASH_LENGTH) return undefined;
  const bitmapAt = nextAt + NSEC3_HASH_LENGTH;
  return { rdata, hash, next: rdata.subarray(nextAt, bitmapAt), bitmapAt };
}

function hasSalt(rdata: Uint8Array, salt: Uint8Array): boolean {
  return rdata[4] === salt.length && equalOctets(rdata.subarray(5, 5 + salt.length), salt);
}

/** The last NSEC3 of a chain covers what is behind it and what is before the first. */
function covers({ hash, next }: Nsec3, wanted: Uint8Array): boolean {
  const isBehind = compareOctets(hash, wanted) < 0;
  const isBefore = compareOctets(wanted, next) < 0;
  return compareOctets(hash, next) < 0 ? isBehind && isBefore : isBehind || isBefore;
}

function fault(text: string): DelegationProof {
  return { kind: 'fault', fault: text };
}
