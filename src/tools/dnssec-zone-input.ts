import { nameFromText } from '../wire/name-text.ts';
import type { Name } from '../wire/name.ts';
import { NO_CHECKS } from '../zone/checks/check-options.ts';
import { loadZone } from '../zone/load-zone.ts';
import { loadingThreads } from '../zone/parallel/parallel-scan.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { Fatal, type KeyToolContext } from './key-tool.ts';

/** The zone's name from -o, or from the file's name. @throws Fatal in BIND's words */
export function zoneOrigin(text: string): Name {
  const name = nameFromText(Buffer.from(text, 'utf8').toString('latin1'));
  if (typeof name === 'string') throw new Fatal(`failed converting name '${text}' to dns format: ${name}`);
  return name;
}

/**
 * Loads a zone file; what is wrong with it goes to standard error, line by line.
 * @throws Fatal "failed loading zone from 'file': reason"
 */
export function loadInput(
  program: string,
  store: ZoneStore,
  arena: Arena,
  input: { readonly file: string; readonly format: 'text' | 'raw' },
  context: KeyToolContext,
): VersionRef {
  const result = loadZone(
    store,
    { ...input, checks: NO_CHECKS, now: context.clock.now(), threads: loadingThreads() },
    { arena, disk: context.disk },
  );
  for (const fault of result.faults) context.output.complain(`${program}: ${fault.severity}: ${fault.message}\n`);
  if (result.version !== 0) return result.version;
  throw new Fatal(`failed loading zone from '${input.file}': ${result.failure ?? 'the zone is not usable, see above'}`);
}
