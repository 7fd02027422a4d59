import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FaultList } from '../../src/conf/fault.ts';
import { namedConfClauses } from '../../src/conf/grammar/named-conf.ts';
import { printTree, readTreeText } from '../../src/conf/syntax/read-tree.ts';
import type { MapValue } from '../../src/conf/syntax/tree.ts';
import { read } from './configurations.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const SAMPLE = `
options { directory "."; listen-on port 53 { 127.0.0.1; !10/8; { ::1; }; }; version "a\\"b"; recursion no;
  allow-transfer port 5 { key k; }; sig-validity-interval 3 2; max-journal-size 3m; notify explicit; };
acl a { 10/8; localhost; }; key k { algorithm hmac-sha256; secret "YWJj"; };
dnssec-policy p { keys { ksk key-directory lifetime P1Y algorithm 13; zsk lifetime 60d algorithm 13 256; };
  nsec3param iterations 0 optout no; signatures-jitter PT1H; cds-digest-types { 2; }; };
logging { channel c { file "x" versions 3 size 1k; severity debug 2; print-time local; }; category dnssec { c; }; };
controls { inet 127.0.0.1 port 953 allow { any; } keys { k; }; };
view v in { match-clients { a; }; zone "z.example" IN { type primary; file "z"; dnssec-policy p; inline-signing yes;
  also-notify { 1.2.3.4 port 5 key k; ::1; }; update-policy { grant k subdomain z A AAAA; deny * zonesub ANY; }; }; };
server ::/0 { bogus no; }; trust-anchors { . initial-ds 1 8 2 "AABB"; };
`;

/** Pieces that the grammar is made of, to reach deep places by chance. */
const WORDS = [
  ...'options zone view acl key { } { } ; ; ; ! / "x" "" any none port 53 10 10/8 ::1 1.2.3.4 yes no type primary'.split(
    ' ',
  ),
  ...'file keys csk lifetime unlimited algorithm 13 P1D 1w dnssec-policy logging channel category severity debug'.split(
    ' ',
  ),
  ...Object.keys(namedConfClauses),
  '/*',
  '*/',
  '//',
  '#',
  '\n',
  '"',
  '\\',
  'include',
];

const byWords = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((words) => words.join(' '));

/** The sample with some pieces cut out, doubled or replaced. */
const byMutation = fc
  .array(
    fc.record({ at: fc.nat(SAMPLE.length), length: fc.nat(20), by: fc.oneof(fc.string(), fc.constantFrom(...WORDS)) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((cuts) => cuts.reduce((text, { at, length, by }) => text.slice(0, at) + by + text.slice(at + length), SAMPLE));

const anyText = fc.oneof(byWords, byMutation, fc.string({ unit: 'binary', maxLength: 200 }).map(latin1));

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function parse(text: string): { tree: MapValue | undefined; faults: FaultList } {
  const faults = new FaultList();
  const tree = readTreeText('named.conf', text, namedConfClauses, { disk: MemoryDisk.readOnly({ 'x/y': '' }), faults });
  return { tree, faults };
}

/** The tree without places and without syntax objects, which are the same for the same names. */
function bare(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(([key, inside]) => [key, bare(inside)]);
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name !== 'position' && name !== 'spec');
  return Object.fromEntries(fields.map(([name, inside]) => [name, bare(inside)]));
}

/** Canonical text puts clauses in the order of the grammar, so trees are compared after sorting by name. */
function sorted(map: unknown): unknown {
  return JSON.parse(JSON.stringify(map), (_, value: unknown) => {
    const clauses = (value as { clauses?: { name: string }[] } | null)?.clauses;
    return clauses
      ? { ...(value as object), clauses: clauses.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name))) }
      : value;
  }) as unknown;
}

const comparable = (tree: MapValue): unknown => sorted(bareWithSizes(bare(tree)));
const bareWithSizes = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, inside: unknown) => (typeof inside === 'bigint' ? `${inside}n` : inside)),
  ) as unknown;

test('any text is a configuration or a list of faults, never a crash', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const { configuration, faults } = read(text);
      assert.ok(configuration || faults.some(({ severity }) => severity === 'error'));
      for (const { position } of faults) assert.ok(position.line >= 1 && position.column >= 1);
    }),
    { numRuns: 8000 },
  );
});

test('what was read is printed so that it reads back as the same tree', () => {
  let compared = 0;
  const roundTrip = (text: string): void => {
    const first = parse(text);
    if (!first.tree || first.faults.hasErrors) return;
    const printed = printTree(first.tree, namedConfClauses);
    const second = parse(printed);
    assert.ok(second.tree && !second.faults.hasErrors, `${second.faults.all[0]?.message}\n${printed}`);
    assert.deepEqual(comparable(second.tree), comparable(first.tree));
    assert.equal(printTree(second.tree, namedConfClauses), printed);
    compared++;
  };
  roundTrip(SAMPLE);
  assert.equal(compared, 1, 'the sample itself must be good');
  fc.assert(fc.property(anyText, roundTrip), { numRuns: 8000 });
  assert.ok(compared > 100, `only ${compared} texts were good`);
});

test('the work for hostile texts grows no faster than they do', () => {
  const size = 200_000;
  for (const text of [
    '{'.repeat(size),
    '/*'.repeat(size),
    '"\\'.repeat(size),
    'a '.repeat(size),
    'x;'.repeat(size),
    '\n'.repeat(size),
    `acl a {${'1.1.1.1;'.repeat(size / 10)}};`,
  ]) {
    const { faults } = parse(text);
    assert.ok(faults.all.length <= FaultList.LIMIT + 1);
  }
});
