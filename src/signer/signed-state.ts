import { equalOctets } from '../base/octets.ts';
import { serialLess } from '../base/serial.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { apexRRsets, nsec3Head, type OwnRRset } from './apex-rrsets.ts';
import { OPT_OUT } from './hash-slice.ts';
import { lackingSigners, signsType } from './rrset-signer.ts';
import { isSameRdataAs } from './same-rdata.ts';
import type { SigningKey, SigningParameters } from './signing-parameters.ts';

/** How a version of ours is signed, told from its apex. What its zone data are signed by is known to key-coverage.ts. */

/** True when the NSEC or NSEC3 chain is of the wanted kind, with the wanted parameters and TTL. */
export function hasDenial(reader: ZoneReader, parameters: SigningParameters, ttl: number): boolean {
  const { denial } = parameters;
  const nsec = reader.rrset(reader.apexNode, TYPE.NSEC);
  const param = reader.rrset(reader.apexNode, TYPE.NSEC3PARAM);
  if (denial.kind === 'none') return nsec === 0 && param === 0;
  if (denial.kind === 'nsec') return nsec !== 0 && param === 0 && reader.ttl(nsec) === ttl;
  if (nsec !== 0 || param === 0) return false;
  if (!isSameRdataAs(reader, param, [nsec3Head(0, denial.iterations, denial.salt)])) return false;
  const chain = firstNsec3(reader);
  if (chain === 0 || reader.ttl(chain) !== ttl) return false;
  const head = nsec3Head(denial.optOut ? OPT_OUT : 0, denial.iterations, denial.salt);
  return equalOctets(reader.rdataAll(chain)[0].subarray(0, head.length), head);
}

function firstNsec3(reader: ZoneReader): RRsetRef {
  const node = reader.hashAt(0);
  return node === 0 ? 0 : reader.rrset(node, TYPE.NSEC3);
}

/** True when the SOA, signed in every version anew, is signed by exactly the wanted keys. */
export function hasZoneKeys(reader: ZoneReader, parameters: SigningParameters): boolean {
  const wanted = parameters.keys.filter((key) => key.signsZone);
  return isSignedBy(reader, reader.rrset(reader.apexNode, TYPE.SOA), wanted);
}

/**
 * True when the RRset has signatures of exactly these keys, and each is in the version's DNSKEY RRset.
 * @param lacking "algorithm/tag" of keys whose signatures there do not matter: nobody can make them
 */
function isSignedBy(
  reader: ZoneReader,
  rrset: RRsetRef,
  keys: readonly SigningKey[],
  lacking?: ReadonlySet<string>,
): boolean {
  if (rrset === 0) return false;
  const published = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  const dnskeys = published === 0 ? [] : reader.rdataAll(published);
  const found: string[] = [];
  for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
    const signer = `${reader.signatureAlgorithm(at)}/${reader.signatureKeyTag(at)}`;
    if (lacking?.has(signer) !== true) found.push(signer);
  }
  if (found.length !== keys.length) return false;
  for (const key of keys) {
    const index = found.indexOf(`${key.algorithm}/${key.tag}`);
    if (index < 0 || !dnskeys.some((dnskey) => equalOctets(dnskey, key.dnskey))) return false;
    found.splice(index, 1);
  }
  return true;
}

/** Key RRsets and NSEC3PARAM at the apex that are not as wanted: those to set, and types to remove. */
export function apexChanges(reader: ZoneReader, parameters: SigningParameters): { set: OwnRRset[]; remove: number[] } {
  const wanted = apexRRsets(parameters);
  const set = wanted.filter((own) => {
    const rrset = reader.rrset(reader.apexNode, own.type);
    return rrset === 0 || reader.ttl(rrset) !== own.ttl || !isSameRdataAs(reader, rrset, own.rdatas);
  });
  const types = [TYPE.DNSKEY, TYPE.NSEC3PARAM, TYPE.CDS, TYPE.CDNSKEY];
  const remove = types.filter(
    (type) => reader.rrset(reader.apexNode, type) !== 0 && !wanted.some((own) => own.type === type),
  );
  return { set, remove };
}

/**
 * Key RRsets that are as wanted but not signed by the wanted keys, or with a signature that ends too soon: that of a key whose
 * private half has come back is in no summary of ends.
 */
export function keyTypesToSign(reader: ZoneReader, parameters: SigningParameters): number[] {
  const lacking = lackingSigners(parameters);
  return [TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY].filter((type) => {
    const wanted = parameters.keys.filter((key) => signsType(key, type));
    const rrset = reader.rrset(reader.apexNode, type);
    if (rrset === 0) return false;
    return !isSignedBy(reader, rrset, wanted, lacking) || endsSoon(reader, rrset, parameters, lacking);
  });
}

function endsSoon(
  reader: ZoneReader,
  rrset: RRsetRef,
  { refreshBefore }: SigningParameters,
  lacking: ReadonlySet<string>,
): boolean {
  for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
    if (lacking.has(`${reader.signatureAlgorithm(at)}/${reader.signatureKeyTag(at)}`)) continue;
    if (serialLess(reader.signatureExpiration(at), refreshBefore >>> 0)) return true;
  }
  return false;
}
