import assert from 'node:assert/strict';
import test from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import type { KeyState } from '../../src/keys/key-state.ts';
import type { KeyTimes } from '../../src/keys/key-times.ts';
import { mustName } from '../../src/wire/name-text.ts';
import type { MemoryDisk } from '../base/memory-disk.ts';
import { conf, confDisk, DAY, signet, START } from './signet-fixture.ts';

/* Keys that others made, as their files are in a key directory, and what `signet plan` promises of them. */

interface Made {
  readonly role: 'ksk' | 'zsk' | 'csk';
  readonly algorithm?: number;
  readonly times: KeyTimes;
  readonly state?: KeyState;
}

const LONG_AGO = START - 400 * DAY;
/** A key that has been published and active for long, by its times alone. */
const OLD_TIMES: KeyTimes = { created: LONG_AGO, publish: LONG_AGO, activate: LONG_AGO };

function oldState(role: Made['role'], lifetime = 0): KeyState {
  const change = LONG_AGO + 3 * DAY;
  const isKsk = role !== 'zsk';
  const isZsk = role !== 'ksk';
  return {
    lifetime,
    ksk: isKsk,
    zsk: isZsk,
    goal: 'omnipresent',
    dnskey: 'omnipresent',
    dnskeyChange: change,
    ...(isZsk && { zrrsig: 'omnipresent', zrrsigChange: change }),
    ...(isKsk && { krrsig: 'omnipresent', krrsigChange: change, ds: 'omnipresent', dsChange: change }),
  };
}

function keyDisk(configuration: string, keys: readonly Made[]): { disk: MemoryDisk; pairs: KeyPair[] } {
  const disk = confDisk(configuration);
  disk.refusal = undefined;
  const store = new FileKeyStore(
    { directory: '/zones/keys' },
    { disk, clock: new SimulatedClock(LONG_AGO), log: silentLog },
  );
  const pairs = keys.map(({ role, algorithm = 13, times, state }) =>
    store.generate({
      zone: mustName('dnssec.example.'),
      algorithm,
      flags: role === 'zsk' ? 256 : 257,
      ...(algorithm < 13 && { bits: 2048 }),
      ttl: 3600,
      times,
      ...(state && { state }),
    }),
  );
  disk.refusal = 'EROFS';
  return { disk, pairs };
}

const UNLIMITED_SPLIT = conf(
  'dnssec-policy tested { keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; };',
);
const UNLIMITED_CSK = conf('dnssec-policy tested { keys { csk lifetime unlimited algorithm 13; }; };');
const MONTHLY = conf(
  'dnssec-policy tested { keys { ksk lifetime unlimited algorithm 13; zsk lifetime P30D algorithm 13; }; };',
);

interface PlanAnswer {
  readonly keys: readonly { readonly name: string; readonly fate: string; readonly until: string | null }[];
  readonly atOnce: readonly { readonly text: string }[];
  readonly next: readonly { readonly time: string; readonly subject: string; readonly text: string }[];
  readonly dsActions: readonly {
    readonly from: string;
    readonly done: string | null;
    readonly commands: readonly string[];
  }[];
  readonly problems: readonly string[];
  readonly result: { readonly kind: string; readonly firstRollover: string | null; readonly text: string };
}

function planOf(disk: MemoryDisk, code = 0): PlanAnswer {
  const ran = signet(disk, ['plan', '/named.conf', '--format', 'json']);
  assert.equal(ran.code, code, ran.out + ran.err);
  const { zones } = JSON.parse(ran.out) as { zones: PlanAnswer[] };
  assert.equal(zones.length, 1);
  return zones[0];
}

/** Keys that are made within a year, by the simulation that `signet simulate` shows. */
function madeWithinYear(disk: MemoryDisk): { time: string; text: string }[] {
  const ran = signet(disk, ['simulate', '/named.conf', '--years', '1', '--format', 'json']);
  assert.equal(ran.code, 0, ran.out + ran.err);
  const { zones } = JSON.parse(ran.out) as { zones: { events: { kind: string; time: string; text: string }[] }[] };
  return zones[0].events.filter(({ kind }) => kind === 'key made');
}

const QUIET: readonly (readonly [from: string, configuration: string, keys: readonly Made[]])[] = [
  [
    'BIND: a CSK under a policy',
    UNLIMITED_CSK,
    [{ role: 'csk', times: { ...OLD_TIMES, dsPublish: LONG_AGO + 2 * DAY }, state: oldState('csk') }],
  ],
  [
    'BIND: KSK and ZSK under a policy',
    UNLIMITED_SPLIT,
    [
      { role: 'ksk', times: { ...OLD_TIMES, dsPublish: LONG_AGO + 2 * DAY }, state: oldState('ksk') },
      { role: 'zsk', times: OLD_TIMES, state: oldState('zsk') },
    ],
  ],
  [
    'BIND with auto-dnssec: times and no states',
    UNLIMITED_SPLIT,
    [
      { role: 'ksk', times: { ...OLD_TIMES, syncPublish: LONG_AGO + DAY } },
      { role: 'zsk', times: OLD_TIMES },
    ],
  ],
  [
    'OpenDNSSEC: exported keys with the times that dnssec-settime set',
    UNLIMITED_SPLIT,
    [
      { role: 'ksk', times: { ...OLD_TIMES, syncPublish: LONG_AGO } },
      { role: 'zsk', times: OLD_TIMES },
    ],
  ],
  ['Knot: a converted CSK', UNLIMITED_CSK, [{ role: 'csk', times: { ...OLD_TIMES, syncPublish: LONG_AGO } }]],
];

