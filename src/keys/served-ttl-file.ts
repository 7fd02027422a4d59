import { latin1Octets, latin1Text } from '../base/octets.ts';
import type { ServedTtl } from '../policy/observations.ts';

/*
 * `<zone file>.signed.ttls`: TTLs that were served and may still be in caches, a line each, beside the zone whose keys wait for them.
 *
 *     ; TTLs of example.org/IN that caches may hold still, written by named
 *     dnskey 3600 now
 *     zone 86400 1764547200           86400 seconds, last served at that Unix time
 *     signatures 777600 now           no TTL: seconds that signatures of a retired key stay in the zone
 */

const KINDS: readonly ServedTtl['rrset'][] = ['dnskey', 'zone', 'ds', 'signatures'];
/** Octets; named writes far less. */
const LONGEST_FILE = 65_536;
/** RFC 2181 section 8. */
const MAX_TTL = 0x7fffffff;

/** The entries of a file, or the number of the line that is wrong. */
export function parseServedTtls(octets: Uint8Array): ServedTtl[] | number {
  const entries: ServedTtl[] = [];
  const lines = latin1Text(octets.subarray(0, LONGEST_FILE)).split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].replace(/;.*/, '').trim();
    if (line === '') continue;
    const match = /^(dnskey|zone|ds|signatures) (\d{1,10}) (now|\d{1,12})$/.exec(line);
    if (match === null || Number(match[2]) > MAX_TTL) return i + 1;
    const [, rrset, ttl, until] = match;
    const served = { rrset: rrset as ServedTtl['rrset'], ttl: Number(ttl) };
    entries.push({ ...served, until: until === 'now' ? undefined : Number(until) });
  }
  return entries;
}

/** @param label the zone, for people: "example.org/IN" */
export function formatServedTtls(entries: readonly ServedTtl[], label: string): Uint8Array {
  const lines = entries
    .toSorted((a, b) => KINDS.indexOf(a.rrset) - KINDS.indexOf(b.rrset) || b.ttl - a.ttl)
    .map(({ rrset, ttl, until }) => `${rrset} ${ttl} ${until ?? 'now'}`);
  return latin1Octets([`; TTLs of ${label} that caches may hold still, written by named`, ...lines, ''].join('\n'));
}
