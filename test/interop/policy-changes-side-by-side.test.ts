import { test } from 'node:test';
import { check } from './kasp-check.ts';
import { SCENARIOS } from './kasp-scenarios.ts';

/* As in policy-side-by-side.test.ts, for zones that get another policy while they live. */

/** Titles, by the names of scenarios. */
const TITLES: Readonly<Record<string, string>> = {
  'another algorithm for a CSK': 'S-089 (part) another algorithm for a CSK',
  'another algorithm for KSK and ZSK': 'S-089 (part) another algorithm for KSK and ZSK',
  'another size of a CSK': 'S-089 (part) another size of a CSK',
  'other intervals in the middle of a ZSK rollover': 'S-089 (part) other intervals in the middle of a ZSK rollover',
  'back to unsigned': 'S-065 (part) S-087 (part) back to unsigned',
  'from one CSK to KSK and ZSK': 'S-089 (part) from one CSK to KSK and ZSK',
};

for (const [name, title] of Object.entries(TITLES))
  test(`${title}: states, times, files, records and status as with BIND`, () =>
    check(SCENARIOS[name], 'debian', 'ours'));
