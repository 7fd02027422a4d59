import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import type { PlannedKey } from '../../src/policy/planned-key.ts';
import { SimulatedZone } from './simulated-zone.ts';
import { SPLIT } from './split-policy.ts';

const NOW = 1_795_250_000;
const SIGNED = { isSigned: true, syncDelete: false };
const HOUR = 3600;
const DAY = 86_400;

/** Every interval another number, so that each moment shows what it is made of. */
const DISTINCT: DnssecPolicy = {
  ...SPLIT,
  dnskeyTtl: 50,
  publishSafety: 11,
  retireSafety: 19,
  zonePropagationDelay: 2,
  maxZoneTtl: 7,
  parentDsTtl: 8,
  parentPropagationDelay: 3,
};

test('S-024 S-031 the default policy makes one key with the times and states that BIND 9.18 gives it', () => {
  const zone = new SimulatedZone();
  const { done, plan } = zone.run(DEFAULT_POLICY, NOW);
  assert.deepEqual(done, [
    {
      kind: 'generate',
      line: DEFAULT_POLICY.keys[0],
      dnskeyTtl: 3600,
      times: { created: NOW, publish: NOW, activate: NOW, syncPublish: NOW + 25 * HOUR + 300 },
      state: {
        length: 256,
        lifetime: 0,
        ksk: true,
        zsk: true,
        goal: 'omnipresent',
        dnskey: 'rumoured',
        zrrsig: 'rumoured',
        krrsig: 'rumoured',
        ds: 'hidden',
        dnskeyChange: NOW,
        zrrsigChange: NOW,
        krrsigChange: NOW,
        dsChange: NOW,
      },
    },
  ]);
  // named logs "next key event" 2 hours and 5 minutes after the start.
  assert.equal(plan.nextEvent, NOW + 2 * HOUR + 300);
  assert.deepEqual(plan.publication, { dnskey: ['K0'], signsKeys: ['K0'], signsZone: ['K0'], sync: [], ...SIGNED });
});

test('S-037 S-038 S-041 S-044 S-045 a KSK and a ZSK get their roles, their ends and what they sign', () => {
  const zone = new SimulatedZone();
  const { plan } = zone.run(SPLIT, NOW);
  const [ksk, zsk] = [zone.key('ksk'), zone.key('zsk')];
  assert.deepEqual(plan.publication, {
    dnskey: [ksk.id, zsk.id],
    signsKeys: [ksk.id],
    signsZone: [zsk.id],
    sync: [],
    ...SIGNED,
  });
  assert.equal(ksk.times.inactive, NOW + 365 * DAY);
  assert.equal(ksk.times.delete, NOW + 365 * DAY + 26 * HOUR);
  assert.equal(zsk.times.inactive, NOW + 60 * DAY);
  assert.equal(zsk.times.delete, NOW + 60 * DAY + 10 * DAY + HOUR + 300);
  assert.equal(zsk.times.syncPublish, undefined);
  assert.deepEqual([ksk.state?.zrrsig, zsk.state?.krrsig, zsk.state?.ds], [undefined, undefined, undefined]);
});

/** Offset in seconds after the start, and the conditions from then on: what BIND's named was seen to write. */
const STEPS: readonly [after: number, ksk: string, zsk: string][] = [
  [0, 'rumoured rumoured hidden', 'rumoured rumoured'],
  [27, 'rumoured rumoured hidden', 'rumoured rumoured'],
  [28, 'rumoured rumoured hidden', 'rumoured omnipresent'],
  [62, 'rumoured rumoured hidden', 'rumoured omnipresent'],
  [63, 'omnipresent omnipresent rumoured', 'omnipresent omnipresent'],
  [100_000, 'omnipresent omnipresent rumoured', 'omnipresent omnipresent'],
];

test('the introduction follows RFC 7583: DNSKEY, signatures, and the DS when all is known everywhere', () => {
  const zone = new SimulatedZone();
  for (const [after, ksk, zsk] of STEPS) {
    zone.run(DISTINCT, NOW + after);
    const key = zone.key('ksk').state;
    assert.equal(`${key?.dnskey} ${key?.krrsig} ${key?.ds}`, ksk, `KSK after ${after}`);
    const other = zone.key('zsk').state;
    assert.equal(`${other?.dnskey} ${other?.zrrsig}`, zsk, `ZSK after ${after}`);
  }
  assert.equal(zone.key('zsk').state?.zrrsigChange, NOW + 28);
  assert.equal(zone.key('ksk').state?.dsChange, NOW + 63);
});

test('CDS and CDNSKEY appear with the DS state, not before the signatures are known everywhere', () => {
  // max-zone-ttl decides here: signatures are known later than the DNSKEY.
  const policy: DnssecPolicy = { ...DEFAULT_POLICY, maxZoneTtl: 7 * DAY };
  const zone = new SimulatedZone();
  zone.run(policy, NOW);
  const signed = NOW + 7 * DAY + 300 + HOUR;
  assert.deepEqual(zone.run(policy, signed - 1).plan.publication.sync, []);
  const { plan } = zone.run(policy, signed);
  assert.deepEqual(plan.publication.sync, ['K0']);
  assert.deepEqual(
    plan.waits.map(({ key, reason }) => [key, reason]),
    [['K0', 'ds not seen at parent']],
  );
  assert.equal(plan.nextEvent, undefined);
});

