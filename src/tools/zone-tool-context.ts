import dns from 'node:dns/promises';
import fs from 'node:fs';
import { SystemClock } from '../base/clock.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import type { AddressLookup } from '../zone/checks/outside-names.ts';
import { Arena } from '../zone/store/arena.ts';
import type { ZoneToolContext } from './zone-tool.ts';

/** The machine's own resolver, as getaddrinfo(3) has it: what BIND's tools ask too. */
export const systemLookup: AddressLookup = async (name) => {
  try {
    const found = await dns.lookup(name, { all: true, hints: 0 });
    return { kind: 'addresses', addresses: found.map(({ address }) => address) };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    return code === 'ENOTFOUND' || code === 'ENODATA' ? { kind: 'none' } : { kind: 'failed', reason: code };
  }
};

export function isSpecialFile(path: string): boolean {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

export function processZoneToolContext(): ZoneToolContext {
  return {
    output: processOutput,
    disk: new NodeDisk(),
    clock: new SystemClock(),
    arena: Arena.create(),
    lookup: systemLookup,
    isSpecialFile,
    readInput: () => fs.readFileSync(0),
  };
}
