import { toBase32Hex } from '../base/base32hex.ts';
import { compareOctets } from '../base/octets.ts';
import { NSEC3_HASH_LENGTH } from '../crypto/nsec3-hash.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { FaultList } from './fault-list.ts';
import { nsec3At } from './nsec3-verifier.ts';

/**
 * Walks one NSEC3 chain: each record names the next one of the chain, the last names the first (RFC 5155 section 3.1.7), and
 * each belongs to a name of the zone.
 * @param accounted hashes that names of the zone have, 20 octets each, in any order
 */
export function verifyHashChain(
  reader: ZoneReader,
  param: Uint8Array,
  accounted: readonly Uint8Array[],
  faults: FaultList,
): void {
  const names = new Set<string>();
  for (const part of accounted)
    for (let at = 0; at < part.length; at += NSEC3_HASH_LENGTH)
      names.add(keyOf(part.subarray(at, at + NSEC3_HASH_LENGTH)));
  const nextAt = param.length + 1;
  let first: Uint8Array | undefined;
  let promised: { readonly from: Uint8Array; readonly next: Uint8Array } | undefined;
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) {
    const hash = new Uint8Array(NSEC3_HASH_LENGTH);
    reader.copyHash(node, hash, 0);
    const rdata = nsec3At(reader, node, param);
    if (!rdata) {
      otherChain(hash, faults);
      continue;
    }
    if (!names.has(keyOf(hash))) stray(hash, faults);
    if (promised) comparePromise(promised, hash, faults);
    first ??= hash;
    promised = { from: hash, next: rdata.slice(nextAt, nextAt + NSEC3_HASH_LENGTH) };
  }
  if (promised && first) comparePromise(promised, first, faults);
}

function comparePromise(promised: { from: Uint8Array; next: Uint8Array }, hash: Uint8Array, faults: FaultList): void {
  if (compareOctets(promised.next, hash) === 0) return;
  const [at, expected, found] = [promised.from, promised.next, hash].map(textOf);
  const text = `Break in NSEC3 chain at: ${at}\nExpected: ${expected}\nFound: ${found}`;
  faults.add({ code: 'NSEC3_NEXT_HASH', severity: 'error', owner: at, type: TYPE.NSEC3, text });
}

function stray(hash: Uint8Array, faults: FaultList): void {
  const text = `unexpected NSEC3 record ${textOf(hash)}: no name of the zone has this hash`;
  faults.add({ code: 'STRAY_NSEC3', severity: 'error', owner: textOf(hash), type: TYPE.NSEC3, text });
}

/** A record with other parameters than NSEC3PARAM: a chain that is being made or taken down, which servers do not use. */
function otherChain(hash: Uint8Array, faults: FaultList): void {
  const text = `NSEC3 record ${textOf(hash)} has other parameters than the zone's NSEC3PARAM`;
  faults.add({ code: 'NSEC3_PARAMETERS', severity: 'notice', owner: textOf(hash), type: TYPE.NSEC3, text });
}

function textOf(hash: Uint8Array): string {
  return toBase32Hex(hash).toUpperCase();
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1');
}
