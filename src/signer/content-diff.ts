import { withSoaSerial } from '../wire/rdata/soa.ts';
import { compareCanonicalNames, nameKey, type Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import { diffVersions } from '../zone/store/zone-diff.ts';
import type { NodeRef, RRsetRef, VersionRef } from '../zone/store/arena.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { equalOctets } from '../base/octets.ts';
import { isOwnedBySigner } from './node-role.ts';
import { isSameRdata } from './same-rdata.ts';

/** The RRset as the operator sees it: 0 for what signing owns and for signatures without their data. */
export function dataRRset(reader: ZoneReader, node: NodeRef, type: number): RRsetRef {
  if (node === 0 || isOwnedBySigner(type, isApex(reader, node))) return 0;
  const rrset = reader.rrset(node, type);
  return rrset !== 0 && reader.rdataCount(rrset) > 0 ? rrset : 0;
}

/** Types of the operator's data at a node, ascending. */
export function dataTypes(reader: ZoneReader, node: NodeRef): number[] {
  const types: number[] = [];
  if (node === 0) return types;
  const atApex = isApex(reader, node);
  for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    if (reader.rdataCount(rrset) > 0 && !isOwnedBySigner(reader.type(rrset), atApex)) types.push(reader.type(rrset));
  }
  return types;
}

export function isSameRRset(a: ZoneReader, rrsetOfA: RRsetRef, b: ZoneReader, rrsetOfB: RRsetRef): boolean {
  if (rrsetOfA === rrsetOfB) return true;
  if (rrsetOfA === 0 || rrsetOfB === 0 || a.ttl(rrsetOfA) !== b.ttl(rrsetOfB)) return false;
  if (a.type(rrsetOfA) === TYPE.SOA) return isSameSoa(a.rdataAll(rrsetOfA), b.rdataAll(rrsetOfB));
  return isSameRdata(a, rrsetOfA, b, rrsetOfB);
}

/** Serials are not compared: the signed version has its own. */
function isSameSoa(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && equalOctets(withSoaSerial(a[0], 0), withSoaSerial(b[0], 0));
}

/**
 * Names whose data differ between two versions, by a walk over both. At most `limit` + 1 of them are collected.
 * @returns owner names as in the version that has them, in canonical order
 */
export function changedNames(signed: ZoneReader, wanted: ZoneReader, limit: number): Name[] {
  const changed: Name[] = [];
  signed.first();
  wanted.first();
  let a = signed.next();
  let b = wanted.next();
  let ownerOfA = a && signed.owner(a);
  let ownerOfB = b && wanted.owner(b);
  while ((a !== 0 || b !== 0) && changed.length <= limit) {
    const order = a === 0 ? 1 : b === 0 ? -1 : compareCanonicalNames(ownerOfA as Name, ownerOfB as Name);
    if (
      order <= 0 && order === 0
        ? !isSameNode(signed, a, wanted, b)
        : hasData(order < 0 ? signed : wanted, order < 0 ? a : b)
    )
      changed.push((order < 0 ? ownerOfA : ownerOfB) as Name);
    if (order <= 0) {
      a = signed.next();
      ownerOfA = a && signed.owner(a);
    }
    if (order >= 0) {
      b = wanted.next();
      ownerOfB = b && wanted.owner(b);
    }
  }
  return changed;
}

/** The same from two unsigned versions that share pages: costs what changed. */
export function changedBetween(reader: ZoneReader, from: VersionRef, to: VersionRef): Name[] {
  const names = new Map<string, Name>();
  const note = (owner: Name, type: number): void => {
    if (type === TYPE.RRSIG || type === TYPE.NSEC || type === TYPE.NSEC3) return;
    const key = nameKey(owner);
    if (!names.has(key)) names.set(key, Uint8Array.from(owner) as unknown as Name);
  };
  diffVersions(reader.arena, from, to, { deleted: note, added: note });
  return [...names.values()].toSorted(compareCanonicalNames);
}

function hasData(reader: ZoneReader, node: NodeRef): boolean {
  return dataTypes(reader, node).length > 0;
}

function isSameNode(a: ZoneReader, nodeOfA: NodeRef, b: ZoneReader, nodeOfB: NodeRef): boolean {
  const atApex = isApex(a, nodeOfA);
  let i = nextData(a, nodeOfA, 0, atApex);
  let j = nextData(b, nodeOfB, 0, atApex);
  while (i >= 0 && j >= 0) {
    const rrsetOfA = a.rrsetAt(nodeOfA, i);
    const rrsetOfB = b.rrsetAt(nodeOfB, j);
    if (a.type(rrsetOfA) !== b.type(rrsetOfB) || !isSameRRset(a, rrsetOfA, b, rrsetOfB)) return false;
    i = nextData(a, nodeOfA, i + 1, atApex);
    j = nextData(b, nodeOfB, j + 1, atApex);
  }
  return i === j;
}

/** Index from `index` on of the next RRset of the operator's, -1 at the end. */
function nextData(reader: ZoneReader, node: NodeRef, index: number, atApex: boolean): number {
  for (const count = reader.rrsetCount(node); index < count; index++) {
    const rrset = reader.rrsetAt(node, index);
    if (reader.rdataCount(rrset) > 0 && !isOwnedBySigner(reader.type(rrset), atApex)) return index;
  }
  return -1;
}

function isApex(reader: ZoneReader, node: NodeRef): boolean {
  return (reader.nodeFlags(node) & NODE.APEX) !== 0;
}
