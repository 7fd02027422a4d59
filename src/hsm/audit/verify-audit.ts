import type { KeyObject } from 'node:crypto';
import { readAuditHead } from './audit-head.ts';
import { FIRST_PREVIOUS, hashOfLine, readAuditLine } from './audit-line.ts';

/** Something that must not be so: `file` and `line` (from 1) say where. */
export interface AuditFault {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export interface AuditVerdict {
  readonly lines: number;
  /** Numbers of the first and the last line; undefined when there is none. */
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly faults: readonly AuditFault[];
}

/** A message for each of a million broken lines helps nobody. */
const MOST_FAULTS = 100;

/**
 * Checks files of an audit log, oldest first: signatures, order and chain. Finds lines that were changed, deleted, inserted, put in another
 * order or cut off.
 * @param head content of audit.head: without it, lines cut off at the end cannot be seen
 * @param isWhole the first file is the beginning of all; else the chain begins with whatever the first line says
 */
export function verifyAudit(
  files: readonly { readonly name: string; readonly octets: Uint8Array }[],
  key: KeyObject,
  head: Uint8Array | undefined,
  isWhole: boolean,
): AuditVerdict {
  const faults: AuditFault[] = [];
  let lines = 0;
  let first: number | undefined;
  let last: number | undefined;
  let prev: string | undefined = isWhole ? FIRST_PREVIOUS : undefined;
  let place = { file: '', line: 0 };
  for (const { name, octets } of files) {
    const texts = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8').split('\n');
    const rest = texts.pop() ?? '';
    for (const [i, text] of texts.entries()) {
      place = { file: name, line: i + 1 };
      lines++;
      const parsed = readAuditLine(text, key);
      const expected = last === undefined ? (isWhole ? 1 : undefined) : last + 1;
      if ('fault' in parsed) {
        faults.push({ ...place, text: parsed.fault });
        // What follows is measured by what this line should have been.
        if (expected !== undefined) last = expected;
      } else {
        if (expected !== undefined && parsed.n !== expected)
          faults.push({ ...place, text: orderFault(parsed.n, expected) });
        else if (prev !== undefined && parsed.prev !== prev)
          faults.push({
            ...place,
            text: 'it does not follow from the line before: that one was changed, put in or taken out',
          });
        first ??= parsed.n;
        last = parsed.n;
      }
      prev = hashOfLine(text);
    }
    if (rest !== '') faults.push({ file: name, line: texts.length + 1, text: 'it was cut in the middle of the line' });
    if (faults.length > MOST_FAULTS) break;
  }
  if (head !== undefined && faults.length <= MOST_FAULTS) faults.push(...headFaults(head, key, last, prev, place));
  return { lines, first, last, faults };
}

function orderFault(n: number, expected: number): string {
  if (n > expected) {
    const missing = n - expected === 1 ? `line number ${expected} is` : `lines number ${expected} to ${n - 1} are`;
    return `it has number ${n}: ${missing} missing before it`;
  }
  return `it has number ${n} where ${expected} belongs: it stands here a second time or in the wrong order`;
}

function headFaults(
  octets: Uint8Array,
  key: KeyObject,
  last: number | undefined,
  prev: string | undefined,
  place: { readonly file: string; readonly line: number },
): AuditFault[] {
  const at = { file: place.file, line: place.line + 1 };
  const head = readAuditHead(octets, key);
  if (head === undefined)
    return [{ ...at, text: 'the head is damaged: whether lines were cut off here cannot be told' }];
  if ((last ?? 0) < head.n)
    return [{ ...at, text: `lines number ${(last ?? 0) + 1} to ${head.n} were cut off at the end` }];
  if (last === head.n && prev !== head.hash) return [{ ...place, text: 'it is not the line that the head knows' }];
  return [];
}
