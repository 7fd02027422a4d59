import type { Disk } from '../base/disk.ts';
import type { HistoryPosition } from '../history/history-follower.ts';
import { Refusal } from './signet-context.ts';

/*
 * How far `signet watch` has told of events, between two runs. One line of JSON, replaced in one step after each event that was told:
 *
 *     {"format":"signet-watch","version":1,"id":1234,"at":1800000000}
 */

/** Undefined: the file is not there yet. @throws Refusal when it says something else, DiskError */
export function readPosition(file: string, disk: Disk): HistoryPosition | undefined {
  const octets = disk.read(file);
  if (octets === undefined) return undefined;
  const position = parse(new TextDecoder().decode(octets));
  if (position === undefined)
    throw new Refusal(
      `${file}: this is no position of signet watch; name another file with --state, or remove it and begin with --since`,
    );
  return position;
}

/** Durable on return. @throws DiskError */
export function writePosition(file: string, { id, at }: HistoryPosition, disk: Disk): void {
  const text = `${JSON.stringify({ format: 'signet-watch', version: 1, id, at })}\n`;
  disk.replace(file, new TextEncoder().encode(text), 0o644);
}

function parse(text: string): HistoryPosition | undefined {
  try {
    const { format, version, id, at } = JSON.parse(text) as Record<string, unknown>;
    const isOurs = format === 'signet-watch' && version === 1;
    return isOurs && isNumber(id) && isNumber(at) ? { id, at } : undefined;
  } catch {
    return undefined;
  }
}

const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
