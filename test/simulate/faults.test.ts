import assert from 'node:assert/strict';
import test from 'node:test';
import { COMBINED, DAY, dangerKinds, run, SPLIT, START } from './scenarios.ts';

/* The first KSK of SPLIT is replaced around day 150, its ZSKs every 60 days; the CSK of COMBINED around day 120. */

/** Faults that the margins of the default policy bear. */
const HARMLESS = [
  'parent-late=30d',
  'daemon-down=4d@+59d',
  'daemon-down=4d@+149d',
  'clock-jump=-2d/1d@+60d',
  'clock-jump=+1h/1h@+60d',
  'slow-secondary=1h',
  'ds-ttl=1d',
  // The parent is asked: its answers tell the TTL.
  'ds-ttl=20d',
  'zone-ttl=1d',
  'parent-flaps=10mx2',
];

for (const fault of HARMLESS)
  for (const [name, policy] of Object.entries({ 'KSK and ZSK': SPLIT, CSK: COMBINED }))
    test(`${fault}: ${name} bear it`, () => {
      const simulation = run(policy, 300, [fault]);
      assert.deepEqual(simulation.dangers, []);
      assert.deepEqual(simulation.stuck, []);
      assert.ok(simulation.summary.rollovers.zsk + simulation.summary.rollovers.csk >= 1);
    });

/** Faults that no policy of these numbers bears, and what is found. */
const HARMFUL: readonly (readonly [fault: string, kind: string])[] = [
  ['daemon-down=30d@+70d', 'expired signatures'],
  ['slow-secondary=6d', 'expired signatures'],
  ['slow-secondary=12h', 'unknown signer'],
  ['clock-jump=+12d/1d@+70d', 'signatures not valid yet'],
  ['clock-jump=-20d/20d@+70d', 'expired signatures'],
  ['ds-ttl=20d', 'no trusted dnskey'],
  ['zone-ttl=30d', 'unknown signer'],
  ['parent-flaps=5dx3@+100d', 'no trusted dnskey'],
];

for (const [fault, kind] of HARMFUL)
  test(`${fault}: what goes wrong is named: ${kind}`, () => {
    const simulation = run(SPLIT, 300, [fault], { asksParent: false });
    assert.ok(dangerKinds(simulation).includes(kind), dangerKinds(simulation).join());
    assert.equal(simulation.summary.isSound, false);
  });

for (const [name, policy] of Object.entries({ 'S-071 (part) KSK': SPLIT, 'S-072 (part) CSK': COMBINED }))
  test(`${name}: a parent that does nothing for a year leaves the old key in place and signing`, () => {
    const simulation = run(policy, 500, ['parent-never@+20d']);
    assert.deepEqual(simulation.dangers, []);
    assert.ok(simulation.stuck.some(({ wait }) => wait.reason === 'ds not seen at parent'));
    const last = simulation.signers.at(-1)!;
    const trusted = simulation.ds.at(-1)!.keys;
    assert.equal(trusted.length, 1);
    assert.ok(last.keys.includes(trusted[0]));
  });

test('a parent that never begins leaves a zone that is signed and not trusted, and says what waits', () => {
  const simulation = run(SPLIT, 30, ['parent-never']);
  assert.deepEqual(simulation.dangers, []);
  const [stuck] = simulation.stuck;
  assert.deepEqual([stuck.wait.record, stuck.wait.reason], ['ds', 'ds not seen at parent']);
  assert.equal(simulation.summary.longestWait?.until, undefined);
  assert.equal(simulation.summary.dsActions[0].done, undefined);
});

test('the wait for a parent that is late is as long as it is late', () => {
  const simulation = run(SPLIT, 100, ['parent-late=30d']);
  const { longestWait } = simulation.summary;
  assert.ok(longestWait?.until !== undefined);
  assert.equal(longestWait.until - longestWait.since, 30 * DAY);
});

test('while the daemon is down no step is taken', () => {
  const simulation = run(SPLIT, 100, ['daemon-down=4d@+59d']);
  const [from, until] = [START + 59 * DAY, START + 63 * DAY];
  const within = simulation.steps.filter(({ at, kind }) => at > from && at < until && kind !== 'ds');
  assert.deepEqual(within, []);
  assert.ok(simulation.steps.some(({ at }) => at === until));
});

test('faults begin and end in the timeline', () => {
  const simulation = run(SPLIT, 100, ['daemon-down=4d@+50d', 'clock-jump=+1h/2h@+20d', 'parent-late=2d@+1d']);
  const about = simulation.steps.flatMap((step) => ('fault' in step ? [`${step.kind}: ${step.fault.kind}`] : []));
  assert.deepEqual(about, [
    'fault begins: parent-late',
    'fault begins: clock-jump',
    'fault ends: clock-jump',
    'fault begins: daemon-down',
    'fault ends: daemon-down',
  ]);
});
