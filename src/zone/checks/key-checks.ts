import { DNSSEC_ALGORITHMS } from '../../wire/tables/dnssec-algorithms.ts';
import { TYPE } from '../../wire/type-codes.ts';
import { checksumTag } from '../../wire/rdata/key-fields.ts';
import type { ZoneReader } from '../store/zone-reader.ts';
import type { FaultList } from './fault-list.ts';

/** BIND 9.18 tells of NSEC3 iterations above this (RFC 9276 section 3.1 wants 0). */
const NSEC3_ITERATIONS_TOLD = 150;

/** RFC 8624 section 3.1 and RFC 9905: must not be used for signing; BIND calls them deprecated. */
const DEPRECATED = new Set([1, 3, 5, 6, 7, 12]);
const RSA = new Set([1, 5, 7, 8, 10]);

/** Checks what the apex shows of DNSSEC: DNSKEY, CDS and CDNSKEY, NSEC3PARAM. */
export function checkApexKeys(reader: ZoneReader, faults: FaultList): void {
  const keys = apexRdata(reader, TYPE.DNSKEY);
  checkDnskeys(keys, faults);
  checkNsec3param(apexRdata(reader, TYPE.NSEC3PARAM), faults);
  if (!areCdsConsistent(reader, keys)) faults.add('error', 'ZONE_KEYS', 'CDS/CDNSKEY consistency checks failed');
}

function apexRdata(reader: ZoneReader, type: number): Uint8Array[] {
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}

function checkDnskeys(keys: readonly Uint8Array[], faults: FaultList): void {
  let usable = 0;
  for (const key of keys) {
    const algorithm = key[3];
    const name = algorithmText(algorithm);
    // RFC 3110 section 2: an exponent of 3 gives forged signatures a chance where padding is checked carelessly.
    if (RSA.has(algorithm) && key[4] === 1 && key[5] === 3) {
      faults.add('warning', 'ZONE_KEYS', `weak ${name} (${algorithm}) key found (exponent=3, id=${checksumTag(key)})`);
    }
    if (DEPRECATED.has(algorithm)) {
      faults.add('warning', 'ZONE_KEYS', `deprecated DNSKEY algorithm found: ${algorithm} (${name})`);
    } else usable++;
  }
  if (keys.length > 0 && usable === 0) faults.add('warning', 'ZONE_KEYS', 'all DNSKEY algorithms found are deprecated');
}

function algorithmText(algorithm: number): string {
  return DNSSEC_ALGORITHMS.find((row) => row[0] === algorithm)?.[1] ?? String(algorithm);
}

function checkNsec3param(rdatas: readonly Uint8Array[], faults: FaultList): void {
  let supported = 0;
  for (const rdata of rdatas) {
    const iterations = (rdata[2] << 8) | rdata[3];
    if (rdata[0] !== 1) faults.add('warning', 'ZONE_NSEC3PARAM', `unsupported nsec3 hash algorithm: ${rdata[0]}`);
    else supported++;
    if (iterations > NSEC3_ITERATIONS_TOLD) {
      const what = `excessive NSEC3PARAM iterations ${iterations} > ${NSEC3_ITERATIONS_TOLD}`;
      faults.add('warning', 'ZONE_NSEC3PARAM', what);
    }
  }
  if (rdatas.length > 0 && supported === 0) faults.add('error', 'ZONE_NSEC3PARAM', 'no supported nsec3 hash algorithm');
}

/**
 * Each algorithm in CDS and CDNSKEY is one of the DNSKEY RRset, as BIND wants it: which key is meant is not compared, for
 * RFC 7344 section 4.1 lets a zone ask for the DS of a key that is still to come. RFC 8078 section 4: the record that asks
 * for removal stands alone.
 */
function areCdsConsistent(reader: ZoneReader, keys: readonly Uint8Array[]): boolean {
  const algorithms = new Set(keys.map((key) => key[3]));
  return (
    isConsistent(apexRdata(reader, TYPE.CDS), 2, algorithms) &&
    isConsistent(apexRdata(reader, TYPE.CDNSKEY), 3, algorithms)
  );
}

/** @param algorithmAt octet of the algorithm; 0 there asks for removal */
function isConsistent(rdatas: readonly Uint8Array[], algorithmAt: number, algorithms: ReadonlySet<number>): boolean {
  const removals = rdatas.filter((rdata) => rdata[algorithmAt] === 0);
  if (removals.length > 0) return removals.length === rdatas.length;
  return rdatas.every((rdata) => algorithms.has(rdata[algorithmAt]));
}
