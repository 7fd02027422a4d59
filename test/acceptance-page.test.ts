import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import { acceptancePage } from '../scripts/acceptance.ts';

test('docs/acceptance.md names the tests that prove each row', () => {
  const page = fs.readFileSync('docs/acceptance.md', 'utf8');
  assert.equal(acceptancePage(page), page, 'run node scripts/acceptance.ts');
});

test('docs/acceptance.md has every row once', () => {
  const ids = fs.readFileSync('docs/acceptance.md', 'utf8').match(/^\| S-\d{3}/gm) ?? [];
  assert.equal(ids.length, 505);
  assert.equal(new Set(ids).size, 505);
});
