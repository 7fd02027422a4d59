import { LOWER, nameLengthAt } from '../../wire/name.ts';
import { nameToShortText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import { typeText } from '../../wire/type-text.ts';
import type { NodeRef } from '../store/arena.ts';
import type { ZoneReader } from '../store/zone-reader.ts';
import type { CheckMode } from './check-options.ts';
import type { FaultList } from './fault-list.ts';

/**
 * Types with names whose letters canonical form leaves as they are (RFC 6840 section 5.1), with the octets before the name:
 * two such records can differ for DNSSEC in what plain DNS does not tell apart.
 */
const NAME_AT: ReadonlyMap<number, number> = new Map([
  [TYPE.NSEC, 0],
  [107, 2], // LP
  [260, 2], // AMTRELAY, where the relay is a name
]);
const AMTRELAY = 260;

/** Finds RRsets with records that differ only in the case of a name. */
export function checkDuplicates(reader: ZoneReader, mode: CheckMode, faults: FaultList): void {
  if (mode === 'ignore') return;
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) checkNode(reader, node, mode, faults);
}

function checkNode(reader: ZoneReader, node: NodeRef, mode: 'fail' | 'warn', faults: FaultList): void {
  const count = reader.rrsetCount(node);
  for (let i = 0; i < count; i++) {
    const rrset = reader.rrsetAt(node, i);
    const type = reader.type(rrset);
    const at = NAME_AT.get(type);
    if (at === undefined || reader.rdataCount(rrset) < 2) continue;
    const seen = new Set<string>();
    for (const rdata of reader.rdataAll(rrset)) seen.add(foldedKey(type, rdata, at));
    if (seen.size === reader.rdataCount(rrset)) continue;
    const owner = nameToShortText(reader.owner(node));
    const severity = mode === 'fail' ? 'error' : 'warning';
    faults.add(severity, 'ZONE_DUPLICATE', `${owner}/${typeText(type)} has semantically identical records`);
  }
}

function foldedKey(type: number, rdata: Uint8Array, at: number): string {
  const folded = rdata.slice();
  // RFC 8777 section 4.2.3: type 3 of relay is a name.
  const hasName = type !== AMTRELAY || (rdata[1] & 0x7f) === 3;
  const end = hasName ? at + nameLengthAt(rdata, at) : at;
  for (let i = at; i < end; i++) folded[i] = LOWER[folded[i]];
  return Buffer.from(folded).toString('latin1');
}
