import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

/**
 * What a name of the unsigned content is to the signer.
 * - authoritative: all its RRsets are signed, it has an NSEC or NSEC3
 * - secure delegation: DS is signed, it has an NSEC or NSEC3
 * - insecure delegation: nothing of its data is signed; an NSEC, and an NSEC3 unless opt-out is on
 * - empty non-terminal: no NSEC, but an NSEC3 when it leads to a name with one
 * - occluded: below a delegation or a DNAME: nothing
 */
export type NodeRole = 'authoritative' | 'secure delegation' | 'insecure delegation' | 'empty' | 'occluded';

export function roleOf(reader: ZoneReader, node: NodeRef): NodeRole {
  const flags = reader.nodeFlags(node);
  if (flags & NODE.OCCLUDED) return 'occluded';
  if (flags & NODE.DELEGATION) return hasData(reader, node, TYPE.DS) ? 'secure delegation' : 'insecure delegation';
  if (flags & NODE.APEX) return 'authoritative';
  for (let i = reader.rrsetCount(node) - 1; i >= 0; i--) {
    const rrset = reader.rrsetAt(node, i);
    if (!isOwnedBySigner(reader.type(rrset), false) && reader.rdataCount(rrset) > 0) return 'authoritative';
  }
  return 'empty';
}

function hasData(reader: ZoneReader, node: NodeRef, type: number): boolean {
  const rrset = reader.rrset(node, type);
  return rrset !== 0 && reader.rdataCount(rrset) > 0;
}

/** Types that the signer makes: what a source version has of them is not taken over. */
export function isOwnedBySigner(type: number, atApex: boolean): boolean {
  if (type === TYPE.NSEC || type === TYPE.RRSIG || type === TYPE.NSEC3) return true;
  return atApex && (type === TYPE.DNSKEY || type === TYPE.CDS || type === TYPE.CDNSKEY || type === TYPE.NSEC3PARAM);
}

/** Types that the parent side of a delegation answers for (RFC 4035 section 2.3). */
export function isParentSideType(type: number): boolean {
  return type === TYPE.DS || type === TYPE.NSEC;
}
