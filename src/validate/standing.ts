import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

/** What a validator takes a name of a signed zone for (RFC 4035 section 2, RFC 5155 section 7.1). */
export type Standing = 'authoritative' | 'secure cut' | 'insecure cut' | 'empty' | 'occluded';

export function standingOf(reader: ZoneReader, node: NodeRef): Standing {
  const flags = reader.nodeFlags(node);
  if (flags & NODE.OCCLUDED) return 'occluded';
  if (flags & NODE.APEX) return 'authoritative';
  if (flags & NODE.DELEGATION) return isPresent(reader, node, TYPE.DS) ? 'secure cut' : 'insecure cut';
  for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    // A name that has nothing but an NSEC has no data: the NSEC is a stray one.
    if (reader.rdataCount(rrset) > 0 && reader.type(rrset) !== TYPE.NSEC) return 'authoritative';
  }
  return 'empty';
}

/** RFC 4035 section 2.2: NS of delegations and glue are not signed, DS is; every name with a denial record has it signed. */
export function isToBeSigned(standing: Standing, type: number): boolean {
  if (standing === 'authoritative') return true;
  return (standing === 'secure cut' || standing === 'insecure cut') && (type === TYPE.DS || type === TYPE.NSEC);
}

export function isPresent(reader: ZoneReader, node: NodeRef, type: number): boolean {
  const rrset = reader.rrset(node, type);
  return rrset !== 0 && reader.rdataCount(rrset) > 0;
}

/**
 * The types that a bitmap must show at a name (RFC 4034 section 4.1.2, RFC 5155 section 7.1), ascending: at a cut NS and what
 * the parent answers for, elsewhere all that is there; RRSIG when any of it is signed.
 */
export function expectedTypes(reader: ZoneReader, node: NodeRef, standing: Standing): number[] {
  const types: number[] = [];
  let isSigned = false;
  for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    const type = reader.type(rrset);
    if (reader.rdataCount(rrset) === 0) continue;
    if (standing !== 'authoritative' && type !== TYPE.NS && !isToBeSigned(standing, type)) continue;
    types.push(type);
    isSigned ||= reader.signatureCount(rrset) > 0 && isToBeSigned(standing, type);
  }
  if (isSigned) types.push(TYPE.RRSIG);
  return types.toSorted((a, b) => a - b);
}
