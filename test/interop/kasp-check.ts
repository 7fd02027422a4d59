import assert from 'node:assert/strict';
import { differences } from './kasp-difference.ts';
import { type Comparison, compareServers, type Keeping, type Scenario } from './kasp-side-by-side.ts';

function assertAgree(keepings: readonly Keeping[], { difference, made }: Comparison, wanted: readonly string[]): void {
  if (difference !== undefined) {
    const [first, ...rest] = difference.pictures;
    const names = keepings.map((keeping) => (typeof keeping === 'string' ? keeping : keeping.join(' ')));
    const texts = rest.map((picture, i) => [`${names[0]} <> ${names[i + 1]}`, ...differences(first, picture)]);
    assert.fail(`${difference.at} seconds after the start:\n${texts.flat().join('\n')}`);
  }
  assert.deepEqual(made.toSorted(), [...wanted].toSorted());
}

/** Keeps a zone so by all of them, and compares what they do. @throws AssertionError when they differ, or made other keys */
export async function check(scenario: Scenario, ...keepings: Keeping[]): Promise<void> {
  assertAgree(keepings, await compareServers(keepings, scenario), scenario.made);
}
