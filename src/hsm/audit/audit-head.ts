import { sign, verify, type KeyObject } from 'node:crypto';
import type { Disk } from '../../base/disk.ts';

/*
 * The head: how far the log goes, so that lines cut off at its end are missed. Two slots of 256 octets are written in turn, so that a
 * write that a crash tears leaves the other one:
 *
 *   "<n> <hash of line n, hexadecimal> <Ed25519 over what is before, base64>\n", filled up with spaces
 */

const SLOT = 256;

/** The last line that was written. */
export interface AuditHead {
  readonly n: number;
  readonly hash: string;
}

/** Written without waiting for the disk: after a crash the log may be ahead of it, never behind. */
export function writeAuditHead(file: string, head: AuditHead, key: KeyObject, disk: Disk): void {
  const signed = `${head.n} ${head.hash}`;
  const text = `${signed} ${sign(null, Buffer.from(signed), key).toString('base64')}`;
  const slot = Buffer.from(`${text.padEnd(SLOT - 1)}\n`, 'latin1');
  let handle = disk.openUpdate(file);
  if (handle === undefined) {
    disk.replace(file, Buffer.alloc(2 * SLOT, ' '), 0o600);
    handle = disk.openUpdate(file);
  }
  try {
    handle?.write((head.n % 2) * SLOT, slot);
  } finally {
    handle?.close();
  }
}

/** The later one of the slots whose signatures fit; undefined when none does. */
export function readAuditHead(octets: Uint8Array, key: KeyObject): AuditHead | undefined {
  let best: AuditHead | undefined;
  for (const slot of [octets.subarray(0, SLOT), octets.subarray(SLOT, 2 * SLOT)]) {
    const text = Buffer.from(slot).toString('latin1');
    const [, signed, n, hash, signature] = /^((\d{1,15}) ([0-9a-f]{64})) (\S+) *\n$/.exec(text) ?? [];
    if (signed === undefined) continue;
    if (!verify(null, Buffer.from(signed), key, Buffer.from(signature, 'base64'))) continue;
    if (best === undefined || Number(n) > best.n) best = { n: Number(n), hash };
  }
  return best;
}
