import type { Random } from '../base/random.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { Publication } from '../policy/publication.ts';
import { signatureTimes } from '../policy/signature-times.ts';
import type { Denial, KeyRRsets, SigningKey, SigningParameters } from '../signer/signing-parameters.ts';
import type { Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ApexKeyFacts } from './apex-key-facts.ts';
import { useAsShown } from './keys-as-shown.ts';

/** RFC 8078 section 4: a CDS, or a CDNSKEY, that asks the parent to remove the DS RRset. */
const DELETE_CDS = Uint8Array.of(0, 0, 0, 0, 0);
const DELETE_CDNSKEY = Uint8Array.of(0, 0, 3, 0, 0);

/** True for both: algorithm 0 stands for no algorithm. */
export const isDeletion = (rdata: Uint8Array): boolean => rdata.length === 5 && rdata[rdata[2] === 3 ? 3 : 2] === 0;

/** Algorithms whose validators do not know NSEC3 (RFC 5155 section 2): RSAMD5, DSA, RSASHA1. */
const NSEC_ONLY = new Set([1, 3, 5]);

export interface PublicationContext {
  readonly apex: Name;
  readonly policy: DnssecPolicy;
  readonly now: number;
  /** The signed version that is served; undefined when there is none yet. */
  readonly signed: ZoneReader | undefined;
  readonly random: Random;
}

/** What the signer does to come to a publication. */
export function signingParameters(
  pairs: readonly KeyPair[],
  publication: Publication,
  context: PublicationContext,
): SigningParameters {
  const { policy, now } = context;
  const keyRRsets = keyRRsetsOf(pairs, publication, context);
  if (!publication.isSigned) {
    const none: KeyRRsets = { dnskey: [], cds: [], cdnskey: [], ttl: policy.dnskeyTtl };
    return { ...signatureTimes(policy, now), now, denial: { kind: 'none' }, keyRRsets: none, keys: [] };
  }
  return {
    ...signatureTimes(policy, now),
    now,
    denial: denialOf(keyRRsets, context),
    keyRRsets,
    keys: pairs.flatMap((pair) => signingKey(pair, publication) ?? []),
    retiring: pairs.filter((pair) => isRetiring(pair, publication, policy, now)).map(({ dnskey }) => dnskey),
  };
}

/**
 * Nothing changes for any key: each signs what it signs in the version that is served, and what others signed stays until it is
 * due. Data that change are signed, and signatures refreshed.
 */
export function unchangedParameters(
  pairs: readonly KeyPair[],
  before: ApexKeyFacts,
  context: PublicationContext,
): SigningParameters {
  const { policy, now } = context;
  const { dnskey, cds, cdnskey, keys } = useAsShown(pairs, before);
  const keyRRsets: KeyRRsets = { dnskey: [...dnskey], cds: [...cds], cdnskey: [...cdnskey], ttl: before.ttl };
  const retiring = dnskey.filter((rdata) => !before.signs(rdata, 'zone'));
  return { ...signatureTimes(policy, now), now, denial: denialOf(keyRRsets, context), keyRRsets, keys, retiring };
}

function keyRRsetsOf(
  pairs: readonly KeyPair[],
  publication: Publication,
  { apex, policy }: PublicationContext,
): KeyRRsets {
  const inSync = pairs.filter((pair) => publication.sync.includes(pair.fileBase));
  const shown = pairs.filter((pair) => publication.dnskey.includes(pair.fileBase)).map((pair) => pair.dnskey);
  const digests = policy.cdsDigestTypes;
  const cds = inSync.flatMap((pair) => digests.map((digest) => dsRdata(apex, pair.dnskey, digest)));
  // "The CDS and CDNSKEY RRsets MUST contain only one record" when it is a deletion.
  return {
    dnskey: shown,
    cds: publication.syncDelete && digests.length > 0 ? [DELETE_CDS] : cds,
    cdnskey: !policy.cdnskey ? [] : publication.syncDelete ? [DELETE_CDNSKEY] : inSync.map((pair) => pair.dnskey),
    ttl: policy.dnskeyTtl,
  };
}

function signingKey(pair: KeyPair, publication: Publication): SigningKey | undefined {
  const signsKeys = publication.signsKeys.includes(pair.fileBase);
  const signsZone = publication.signsZone.includes(pair.fileBase);
  if (pair.private === undefined || (!signsKeys && !signsZone)) return undefined;
  const { dnskey, tag, algorithm, private: secret } = pair;
  return { dnskey, tag, algorithm, signsKeys, signsZone, private: secret };
}

/**
 * The moment by which the last signature of a retiring ZSK is replaced (RFC 7583 section 3.2.1, Dsgn); undefined for a key that
 * does not retire. The interval after which the key leaves the zone counts on it.
 */
export function signaturesGoneBy({ state }: KeyPair, policy: DnssecPolicy): number | undefined {
  if (state?.zrrsig !== 'unretentive' || state.zrrsigChange === undefined) return undefined;
  return state.zrrsigChange + policy.signaturesValidity - policy.signaturesRefresh;
}

/** What the key signed stays until it is due: it is in the DNSKEY RRset still, and the time for it is not over. */
function isRetiring(pair: KeyPair, publication: Publication, policy: DnssecPolicy, now: number): boolean {
  const end = signaturesGoneBy(pair, policy);
  return end !== undefined && now < end && publication.dnskey.includes(pair.fileBase);
}

function denialOf({ dnskey }: KeyRRsets, { policy, signed, random }: PublicationContext): Denial {
  const { nsec3 } = policy;
  // While such a key is in the zone validators take it for one with NSEC: the chain changes when the key has left.
  if (nsec3 === undefined || dnskey.some((rdata) => NSEC_ONLY.has(rdata[3]))) return { kind: 'nsec' };
  const { iterations, optOut, saltLength } = nsec3;
  const salt = signed && presentSalt(signed, iterations);
  const fits = salt !== undefined && salt.length === saltLength;
  return { kind: 'nsec3', iterations, optOut, salt: fits ? salt : random.fill(new Uint8Array(saltLength)) };
}

function presentSalt(reader: ZoneReader, iterations: number): Uint8Array | undefined {
  const rrset = reader.rrset(reader.apexNode, TYPE.NSEC3PARAM);
  if (rrset === 0) return undefined;
  const [parameters] = reader.rdataAll(rrset);
  // RFC 5155 section 4.2: hash, flags, iterations in 16 bits, salt length, salt.
  if (((parameters[2] << 8) | parameters[3]) !== iterations) return undefined;
  return parameters.slice(5, 5 + parameters[4]);
}
