import { SimulatedClock } from '../../src/base/clock.ts';
import { main } from '../../src/tools/signet.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

export const START = Date.UTC(2027, 0, 1) / 1000;
export const DAY = 86_400;

/** A disk with a named.conf, a zone file, and a key directory, in which nothing may be written. */
export function confDisk(configuration: string, files: Readonly<Record<string, string>> = {}): MemoryDisk {
  const disk = new MemoryDisk({ '/named.conf': configuration, '/zones/keys/.keep': '', ...files });
  disk.refusal = 'EROFS';
  return disk;
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `signet` on a disk in memory. */
export function signet(disk: MemoryDisk, words: readonly string[], now = START): Ran {
  let out = '';
  let err = '';
  const print = (text: string | Uint8Array): void => {
    out += typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
  };
  const output = { print, complain: (text: string) => void (err += text) };
  const clock = new SimulatedClock(now);
  const code = main(words, { output, disk, clock, makeArena: () => Arena.create(1 << 24) });
  return { code, out, err };
}

/** A zone with a policy of its own. */
export function conf(policy: string, more = ''): string {
  return `options { directory "/zones"; key-directory "keys"; };
${policy}
zone "dnssec.example" { type primary; file "dnssec.example.db"; dnssec-policy tested; inline-signing yes; };
${more}`;
}

export const SPLIT = `dnssec-policy tested { keys {
  ksk lifetime P1Y algorithm ecdsap256sha256; zsk lifetime P60D algorithm ecdsap256sha256; }; };`;