for (const [from, configuration, keys] of QUIET)
  test(`a zone from ${from}: no rollover will start, and a simulated year keeps the promise`, () => {
    const { disk, pairs } = keyDisk(configuration, keys);
    const { result, keys: fates, problems, dsActions, atOnce } = planOf(disk);
    assert.deepEqual([result.kind, problems], ['no rollover', []], JSON.stringify(atOnce));
    assert.match(result.text, /^no rollover will start/);
    assert.deepEqual(
      fates.map(({ name, until }) => [name, until]).toSorted(),
      keys.map(({ role }, i) => [`${role} ${pairs[i].tag}`, null]).toSorted(),
    );
    assert.ok(fates.every(({ fate }) => fate === 'kept' || fate === 'taken up'));
    // The parent has nothing to do. Where no state says that the DS is there, somebody has to say it to named.
    const told = pairs.filter(({ flags, state }) => flags === 257 && state === undefined);
    assert.deepEqual(
      dsActions.map(({ from: since, done, commands }) => [since === done, commands]),
      told.map(({ tag }) => [true, [`rndc dnssec -checkds -key ${tag} published dnssec.example`]]),
    );
    assert.deepEqual(madeWithinYear(disk), []);
  });

test('a lifetime that ends within the year is announced with its time, and begins then', () => {
  const activate = START - 10 * DAY;
  const times = { created: activate, publish: activate, activate };
  const { disk } = keyDisk(MONTHLY, [
    { role: 'ksk', times: { ...OLD_TIMES, syncPublish: LONG_AGO } },
    { role: 'zsk', times },
  ]);
  const { result, atOnce } = planOf(disk);
  assert.equal(result.kind, 'later', JSON.stringify(atOnce));
  const [first] = madeWithinYear(disk);
  assert.equal(first.time, result.firstRollover);
});

test('a key that no line of the policy fits is replaced, and the plan says that this starts a rollover', () => {
  const { disk, pairs } = keyDisk(UNLIMITED_SPLIT, [
    { role: 'ksk', algorithm: 8, times: { ...OLD_TIMES, dsPublish: LONG_AGO + 2 * DAY }, state: oldState('ksk') },
    { role: 'zsk', algorithm: 8, times: OLD_TIMES, state: oldState('zsk') },
  ]);
  const { result, keys: fates, dsActions } = planOf(disk);
  assert.equal(result.kind, 'starts rollover');
  assert.match(result.text, new RegExp(`ksk #1.*zsk #1|zsk #1.*ksk #1`));
  const old = fates.filter(({ name }) => pairs.some(({ tag }) => name.endsWith(` ${tag}`)));
  assert.deepEqual(
    old.map(({ fate }) => fate),
    ['retired', 'retired'],
  );
  assert.equal(dsActions.length, 1);
});

test('without keys a zone is signed for the first time; without keys under insecure there is nothing to do', () => {
  assert.equal(planOf(keyDisk(UNLIMITED_SPLIT, []).disk).result.kind, 'first keys');
  const insecure = conf('').replace('dnssec-policy tested', 'dnssec-policy insecure');
  const { result, keys } = planOf(keyDisk(insecure, []).disk);
  assert.deepEqual([result.kind, keys], ['nothing to sign', []]);
});

test('a zone with keys under insecure goes unsigned', () => {
  const insecure = conf('').replace('dnssec-policy tested', 'dnssec-policy insecure');
  const { disk } = keyDisk(insecure, [{ role: 'csk', times: OLD_TIMES, state: oldState('csk') }]);
  const { result, keys } = planOf(disk);
  assert.equal(result.kind, 'goes unsigned');
  assert.deepEqual(
    keys.map(({ fate }) => fate),
    ['retired'],
  );
});

test('a private half that is missing is a problem that names the file', () => {
  const { disk, pairs } = keyDisk(UNLIMITED_CSK, [{ role: 'csk', times: OLD_TIMES, state: oldState('csk') }]);
  disk.files.delete(`/zones/keys/${pairs[0].fileBase}.private`);
  const { problems } = planOf(disk, 1);
  assert.deepEqual(problems, [`${pairs[0].fileBase}.private is missing: the key cannot sign; put it there`]);
});

test('signatures of a zone that is signed already expire when the daemon does not come up', () => {
  const { disk } = keyDisk(UNLIMITED_CSK, [{ role: 'csk', times: OLD_TIMES, state: oldState('csk') }]);
  for (const [length, code] of [
    ['8d', 0],
    ['30d', 1],
    ['10000d', 1],
  ] as const) {
    const ran = signet(disk, ['simulate', '/named.conf', '--years', '1', '--fault', `daemon-down=${length}`]);
    assert.equal(ran.code, code, ran.out);
    if (code === 1) assert.match(ran.out, /^DANGER: .* signatures have expired$/m);
  }
});
