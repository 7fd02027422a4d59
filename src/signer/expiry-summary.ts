import { TYPE } from '../wire/type-codes.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';

/*
 * When the first signature of a version expires. Each version that the signer makes is remembered with that time, or, after
 * an incremental update, with the version before's time when no new signature ends earlier: a bound that is never too
 * late. So an update and the timer after it cost no look at the zone; only a bound that has been reached does (and then
 * the update that follows has work anyway).
 *
 * A version's ref may be used again for another version later. Its serial and the signature over its SOA, which every new
 * version has anew, tell them apart.
 */
interface Summary {
  readonly fingerprint: string;
  readonly earliest: number;
  readonly isExact: boolean;
}

const summaries = new WeakMap<Arena, Map<VersionRef, Summary>>();
/** Versions remembered at most: the zones of a large server. The oldest are forgotten and, if need be, looked at again. */
const REMEMBERED = 65536;

/** @param earliest Unix seconds; Infinity when nothing is signed */
export function rememberEarliest(arena: Arena, version: VersionRef, earliest: number, isExact = true): void {
  let known = summaries.get(arena);
  if (!known) summaries.set(arena, (known = new Map<VersionRef, Summary>()));
  known.delete(version);
  known.set(version, { fingerprint: fingerprintOf(new ZoneReader(arena).open(version)), earliest, isExact });
  if (known.size > REMEMBERED) known.delete(known.keys().next().value!);
}

/** No signature of the version expires before this Unix time (Infinity: none at all); it may be a little early. */
export function earliestBound(arena: Arena, version: VersionRef): number {
  return recall(arena, version)?.earliest ?? exactEarliest(arena, version);
}

/** Earliest expiration of any signature, by a look at all of them unless it is remembered. Infinity for none. */
export function exactEarliest(arena: Arena, version: VersionRef): number {
  const known = recall(arena, version);
  if (known?.isExact) return known.earliest;
  const earliest = scanEarliest(new ZoneReader(arena).open(version));
  rememberEarliest(arena, version, earliest);
  return earliest;
}

function recall(arena: Arena, version: VersionRef): Summary | undefined {
  const known = summaries.get(arena)?.get(version);
  if (!known) return undefined;
  return known.fingerprint === fingerprintOf(new ZoneReader(arena).open(version)) ? known : undefined;
}

/** Tells versions apart whose refs are the same, one having taken the place of the other in the arena. */
export function fingerprintOf(reader: ZoneReader): string {
  const soa = reader.rrset(reader.apexNode, TYPE.SOA);
  const signature = soa === 0 ? undefined : reader.signaturesAll(soa)[0];
  const octets = signature ? Buffer.from(signature).toString('latin1') : '';
  return `${reader.serial} ${reader.nodeCount} ${reader.recordCount} ${Buffer.from(reader.apex).toString('latin1')} ${octets}`;
}

function scanEarliest(reader: ZoneReader): number {
  let earliest = Infinity;
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) earliest = Math.min(earliest, ofNode(reader, node));
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash())
    earliest = Math.min(earliest, ofNode(reader, node));
  return earliest;
}

function ofNode(reader: ZoneReader, node: number): number {
  let earliest = Infinity;
  for (let i = reader.rrsetCount(node) - 1; i >= 0; i--) {
    const rrset = reader.rrsetAt(node, i);
    for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
      earliest = Math.min(earliest, reader.signatureExpiration(at));
  }
  return earliest;
}
