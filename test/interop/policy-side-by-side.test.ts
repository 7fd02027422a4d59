import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences } from './kasp-difference.ts';
import { SCENARIOS } from './kasp-scenarios.ts';
import { type Comparison, compareServers, DAY, type Keeping, type Scenario } from './kasp-side-by-side.ts';

/*
 * BIND's named and ours keep the same zone by the same policy under one clock, through whole rollovers: at each event the key files,
 * DNSKEY, CDS and CDNSKEY and who signs have to be the same, to the second, and so has what `rndc dnssec -status` says of each key.
 */

const DISTINCT = SCENARIOS['a ZSK and a KSK rollover with intervals that all differ'];

function assertAgree(keepings: readonly Keeping[], { difference, made }: Comparison, wanted: readonly string[]): void {
  if (difference !== undefined) {
    const [first, ...rest] = difference.pictures;
    const names = keepings.map((keeping) => (typeof keeping === 'string' ? keeping : keeping.join(' ')));
    const texts = rest.map((picture, i) => [`${names[0]} <> ${names[i + 1]}`, ...differences(first, picture)]);
    assert.fail(`${difference.at} seconds after the start:\n${texts.flat().join('\n')}`);
  }
  assert.deepEqual(made.toSorted(), [...wanted].toSorted());
}

async function check(scenario: Scenario, ...keepings: Keeping[]): Promise<void> {
  assertAgree(keepings, await compareServers(keepings, scenario), scenario.made);
}

test("two of Debian's named agree, so what differs is not the harness", async () => {
  await check(DISTINCT, 'debian', 'debian');
});

/** Titles, by the names of scenarios. */
const TITLES: Readonly<Record<string, string>> = {
  'the policy default': 'S-031 the policy default',
  'ZSK and KSK rollovers': 'S-069 (part) S-070 (part) S-071 (part) S-082 (part) S-085 (part) ZSK and KSK rollovers',
  'a ZSK and a KSK rollover with intervals that all differ':
    'S-055 (part) S-056 (part) S-057 (part) intervals that all differ',
  'short lifetimes': 'S-070 (part) S-071 (part) short lifetimes',
  'a CSK rollover': 'S-072 (part) a CSK rollover',
  'a KSK rollover that the parent never follows': 'S-071 (part) a KSK rollover that the parent never follows',
  'another algorithm for a CSK': 'S-089 (part) another algorithm for a CSK',
  'another algorithm for KSK and ZSK': 'S-089 (part) another algorithm for KSK and ZSK',
  'another size of a CSK': 'S-089 (part) another size of a CSK',
  'other intervals in the middle of a ZSK rollover': 'S-089 (part) other intervals in the middle of a ZSK rollover',
  'back to unsigned': 'S-065 (part) S-087 (part) back to unsigned',
  'from one CSK to KSK and ZSK': 'S-089 (part) from one CSK to KSK and ZSK',
  'rollovers that an operator asks for': 'S-083 (part) rollovers that an operator asks for',
  'a CSK rollover that an operator asks for': 'S-084 (part) a CSK rollover that an operator asks for',
};

test('every scenario is compared', () => assert.deepEqual(Object.keys(TITLES), Object.keys(SCENARIOS)));

for (const [name, title] of Object.entries(TITLES))
  test(`${title}: states, times, files, records and status as with BIND`, async () => {
    await check(SCENARIOS[name], 'debian', 'ours');
  });

test('a zone that BIND and we keep by turns goes on as if nothing had been, at each stage of ZSK and KSK rollovers', async () => {
  const scenario = { ...DISTINCT, turnsFrom: 25 * DAY };
  await check(scenario, 'debian', ['debian', 'by turns'], ['ours', 'by turns']);
});

test('S-010 a named that is killed at each stage of ZSK and KSK rollovers goes on with the states that it had', async () => {
  await check(DISTINCT, 'ours', ['ours', 'killed']);
});
