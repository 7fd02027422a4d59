import assert from 'node:assert/strict';
import test from 'node:test';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import type { Simulation } from '../../src/simulate/simulation.ts';
import { timelineText } from '../../src/simulate/timeline-text.ts';
import { COMBINED, DAY, INSECURE, line, policyOf, run, SPLIT, START } from './scenarios.ts';

const CHANGE = 30;

/** A zone whose policy changes after CHANGE days. */
function changed(before: DnssecPolicy, after: DnssecPolicy, days = 150): Simulation {
  return run(before, days, [], { policyChanges: [{ at: START + CHANGE * DAY, policy: after }] });
}

function assertSound(simulation: Simulation): void {
  assert.deepEqual(simulation.dangers, []);
  assert.deepEqual(simulation.stuck, []);
  assert.ok(simulation.summary.isSound);
}

/** Names of the keys that sign in the end. */
function lastSigners({ signers, keys }: Simulation): { keys: string[]; data: string[] } {
  const nameOf = (id: string): string => keys.find((key) => key.id === id)!.name;
  const last = signers.at(-1)!;
  return { keys: last.keys.map(nameOf), data: last.data.map(nameOf) };
}

test('S-069 (part) the lifetime starts each rollover: KSK and ZSK for five years', () => {
  const simulation = run(SPLIT, 5 * 365);
  assertSound(simulation);
  const { ksk, zsk, csk } = simulation.summary.rollovers;
  // The first key of each role lives a little longer; what begins at the end is not over.
  assert.ok(ksk >= 10 && ksk <= 12, `${ksk} KSK rollovers`);
  assert.ok(zsk >= 28 && zsk <= 30, `${zsk} ZSK rollovers`);
  assert.equal(csk, 0);
});

test('S-070 (part) a ZSK rollover needs nobody: no DS action but the first', () => {
  const simulation = run(policyOf('zsk', [line('ksk', 0), line('zsk', 60)]), 365);
  assertSound(simulation);
  assert.equal(simulation.summary.dsActions.length, 1);
  assert.ok(simulation.summary.rollovers.zsk >= 5);
});

test('S-072 (part) CSK rollovers replace the DS each time', () => {
  const simulation = run(COMBINED, 365);
  assertSound(simulation);
  assert.ok(simulation.summary.rollovers.csk >= 2);
  const actions = simulation.summary.dsActions;
  assert.ok(actions.length >= 3);
  assert.ok(actions.slice(0, 3).every(({ done }) => done !== undefined));
});

const CSK = policyOf('csk', [line('csk', 0)]);
const TWO = policyOf('two', [line('ksk', 0), line('zsk', 0)]);

/** S-089: transitions of a live zone, with the keys that sign in the end. */
const TRANSITIONS: readonly (readonly [
  what: string,
  from: DnssecPolicy,
  to: DnssecPolicy,
  keys: string,
  data: string,
  told: string,
])[] = [
  [
    'CSK to KSK and ZSK',
    CSK,
    TWO,
    'ksk #1',
    'zsk #1',
    'key set (csk algorithm 13 -> ksk algorithm 13 + zsk algorithm 13)',
  ],
  [
    'KSK and ZSK to CSK',
    TWO,
    CSK,
    'csk #1',
    'csk #1',
    'key set (ksk algorithm 13 + zsk algorithm 13 -> csk algorithm 13)',
  ],
  [
    'algorithm 13 to 15, CSK',
    CSK,
    policyOf('csk15', [line('csk', 0, 15)]),
    'csk #2',
    'csk #2',
    'algorithm (csk algorithm 13 -> csk algorithm 15)',
  ],
  [
    'algorithm 13 to 8, KSK and ZSK',
    TWO,
    policyOf('two8', [line('ksk', 0, 8, 2048), line('zsk', 0, 8, 2048)]),
    'ksk #2',
    'zsk #2',
    'algorithm (ksk algorithm 13 + zsk algorithm 13 -> ksk algorithm 8 + zsk algorithm 8)',
  ],
  [
    'RSA of 2048 to 3072 bits',
    policyOf('a', [line('ksk', 0, 8, 2048), line('zsk', 0, 8, 2048)]),
    policyOf('b', [line('ksk', 0, 8, 3072), line('zsk', 0, 8, 3072)]),
    'ksk #2',
    'zsk #2',
    'key size (ksk algorithm 8 2048 + zsk algorithm 8 2048 -> ksk algorithm 8 3072 + zsk algorithm 8 3072)',
  ],
  [
    'algorithm and roles at once',
    CSK,
    policyOf('two15', [line('ksk', 0, 15), line('zsk', 0, 15)]),
    'ksk #1',
    'zsk #1',
    'algorithm (csk algorithm 13 -> ksk algorithm 15 + zsk algorithm 15)',
  ],
];

/** What the end of the text says of rollovers. */
function toldRollovers(simulation: Simulation): string {
  return /^rollovers: (.*)$/m.exec(timelineText(simulation, { withRounds: false }))![1];
}

