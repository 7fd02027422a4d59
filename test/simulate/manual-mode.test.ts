import assert from 'node:assert/strict';
import test from 'node:test';
import { conf, confDisk, DAY, signet, SPLIT } from './signet-fixture.ts';
import { line, policyOf, run, START } from './scenarios.ts';

test('S-062 (part) the operator of a simulation steps a day after something waits, and no answer becomes bogus', () => {
  const manual = conf(SPLIT.replace('keys {', 'manual-mode yes; keys {'));
  const ran = signet(confDisk(manual), ['simulate', '/named.conf', '--years', '2']);
  assert.equal(ran.code, 0, ran.out + ran.err);
  assert.match(ran.out, /the operator let it begin \(rndc dnssec -step\)/);
});

test('S-062 (part) in a simulation each beginning comes with the operator, and rollovers end', () => {
  const policy = { ...policyOf('manual', [line('ksk', 0), line('zsk', 60)]), manualMode: true } as const;
  const { steps, dangers, stuck } = run(policy, 365);
  assert.deepEqual(dangers, []);
  assert.ok(steps.filter(({ kind }) => kind === 'key made').length >= 5);
  for (const step of steps) {
    if (step.kind !== 'state' || (step.to !== 'rumoured' && step.to !== 'unretentive')) continue;
    assert.equal(step.reason.wait?.reason, 'manual step', JSON.stringify(step));
    assert.ok(step.at - step.reason.since >= DAY);
  }
  assert.ok(stuck.every(({ wait }) => wait.reason !== 'manual step'));
});

test('S-062 (part) no change of policies with an operator for each step makes an answer bogus', () => {
  const policies = [
    policyOf('split', [line('ksk', 150), line('zsk', 60)]),
    policyOf('combined', [line('csk', 120)]),
    policyOf('other', [line('csk', 0, 15)]),
    policyOf('none left', []),
  ].map((policy) => ({ ...policy, manualMode: true }) as const);
  for (const from of policies.slice(0, -1))
    for (const to of policies)
      for (const day of [0.5, 3, 64, 100]) {
        const policyChanges = [
          { at: START + day * DAY, policy: to },
          { at: START + (day + 200) * DAY, policy: from },
        ];
        const { dangers, steps } = run(from, 500, ['parent-late=5d'], { policyChanges });
        assert.deepEqual(dangers, [], `${from.name} to ${to.name} after ${day} days`);
        assert.ok(steps.length > 5);
      }
});
