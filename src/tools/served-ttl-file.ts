import type { Disk } from '../base/disk.ts';
import { latin1Text } from '../base/octets.ts';
import type { ServedTtl } from '../policy/observations.ts';
import { Refusal } from './signet-context.ts';

/** Octets; named writes far less. */
const LONGEST_FILE = 65_536;
/** RFC 2181 section 8. */
const MAX_TTL = 0x7fffffff;

/**
 * The TTLs that named noted as served, from `<zone file>.signed.ttls`: lines of kind, TTL and "now" or the last time (Unix
 * seconds). None when there is no such file. @throws Refusal for a line that is none of these
 */
export function readServedTtls(file: string, disk: Disk): ServedTtl[] {
  const octets = disk.read(file);
  if (octets === undefined) return [];
  const lines = latin1Text(octets.subarray(0, LONGEST_FILE)).split('\n');
  return lines.flatMap((line, i) => {
    const text = line.replace(/;.*/, '').trim();
    if (text === '') return [];
    const [, rrset, ttl, until] = /^(dnskey|zone|ds|signatures) (\d{1,10}) (now|\d{1,12})$/.exec(text) ?? [];
    if (ttl === undefined || Number(ttl) > MAX_TTL)
      throw new Refusal(
        `${file}:${i + 1}: this is no line that named wrote: end named, remove the file, and start it: it makes the file anew`,
      );
    return { rrset: rrset as ServedTtl['rrset'], ttl: Number(ttl), until: until === 'now' ? undefined : Number(until) };
  });
}
