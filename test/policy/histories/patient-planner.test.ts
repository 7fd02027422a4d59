import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plan } from '../../../src/policy/plan.ts';
import { histories, type History } from './history.ts';
import { patientPlan, planAfter } from './patient-planner.ts';
import { watchHistory } from './run-history.ts';
import { search } from './search.ts';
import { Tally } from './tally.ts';
import { timeline } from './timeline.ts';

/* What the model finds is worth something only if a good planner can survive it, and if much happens in a history. */

const SEED = 7583;
const RUNS = 3000;

/** The patient planner needs states, and is not patient enough for the times of the built-in policy `insecure`. */
const isFor = ({ start, policies }: History): boolean =>
  start.kind !== 'times' && policies.every(({ parentDsTtl }) => parentDsTtl < 1000);

test('histories can be survived: a planner that waits long enough before each step makes no answer bogus', () => {
  const { history } = search(patientPlan, { runs: RUNS, seed: SEED, isFor });
  if (history !== undefined) assert.fail(timeline(history, patientPlan));
});

test('a planner that is less patient does not survive them', () => {
  for (const patience of [1, 10, 50]) {
    const planner = planAfter(patience);
    const isSought = ({ mix }: { readonly mix?: unknown }): boolean => mix !== undefined;
    const { history } = search(planner, { runs: RUNS, seed: SEED, isFor, isSought });
    assert.ok(history, `${patience} s of patience are not enough, but nothing was found`);
  }
});

test('zones become secure, roll keys and algorithms, become unsigned, and daemons are killed while they write', () => {
  const tally = new Tally();
  fc.assert(
    fc.property(histories, (history) => {
      if (isFor(history)) tally.run(history, patientPlan);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  for (const [what, count] of Object.entries(tally.counts))
    assert.ok(count >= RUNS / 100, `${what}: only ${count} times in ${RUNS} histories`);
});

test('operators of manual-mode let something begin, and keys roll under it', () => {
  let [steps, rolls] = [0, 0];
  fc.assert(
    fc.property(histories, (history) => {
      watchHistory(history, plan, {
        note: ({ daemon }, what) => {
          if (daemon.policy.manualMode !== true) return;
          if (/lets begin .* [1-9]\d* steps/.test(what())) steps++;
          if (daemon.files.some(({ state }) => state?.successor !== undefined && state.zrrsig === 'unretentive'))
            rolls++;
        },
      });
    }),
    { numRuns: 500, seed: SEED },
  );
  assert.ok(steps >= 50 && rolls >= 50, `${steps} steps, ${rolls} moments in rolls`);
});
