import assert from 'node:assert/strict';
import test from 'node:test';
import { parseFault } from '../../src/simulate/fault.ts';
import { plan } from '../../src/policy/plan.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { dangerText } from '../../src/simulate/words.ts';
import { DAY, dangerKinds, INSECURE, scenario, SPLIT, START } from './scenarios.ts';

/* A simulation would be worth little that finds every planner sound: these are not. */

type Planner = typeof plan;

/** Believes that the parent has done everything already. */
const trustful: Planner = (policy, keys, observations, now) => {
  const idsOf = (condition: string): Map<string, number> =>
    new Map(keys.filter(({ state }) => state?.ds === condition).map(({ id }) => [id, now]));
  return plan(policy, keys, { ...observations, dsSeen: idsOf('rumoured'), dsGone: idsOf('unretentive') }, now);
};

/** Counts as if nothing were cached but what another option says. */
const hasty =
  (option: 'dnskeyTtl' | 'maxZoneTtl'): Planner =>
  (policy, keys, observations, now) =>
    plan({ ...policy, [option]: 1, publishSafety: 0, retireSafety: 0 }, keys, { ...observations, served: [] }, now);

/** Drops old DNSKEYs from the publication the moment a successor is there. */
const forgetful: Planner = (policy, keys, observations, now) => {
  const made = plan(policy, keys, observations, now);
  const stay = made.publication.dnskey.filter((id) => keys.find((key) => key.id === id)?.state?.goal !== 'hidden');
  const dnskey = stay.length > 0 ? stay : made.publication.dnskey;
  return { ...made, publication: { ...made.publication, dnskey } };
};

const CASES: readonly (readonly [what: string, planner: Planner, kind: string])[] = [
  ['does not wait for the DS', trustful, 'no trusted dnskey'],
  ['forgets the TTL of the DNSKEY RRset', hasty('dnskeyTtl'), 'unknown signer'],
  ['forgets the TTL of the data', hasty('maxZoneTtl'), 'unknown signer'],
  ['drops DNSKEYs too early', forgetful, 'unknown signer'],
];

for (const [what, planner, kind] of CASES)
  test(`a planner that ${what} is found out`, () => {
    const faults = [parseFault('parent-late=10d', START)];
    const simulation = simulate(scenario(SPLIT, 300, { faults }), { plan: planner });
    assert.ok(dangerKinds(simulation).includes(kind), dangerKinds(simulation).join());
    assert.equal(simulation.summary.isSound, false);
  });

test("a planner that unsigns the zone before validators have forgotten the keys that its last DS led to is found out (Unbound's key cache)", () => {
  const over = { dnskeyTtl: DAY, retireSafety: 60 };
  const insecure = { ...INSECURE, ...over };
  const change = { policyChanges: [{ at: START + 30 * DAY, policy: insecure }] };
  const one = scenario({ ...SPLIT, ...over }, 90, change);
  assert.deepEqual(simulate(one).dangers, []);
  const early: Planner = (policy, keys, observations, now) =>
    plan({ ...policy, ...(policy.keys.length === 0 && { dnskeyTtl: 0 }) }, keys, { ...observations, served: [] }, now);
  const [danger] = simulate(one, { plan: early }).dangers;
  assert.ok(danger.problem.kind === 'unsigned data' && danger.problem.isKept);
  const text = dangerText(danger, () => 'ksk');
  assert.match(text, /: a validator keeps the keys that the DS of ksk led it to and records without/);
});

test('a planner that never comes to rest is refused', () => {
  const restless: Planner = (policy, keys, observations, now) => {
    const made = plan(policy, keys, observations, now);
    const [key] = keys;
    if (key?.state === undefined) return made;
    const { times, state } = key;
    return { ...made, actions: [...made.actions, { kind: 'update', key: key.id, times, state, changes: [] }] };
  };
  assert.throws(() => simulate(scenario(SPLIT, 10), { plan: restless }), { code: 'SIMULATION_RESTLESS' });
});
