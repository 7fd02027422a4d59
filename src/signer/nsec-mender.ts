import { concatOctets } from '../base/octets.ts';
import { nameKey, type Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { bearsNsec, nextBearing, previousBearing } from './bearing-names.ts';
import { collectTypes } from './name-slice.ts';
import { roleOf, type NodeRole } from './node-role.ts';
import { isSameRdataAs } from './same-rdata.ts';
import { MAX_BITMAP_LENGTH, TypeSet } from './type-set.ts';
import type { AffectedName, RRsetToSign } from './version-update.ts';

/** How a mender changes the version. */
export interface ChainChange {
  set(rrset: RRsetToSign): void;
  remove(owner: Name, type: number): void;
}

/**
 * Mends the NSEC chain after a change of data: at each affected name, and at the name before one that came into the chain or
 * left it.
 * @param middle the version with the new data and the old chain
 */
export function mendNsec(
  middle: ZoneReader,
  affected: readonly AffectedName[],
  ttl: number,
  change: ChainChange,
): void {
  const done = new Set<string>();
  const mendAt = (node: NodeRef): void => {
    const owner = middle.owner(node);
    const key = nameKey(owner);
    if (done.has(key)) return;
    done.add(key);
    mend(middle, node, owner, ttl, change);
  };
  for (const { owner, roleBefore, roleAfter } of affected) {
    const isIn = isBearing(roleAfter);
    if (isIn) mendAt(middle.find(owner));
    else removeNsec(middle, owner, change);
    if (isIn !== isBearing(roleBefore)) mendAt(previousBearing(middle, owner));
  }
}

function isBearing(role: NodeRole | 'none'): boolean {
  return role !== 'none' && role !== 'empty' && role !== 'occluded';
}

function removeNsec(middle: ZoneReader, owner: Name, change: ChainChange): void {
  const node = middle.find(owner);
  if (node !== 0 && !bearsNsec(middle, node) && middle.rrset(node, TYPE.NSEC) !== 0) change.remove(owner, TYPE.NSEC);
}

function mend(middle: ZoneReader, node: NodeRef, owner: Name, ttl: number, change: ChainChange): void {
  const next = middle.owner(nextBearing(middle, owner));
  const types = new TypeSet();
  collectTypes(middle, node, roleOf(middle, node), types);
  if (middle.nodeFlags(node) & NODE.APEX) addApexTypes(middle, types);
  types.add(TYPE.NSEC);
  types.add(TYPE.RRSIG);
  const bitmap = new Uint8Array(MAX_BITMAP_LENGTH);
  const rdata = concatOctets([next, bitmap.subarray(0, types.write(bitmap, 0))]);
  const found = middle.rrset(node, TYPE.NSEC);
  if (found !== 0 && middle.ttl(found) === ttl && isSameRdataAs(middle, found, [rdata])) return;
  change.set({ owner, type: TYPE.NSEC, ttl, rdatas: [rdata] });
}

/** What signing puts at the apex is there already. */
export function addApexTypes(reader: ZoneReader, types: TypeSet): void {
  for (const type of [TYPE.DNSKEY, TYPE.NSEC3PARAM, TYPE.CDS, TYPE.CDNSKEY])
    if (reader.rrset(reader.apexNode, type) !== 0) types.add(type);
}
