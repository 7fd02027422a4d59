import { compareOctets, equalOctets } from '../base/octets.ts';
import type { RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

/** True when both RRsets have the same RDATA octet for octet; the store keeps RDATA in one order. */
export function isSameRdata(a: ZoneReader, rrsetOfA: RRsetRef, b: ZoneReader, rrsetOfB: RRsetRef): boolean {
  if (rrsetOfA === rrsetOfB) return true;
  if (a.rdataCount(rrsetOfA) !== b.rdataCount(rrsetOfB)) return false;
  let atB = b.firstRdata(rrsetOfB);
  for (let atA = a.firstRdata(rrsetOfA); atA !== 0; atA = a.nextRdata(atA)) {
    const length = a.rdataLength(atA);
    if (b.rdataLength(atB) !== length) return false;
    if (length > scratchOfA.length) enlarge(length);
    a.copyRdata(atA, scratchOfA, 0);
    b.copyRdata(atB, scratchOfB, 0);
    for (let i = 0; i < length; i++) if (scratchOfA[i] !== scratchOfB[i]) return false;
    atB = b.nextRdata(atB);
  }
  return true;
}

/** True when the RRset has exactly these RDATA, in whatever order. */
export function isSameRdataAs(reader: ZoneReader, rrset: RRsetRef, rdatas: readonly Uint8Array[]): boolean {
  if (reader.rdataCount(rrset) !== rdatas.length) return false;
  const found = reader.rdataAll(rrset).toSorted(compareOctets);
  const wanted = rdatas.toSorted(compareOctets);
  return found.every((rdata, i) => equalOctets(rdata, wanted[i]));
}

let scratchOfA = new Uint8Array(4096);
let scratchOfB = new Uint8Array(4096);

function enlarge(length: number): void {
  scratchOfA = new Uint8Array(length * 2);
  scratchOfB = new Uint8Array(length * 2);
}