test('a DS that is seen at the parent is known everywhere after its TTL, the delay of the parent and retire-safety', () => {
  const zone = new SimulatedZone();
  zone.run(DISTINCT, NOW);
  zone.run(DISTINCT, NOW + 1000);
  const ksk = zone.key('ksk').id;
  const dsSeen = new Map([[ksk, NOW + 2000]]);
  const { plan } = zone.run(DISTINCT, NOW + 2000, { dsSeen });
  assert.equal(zone.key('ksk').times.dsPublish, NOW + 2000);
  assert.equal(plan.nextEvent, NOW + 2030);
  zone.run(DISTINCT, NOW + 2029);
  assert.equal(zone.key('ksk').state?.ds, 'rumoured');
  zone.run(DISTINCT, NOW + 2030);
  assert.equal(zone.key('ksk').state?.ds, 'omnipresent');
});

const bare = (id: string, flags: number, times: PlannedKey['times']): PlannedKey => ({
  id,
  tag: 1,
  algorithm: 13,
  bits: 256,
  flags,
  times,
});

test('keys that are there are taken up by role, algorithm and size; what the world knows follows from their times', () => {
  const old = { created: NOW - 3 * DAY, publish: NOW - 3 * DAY, activate: NOW - 3 * DAY };
  const zone = new SimulatedZone([bare('ksk', 257, old), bare('zsk', 256, old)]);
  const { done, plan } = zone.run(DISTINCT, NOW);
  assert.deepEqual(
    done.map(({ kind }) => kind),
    ['adopt', 'adopt'],
  );
  const [ksk, zsk] = zone.keys;
  assert.deepEqual(
    [ksk.state?.dnskey, ksk.state?.krrsig, ksk.state?.ds, zsk.state?.dnskey, zsk.state?.zrrsig],
    ['omnipresent', 'omnipresent', 'rumoured', 'omnipresent', 'omnipresent'],
  );
  // As named does: the end counts from the first activation.
  assert.equal(zsk.times.inactive, NOW - 3 * DAY + 60 * DAY);
  assert.deepEqual(plan.publication.signsZone, ['zsk']);
});

test('a key of another algorithm, size or role is replaced: it stays until the new one is known everywhere', () => {
  const old = { publish: NOW - DAY, activate: NOW - DAY };
  const others: PlannedKey[] = [
    { ...bare('algorithm', 257, old), algorithm: 15 },
    { ...bare('size', 257, old), algorithm: 8, bits: 1024 },
    bare('ksk', 257, old),
    bare('zsk', 256, old),
  ];
  const zone = new SimulatedZone(others);
  const { done, plan } = zone.run(DEFAULT_POLICY, NOW);
  assert.deepEqual(
    done.map(({ kind }) => kind),
    ['generate', 'update', 'update', 'update', 'update'],
  );
  assert.deepEqual(plan.publication.dnskey, ['algorithm', 'size', 'ksk', 'zsk', 'K0']);
  assert.deepEqual(plan.publication.signsZone, ['algorithm', 'size', 'zsk']);
  // Nobody wrote down whether the parent has their DS.
  const states = zone.keys.slice(0, 3).map(({ state }) => [state?.goal, state?.ds, state?.zsk]);
  assert.deepEqual(states, [
    ['hidden', 'rumoured', true],
    ['hidden', 'rumoured', true],
    ['hidden', 'rumoured', false],
  ]);
});

test('a SEP key that signs the zone alone is taken up as the CSK that it is', () => {
  const old = { created: NOW - DAY, publish: NOW - DAY, activate: NOW - DAY };
  const { done, plan } = new SimulatedZone([bare('alone', 257, old)]).run(DEFAULT_POLICY, NOW);
  assert.deepEqual(
    done.map(({ kind }) => kind),
    ['adopt'],
  );
  assert.deepEqual(plan.publication.signsZone, ['alone']);
});

test('where a zone is signed already, a new ZSK of the algorithm signs only when its DNSKEY is known (RFC 6781 4.1.1)', () => {
  const old = { publish: NOW - DAY, activate: NOW - DAY, inactive: NOW + DAY, delete: NOW + 2 * DAY };
  const zone = new SimulatedZone([bare('leaving', 256, old)]);
  zone.run(DISTINCT, NOW);
  const made = zone.keys.find(({ state }) => state?.zsk && state.goal === 'omnipresent')!;
  assert.equal(made.state?.zrrsig, 'hidden');
  assert.deepEqual(zone.run(DISTINCT, NOW + 62).plan.publication.signsZone, ['leaving']);
  assert.deepEqual(zone.run(DISTINCT, NOW + 63).plan.publication.signsZone, ['leaving', made.id]);
});

test('the first keys of a zone sign it together, whatever their roles', () => {
  const keys = [DEFAULT_POLICY.keys[0], { role: 'zsk', lifetime: 0, algorithm: 13, bits: 256 } as const];
  const { plan } = new SimulatedZone().run({ ...DEFAULT_POLICY, keys }, NOW);
  assert.deepEqual(plan.publication.signsZone, ['K0', 'K1']);
});

test('S-065 the insecure policy makes no key', () => {
  const { done, plan } = new SimulatedZone().run(INSECURE_POLICY, NOW);
  assert.deepEqual([done, plan.publication.dnskey, plan.publication.isSigned], [[], [], false]);
});
