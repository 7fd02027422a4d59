import { TYPE } from '../../wire/type-codes.ts';
import type { Name } from '../../wire/name.ts';
import type { NodeRef } from '../store/arena.ts';
import type { ZoneReader } from '../store/zone-reader.ts';

/** Records that must not be together. */
export interface OwnerConflict {
  readonly owner: Name;
  readonly kind: 'CNAME and other data' | 'multiple RRs of singleton type';
  /** For singletons: the type that has several records. */
  readonly type: number;
}

/** Types that may stand beside a CNAME (RFC 4035 section 2.5, RFC 2535 section 2.3.5). */
const BESIDE_CNAME = new Set<number>([TYPE.CNAME, TYPE.NSEC, TYPE.RRSIG, TYPE.KEY, TYPE.SIG, TYPE.NXT]);

const MAX_CONFLICTS = 100;

/** Owners where an alias has other data (RFC 1034 section 3.6.2), and several CNAME or DNAME records (RFC 2181 section 10.1). */
export function findOwnerConflicts(reader: ZoneReader): OwnerConflict[] {
  const conflicts: OwnerConflict[] = [];
  reader.first();
  for (let node = reader.next(); node !== 0 && conflicts.length < MAX_CONFLICTS; node = reader.next()) {
    const count = reader.rrsetCount(node);
    for (let i = 0; i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      if (type !== TYPE.CNAME && type !== TYPE.DNAME) continue;
      if (reader.rdataCount(rrset) > 1) {
        conflicts.push({ owner: reader.owner(node), kind: 'multiple RRs of singleton type', type });
      }
      if (type === TYPE.CNAME && reader.rdataCount(rrset) > 0 && hasOtherData(reader, node)) {
        conflicts.push({ owner: reader.owner(node), kind: 'CNAME and other data', type });
      }
    }
  }
  return conflicts;
}

function hasOtherData(reader: ZoneReader, node: NodeRef): boolean {
  const count = reader.rrsetCount(node);
  for (let i = 0; i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    if (reader.rdataCount(rrset) > 0 && !BESIDE_CNAME.has(reader.type(rrset))) return true;
  }
  return false;
}

/** True when a record of this type makes an alias a conflict. */
export function conflictsWithAlias(type: number): boolean {
  return !BESIDE_CNAME.has(type);
}
