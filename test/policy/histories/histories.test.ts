import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan } from '../../../src/policy/plan.ts';
import { FAULTS } from './faulty-planners.ts';
import { runHistory } from './run-history.ts';
import { search } from './search.ts';
import { timeline } from './timeline.ts';

const RUNS = 10_000;

/**
 * The same histories each time: a test says what a change did. New ones are searched with `npm run histories`; what that finds goes to
 * found/, and another seed here now and then is welcome.
 */
const SEED = 20_261_121;

test('S-070 S-087 (part) S-089 (part) S-133 (part) whatever happens, no cache can ever hold a bogus answer', () => {
  const { history, seed, runs } = search(plan, { runs: RUNS, seed: SEED });
  if (history === undefined) return;
  const repeat = `npm run histories -- --runs ${runs} --seed ${seed}`;
  assert.fail(`history ${runs} of seed ${seed} failed; to see it again: ${repeat}\n${timeline(history, plan)}`);
});

for (const [name, fault] of Object.entries(FAULTS)) {
  test(`negative control: a planner that ${name} is found`, () => {
    const planner = fault(plan);
    const { history } = search(planner, { runs: RUNS, seed: 7583, isSought: ({ mix }) => mix !== undefined });
    assert.ok(history, `${RUNS} histories did not show it`);
    assert.match(runHistory(history, planner)!.why, /^bogus: /);
    assert.match(timeline(history, planner), /in one cache: DS /);
  });
}
