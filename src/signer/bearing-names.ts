import { LOWER, MAX_LABEL_LENGTH, MAX_NAME_LENGTH, parentName, uncheckedName, type Name } from '../wire/name.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { roleOf } from './node-role.ts';

/** Looks for the names that have an NSEC around a name, stepping over what is below cuts in one step. */

export function bearsNsec(reader: ZoneReader, node: NodeRef): boolean {
  if (node === 0) return false;
  const role = roleOf(reader, node);
  return role !== 'empty' && role !== 'occluded';
}

/** The last node before `name` that has an NSEC; there is always the apex before any other name. */
export function previousBearing(reader: ZoneReader, name: Name): NodeRef {
  let node = reader.predecessor(name);
  while (node !== 0) {
    const role = roleOf(reader, node);
    if (role === 'occluded') node = uncoveredAncestor(reader, node);
    else if (role === 'empty') node = reader.predecessor(reader.owner(node));
    else return node;
  }
  return lastBearing(reader);
}

/** The first node after `name` that has an NSEC; after the last one it is the apex (RFC 4034 section 4.1.1). */
export function nextBearing(reader: ZoneReader, name: Name): NodeRef {
  reader.seek(name);
  const start = reader.find(name);
  let node = reader.next();
  if (node === start && start !== 0) node = reader.next();
  while (node !== 0) {
    const role = roleOf(reader, node);
    if (role === 'occluded') {
      reader.seek(afterSubtree(reader.owner(uncoveredAncestor(reader, node))));
      node = reader.next();
    } else if (role === 'empty') node = reader.next();
    else return node;
  }
  return reader.apexNode;
}

function lastBearing(reader: ZoneReader): NodeRef {
  reader.last();
  let node = reader.previous();
  while (node !== 0) {
    const role = roleOf(reader, node);
    if (role === 'occluded') node = uncoveredAncestor(reader, node);
    else if (role === 'empty') node = reader.predecessor(reader.owner(node));
    else return node;
  }
  return reader.apexNode;
}

/** The delegation or DNAME that an occluded node is below. */
function uncoveredAncestor(reader: ZoneReader, node: NodeRef): NodeRef {
  let owner = reader.owner(node);
  for (;;) {
    owner = parentName(owner);
    const ancestor = reader.find(owner);
    if (ancestor !== 0 && roleOf(reader, ancestor) !== 'occluded') return ancestor;
  }
}

/**
 * A name that comes after all names below `name` and before everything else: its first label with a zero octet appended, or,
 * where that is too long, with its last octets raised. (The root and the apex are never asked for.)
 */
export function afterSubtree(name: Name): Name {
  const label = name.subarray(1, name[0] + 1);
  const rest = name.subarray(name[0] + 1);
  if (label.length < MAX_LABEL_LENGTH && name.length < MAX_NAME_LENGTH) {
    const after = new Uint8Array(name.length + 1);
    after[0] = label.length + 1;
    after.set(label, 1);
    after.set(rest, label.length + 2);
    return uncheckedName(after);
  }
  let keep = label.length;
  while (keep > 0 && label[keep - 1] === 0xff) keep--;
  // A label of 63 octets 0xff has nothing after it: go on after the parent's subtree.
  if (keep === 0) return afterSubtree(uncheckedName(Uint8Array.from(rest)));
  const after = new Uint8Array(1 + keep + rest.length);
  after[0] = keep;
  after.set(label.subarray(0, keep), 1);
  after[keep] = raised(label[keep - 1]);
  after.set(rest, keep + 1);
  return uncheckedName(after);
}

/** The next octet in canonical order, in which capitals count as small letters. */
function raised(octet: number): number {
  const next = LOWER[octet] + 1;
  return next >= 0x41 && next <= 0x5a ? 0x5b : next;
}
