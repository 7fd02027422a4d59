import fs from 'node:fs';
import path from 'node:path';

/** How often `octets` are in what the process has mapped writable. Needs root. @throws Error EACCES, EPERM, ENOENT */
export function countInMemory(pid: number, octets: Uint8Array): number {
  const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
  try {
    let found = 0;
    for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const region = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (region === null || line.endsWith('[vvar]')) continue;
      found += countInRegion(memory, BigInt(`0x${region[1]}`), BigInt(`0x${region[2]}`), octets);
    }
    return found;
  } finally {
    fs.closeSync(memory);
  }
}

const PIECE = 1 << 20;

function countInRegion(memory: number, begin: bigint, end: bigint, octets: Uint8Array): number {
  // Pieces overlap, so that nothing is missed between two.
  const buffer = Buffer.alloc(PIECE + octets.length - 1);
  let found = 0;
  for (let at = begin; at < end; at += BigInt(PIECE)) {
    const length = Math.min(buffer.length, Number(end - at));
    let read: number;
    try {
      read = fs.readSync(memory, buffer, 0, length, at);
    } catch {
      continue; // unmapped meanwhile, or memory of a device
    }
    for (
      let hit = buffer.subarray(0, read).indexOf(octets);
      hit >= 0;
      hit = buffer.subarray(0, read).indexOf(octets, hit + 1)
    )
      if (hit < PIECE) found++;
  }
  buffer.fill(0);
  return found;
}

/** Files under `directory` that hold `octets`, as they are or as text. */
export function filesWith(directory: string, octets: Uint8Array): string[] {
  const secret = Buffer.from(octets);
  const forms = [secret, ...['hex', 'base64', 'base64url'].map((form) => Buffer.from(secret.toString(form as 'hex')))];
  forms.push(Buffer.from(secret.toString('hex').toUpperCase()));
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => forms.some((form) => fs.readFileSync(file).includes(form)));
}
