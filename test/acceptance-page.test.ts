import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { acceptancePage, claims } from '../scripts/acceptance.ts';

test('docs/acceptance.md names the tests that prove each row', () => {
  const page = fs.readFileSync('docs/acceptance.md', 'utf8');
  assert.equal(acceptancePage(page), page, 'run node scripts/acceptance.ts');
});

test('docs/acceptance.md has every row once', () => {
  const ids = fs.readFileSync('docs/acceptance.md', 'utf8').match(/^\| S-\d{3}/gm) ?? [];
  assert.equal(ids.length, 505);
  assert.equal(new Set(ids).size, 505);
});

// The ids are put together so that this file itself claims nothing.
const [FIRST, SECOND] = ['901', '902'].map((number) => `S-${number}`);

test('titles claim rows whole or in part, wherever they stand', () => {
  const text = `test('${FIRST} ${SECOND} (part) one'); it(\`${SECOND} (part) two\`); const table = ['${FIRST} (part) three'];`;
  assert.deepEqual(
    [...claims(text)],
    [
      [FIRST, true],
      [SECOND, false],
    ],
  );
  assert.deepEqual([...claims(`// ${FIRST} in a comment, 'and (${SECOND}) within a string'`)], []);
});

test('a row proven in part keeps what the page says is missing, and asks for it', () => {
  const row = (state: string): string => `| ${FIRST} | a feature | ${state} |`;
  const proof = (whole: boolean) => new Map([[FIRST, { files: ['a.test.ts'], whole }]]);
  const part = row('part: `a.test.ts`; missing: the rest');
  assert.equal(acceptancePage(row('missing: the rest'), proof(false)), part);
  assert.equal(acceptancePage(part, proof(false)), part);
  assert.equal(acceptancePage(part, proof(true)), row('`a.test.ts`'));
  assert.equal(acceptancePage(part, new Map()), row('missing: the rest'));
  assert.throws(() => acceptancePage(row('`a.test.ts`'), proof(false)), /tests prove only part of S-901/);
  assert.throws(() => acceptancePage('', proof(true)), /does not have: S-901/);
});
