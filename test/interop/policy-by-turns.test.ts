import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { check } from './kasp-check.ts';
import { SCENARIOS } from './kasp-scenarios.ts';
import { DAY } from './kasp-side-by-side.ts';

/* Servers that end, or are ended, in the middle of rollovers: another goes on with their files as if nothing had been. */

const DISTINCT = SCENARIOS['a ZSK and a KSK rollover with intervals that all differ'];

test('a zone that BIND and we keep by turns goes on as if nothing had been, at each stage of ZSK and KSK rollovers', async () => {
  const scenario = { ...DISTINCT, turnsFrom: 25 * DAY };
  await check(scenario, 'debian', ['debian', 'by turns'], ['ours', 'by turns']);
});

test('S-010 a named that is killed at each stage of ZSK and KSK rollovers goes on with the states that it had', async () => {
  await check(DISTINCT, 'ours', ['ours', 'killed']);
});

test('every scenario is compared', () => {
  const files = ['policy-side-by-side', 'policy-changes-side-by-side'];
  const texts = files
    .map((file) => fs.readFileSync(path.join(import.meta.dirname, `${file}.test.ts`), 'utf8'))
    .join('');
  assert.deepEqual(Object.keys(SCENARIOS).filter((name) => !texts.includes(`  '${name}':`)), []); // prettier-ignore
});
