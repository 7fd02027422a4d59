import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { plan } from '../../../src/policy/plan.ts';
import type { History } from './history.ts';
import { runHistory } from './run-history.ts';
import { timeline } from './timeline.ts';

/*
 * Histories that once failed, as small as they could be made: each file says what went wrong. `npm run histories -- --json FILE` writes the
 * next one.
 */

const DIRECTORY = path.join(import.meta.dirname, 'found');

interface FoundHistory {
  readonly about: string;
  readonly history: History;
}

for (const file of readdirSync(DIRECTORY).toSorted()) {
  const { about, history } = JSON.parse(readFileSync(path.join(DIRECTORY, file), 'utf8')) as FoundHistory;
  test(`S-089 (part) a history that failed once: ${about}`, () => {
    if (runHistory(history, plan) !== undefined) assert.fail(`${file}\n${timeline(history, plan)}`);
  });
}

test('the files are there', () => {
  assert.ok(readdirSync(DIRECTORY).length >= 2);
});