for (const [what, from, to, keys, data, told] of TRANSITIONS)
  test(`S-089 (part) ${what} on a live zone: never bogus, and it comes to its end`, () => {
    const simulation = changed(from, to);
    assertSound(simulation);
    assert.deepEqual(lastSigners(simulation), { keys: [keys], data: [data] });
    assert.deepEqual(simulation.ds.at(-1)!.keys.length, 1);
    assert.equal(toldRollovers(simulation), `1 ${told}`);
    const [{ at, over }] = simulation.summary.keySetChanges;
    assert.equal(at, START + CHANGE * DAY);
    assert.ok(over !== undefined && over > at);
  });

test('a change to other keys that is not over by the end says so, and one that only adds keys replaces none', () => {
  const other = policyOf('csk15', [line('csk', 0, 15)]);
  const soon = run(CSK, CHANGE + 1, [], { policyChanges: [{ at: START + CHANGE * DAY, policy: other }] });
  assert.equal(toldRollovers(soon), '1 algorithm (csk algorithm 13 -> csk algorithm 15) not over by the end');
  assert.equal(toldRollovers(changed(CSK, policyOf('both', [line('csk', 0), line('csk', 0, 15)]))), 'none');
  assert.equal(toldRollovers(changed(CSK, INSECURE)), '1 to unsigned (csk algorithm 13 -> none)');
});

test('S-087 (part) going insecure: the DS leaves first, the DNSSEC records last, and nobody sees it bogus', () => {
  const simulation = changed(SPLIT, INSECURE);
  assertSound(simulation);
  const asked = simulation.steps.find((step) => step.kind === 'cds' && step.isDelete);
  const gone = simulation.steps.find((step) => step.kind === 'ds' && step.keys.length === 0);
  const unsigned = simulation.steps.find(({ kind }) => kind === 'unsigned');
  assert.ok(asked && gone && unsigned);
  assert.ok(asked.at < gone.at && gone.at + DAY <= unsigned.at);
  assert.deepEqual(lastSigners(simulation), { keys: [], data: [] });
});

test('a zone that comes back from insecure half way keeps its keys or makes others, and is never bogus', () => {
  for (const hours of [1, 6, 30, 24 * 10]) {
    const at = START + CHANGE * DAY;
    const simulation = run(SPLIT, 120, [], {
      policyChanges: [
        { at, policy: INSECURE },
        { at: at + hours * 3600, policy: SPLIT },
      ],
    });
    assertSound(simulation);
    assert.equal(lastSigners(simulation).data.length, 1, `${hours} hours`);
    assert.equal(simulation.ds.at(-1)!.keys.length, 1, `${hours} hours`);
  }
});

test('S-083 (part) S-084 (part) a rollover that is asked for begins at once, for a key of unlimited lifetime too', () => {
  const at = START + 40 * DAY;
  const simulation = run(CSK, 120, [], { rollovers: [{ at, role: 'csk' }] });
  assertSound(simulation);
  const made = simulation.steps.filter(({ kind }) => kind === 'key made');
  assert.deepEqual(
    made.map((step) => step.at),
    [START, at],
  );
  assert.equal(simulation.summary.rollovers.csk, 1);
});

test('S-083 (part) a rollover that is asked for while one is under way is refused with the reason', () => {
  const at = START + 40 * DAY;
  const simulation = run(CSK, 120, [], {
    rollovers: [
      { at, role: 'csk' },
      { at: at + 3600, role: 'csk' },
      { at: at + 7200, role: 'zsk' },
    ],
  });
  const asked = simulation.steps.flatMap((step) => (step.kind === 'rollover asked' ? [step.refusal] : []));
  assert.equal(asked.length, 3);
  assert.equal(asked[0], undefined);
  assert.ok(asked[1] !== undefined && asked[2] === 'there is no zsk in use');
});

test('a policy that changes in the middle of a rollover is carried through', () => {
  const other = policyOf('other', [line('ksk', 0, 15), line('zsk', 0, 15)]);
  // A ZSK's successor is there some hours before day 60, and its signatures take days.
  for (const day of [59, 60, 62, 70]) {
    const simulation = run(SPLIT, 200, [], { policyChanges: [{ at: START + day * DAY, policy: other }] });
    assertSound(simulation);
    const last = lastSigners(simulation);
    assert.deepEqual([last.keys.length, last.data.length], [1, 1], `day ${day}`);
  }
});

test('purge-keys: files go that long after the key is hidden', () => {
  const simulation = run(policyOf('purge', [line('ksk', 0), line('zsk', 60)], { purgeKeys: 10 * DAY }), 200);
  const purged = simulation.keys.filter(({ purged: at }) => at !== undefined);
  assert.ok(purged.length >= 1);
  for (const { purged: at, records } of purged) assert.equal(at, records.dnskey!.at(-1)!.from + 10 * DAY);
});
