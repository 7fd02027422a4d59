import { compareOctets, concatOctets, equalOctets } from '../base/octets.ts';
import { NSEC3_SHA1 } from '../crypto/nsec3-hash.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { SigningParameters } from './signing-parameters.ts';

/** An RRset that signing makes. */
export interface OwnRRset {
  readonly type: number;
  readonly ttl: number;
  /** In canonical order, no two alike. */
  readonly rdatas: readonly Uint8Array[];
}

/** What the apex shows besides the zone's own data and NSEC, by ascending type. */
export function apexRRsets(parameters: SigningParameters): OwnRRset[] {
  const { dnskey, cds, cdnskey, ttl } = parameters.keyRRsets;
  const all: OwnRRset[] = [
    { type: TYPE.DNSKEY, ttl, rdatas: inOrder(dnskey) },
    { type: TYPE.NSEC3PARAM, ttl: 0, rdatas: nsec3paramOf(parameters) },
    { type: TYPE.CDS, ttl, rdatas: inOrder(cds) },
    { type: TYPE.CDNSKEY, ttl, rdatas: inOrder(cdnskey) },
  ];
  return all.filter(({ rdatas }) => rdatas.length > 0);
}

/**
 * RFC 5155 section 4: hash algorithm, flags, iterations, salt length, salt. The flags are zero even when the chain has
 * opt-out (section 4.1.2); TTL 0, as BIND publishes it, because only servers of the zone look at it.
 */
function nsec3paramOf({ denial }: SigningParameters): Uint8Array[] {
  return denial.kind === 'nsec3' ? [nsec3Head(0, denial.iterations, denial.salt)] : [];
}

/** The first fields of NSEC3 RDATA, and all of NSEC3PARAM's. */
export function nsec3Head(flags: number, iterations: number, salt: Uint8Array): Uint8Array {
  const head = new Uint8Array([NSEC3_SHA1, flags, iterations >> 8, iterations & 0xff, salt.length]);
  return concatOctets([head, salt]);
}

function inOrder(rdatas: readonly Uint8Array[]): Uint8Array[] {
  const sorted = rdatas.toSorted(compareOctets);
  return sorted.filter((rdata, i) => i === 0 || !equalOctets(rdata, sorted[i - 1]));
}
