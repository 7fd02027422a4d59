import fc from 'fast-check';
import { SOA } from './fixture.ts';

/** Labels that collide often, so that edits meet cuts, wildcards and empty non-terminals; some odd in order or case. */
const label = fc.constantFrom('a', 'b', 'B', 'c', '*', '\\000', '\\255', 'a\\000', 'x\\.y', '-');
const owner = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const DIGEST = '0123456789012345678901234567890123456789012345678901234567890123';

/** What may stand at a name; more than one line where one makes little sense without the other. */
const content = fc.constantFrom<readonly string[]>(
  ['A 10.0.0.1'],
  ['A 10.0.0.1', 'A 10.0.0.2'],
  ['TXT "x"', 'AAAA 2001:db8::1'],
  ['MX 10 Mail.Example.', 'TYPE65280 \\# 2 abcd'],
  ['NS ns.other.'],
  ['NS ns.other.', 'NS Ns.b'],
  ['NS ns.other.', `DS 1 13 2 ${DIGEST}`],
  ['NS ns.other.', 'A 10.0.0.9'],
  ['DNAME other.'],
  ['DNAME other.', 'A 10.0.0.3'],
);
const ttl = fc.constantFrom(300, 3600);

/** A name's lines, keyed by the name in small letters so that a zone holds one content a name. */
const entry = fc.tuple(owner, ttl, content);
type Entry = readonly [string, number, readonly string[]];

/** A sequence of contents of one zone, each the one before with some names set or removed. */
export const zoneHistory = fc
  .tuple(
    fc.array(entry, { maxLength: 25 }),
    fc.array(
      fc.record({
        set: fc.array(entry, { maxLength: 3 }),
        remove: fc.array(fc.nat(), { maxLength: 3 }),
        apex: fc.option(fc.constantFrom('TXT "apex"', 'DNAME other.', 'A 10.9.9.9'), { freq: 6 }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([first, steps]) => contents(first, steps));

function contents(
  first: readonly Entry[],
  steps: readonly { set: readonly Entry[]; remove: readonly number[]; apex: string | null }[],
): string[][] {
  const zone = new Map<string, Entry>();
  const history: string[][] = [];
  const put = (one: Entry): void => void zone.set(one[0].toLowerCase(), one);
  first.forEach(put);
  history.push(linesOf(zone, null));
  for (const { set, remove, apex } of steps) {
    for (const index of remove) {
      const names = [...zone.keys()];
      if (names.length > 0) zone.delete(names[index % names.length]);
    }
    set.forEach(put);
    history.push(linesOf(zone, apex));
  }
  return history;
}

function linesOf(zone: ReadonlyMap<string, Entry>, apex: string | null): string[] {
  const lines = [SOA, '@ 3600 NS ns.other.'];
  if (apex !== null) lines.push(`@ 3600 ${apex}`);
  for (const [name, seconds, datas] of zone.values())
    for (const data of datas) lines.push(`${name} ${seconds} ${data}`);
  return lines;
}
