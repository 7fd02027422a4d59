import type { Disk } from '../base/disk.ts';
import { parseServedTtls } from '../keys/served-ttl-file.ts';
import type { ServedTtl } from '../policy/observations.ts';
import { Refusal } from './signet-context.ts';

/** The TTLs that named noted as served; none when there is no such file. @throws Refusal for a file that named did not write */
export function readServedTtls(file: string, disk: Disk): ServedTtl[] {
  const octets = disk.read(file);
  if (octets === undefined) return [];
  const entries = parseServedTtls(octets);
  if (typeof entries !== 'number') return entries;
  throw new Refusal(
    `${file}:${entries}: this is no line that named wrote: end named, remove the file, and start it: it makes the file anew`,
  );
}
