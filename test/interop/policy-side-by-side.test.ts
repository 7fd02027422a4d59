import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences } from './kasp-difference.ts';
import { SCENARIOS } from './kasp-scenarios.ts';
import { type Comparison, compareServers, DAY, type Keeping, type Scenario } from './kasp-side-by-side.ts';

/*
 * BIND's named and ours keep the same zone by the same policy under one clock, through whole rollovers: at each event the key files,
 * DNSKEY, CDS and CDNSKEY and who signs have to be the same, to the second.
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

for (const [name, scenario] of Object.entries(SCENARIOS))
  test(`${scenario.rows} ${name}: states, times, files and records as with BIND`, async () => {
    await check(scenario, 'debian', 'ours');
  });

test('a zone that BIND and we keep by turns goes on as if nothing had been, at each stage of ZSK and KSK rollovers', async () => {
  const scenario = { ...DISTINCT, turnsFrom: 25 * DAY };
  await check(scenario, 'debian', ['debian', 'by turns'], ['ours', 'by turns']);
});
