import fs from 'node:fs';
import path from 'node:path';

/** How often `octets` are in what the process has mapped writable. Needs root. @throws Error EACCES, EPERM, ENOENT */
export function countInMemory(pid: number, octets: Uint8Array): number {
  return countAllInMemory(pid, [octets])[0];
}

/** The same for several, in one pass. */
export function countAllInMemory(pid: number, wanted: readonly Uint8Array[]): number[] {
  const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
  const counts = wanted.map(() => 0);
  try {
    for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const region = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (region === null || line.endsWith('[vvar]')) continue;
      countInRegion(memory, BigInt(`0x${region[1]}`), BigInt(`0x${region[2]}`), wanted, counts);
    }
    return counts;
  } finally {
    fs.closeSync(memory);
  }
}

const PIECE = 1 << 20;

function countInRegion(
  memory: number,
  begin: bigint,
  end: bigint,
  wanted: readonly Uint8Array[],
  counts: number[],
): void {
  // Pieces overlap, so that nothing is missed between two.
  const buffer = Buffer.alloc(PIECE + Math.max(...wanted.map(({ length }) => length)) - 1);
  for (let at = begin; at < end; at += BigInt(PIECE)) {
    let read: number;
    try {
      read = fs.readSync(memory, buffer, 0, Math.min(buffer.length, Number(end - at)), at);
    } catch {
      continue; // unmapped meanwhile, or memory of a device
    }
    const piece = buffer.subarray(0, read);
    for (const [i, octets] of wanted.entries())
      for (let hit = piece.indexOf(octets); hit >= 0 && hit < PIECE; hit = piece.indexOf(octets, hit + 1)) counts[i]++;
  }
  buffer.fill(0);
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
