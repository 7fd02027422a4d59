import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyKey } from '../../src/conf/configuration.ts';
import { manualSteps, stepName } from '../../src/policy/key-wait.ts';
import type { PlannedKey, PlannedState } from '../../src/policy/planned-key.ts';
import { plan } from '../../src/policy/plan.ts';
import { line, short } from './short-policy.ts';

const NOW = 1_000_000;
const manual = (...keys: readonly PolicyKey[]) => ({ ...short(...keys), manualMode: true }) as const;

function csk(state: PlannedState, times: PlannedKey['times'] = {}): PlannedKey {
  const whole = { ksk: true, zsk: true, length: 256, lifetime: 0, ...state };
  const moments = { dnskeyChange: 0, zrrsigChange: 0, krrsigChange: 0, dsChange: 0 };
  const known = { created: 0, publish: 0, activate: 0, ...times };
  return { id: 'csk', tag: 7, algorithm: 13, bits: 256, flags: 257, times: known, state: { ...moments, ...whole } };
}
const IN_USE: PlannedState = {
  goal: 'omnipresent',
  dnskey: 'omnipresent',
  zrrsig: 'omnipresent',
  krrsig: 'omnipresent',
  ds: 'omnipresent',
};

test('S-062 (part) a plan has only what an operator allows, and the same plan twice is the same', () => {
  const policy = manual(line('ksk'), line('zsk'));
  const blocked = plan(policy, [], {}, NOW);
  assert.deepEqual(blocked.actions, []);
  assert.deepEqual(blocked.waits.map(stepName), ['new ksk 13 key rumoured', 'new zsk 13 key rumoured']);
  assert.equal(blocked.nextEvent, undefined);
  const allowedSteps = new Set(['new zsk 13 key rumoured']);
  const { actions, waits } = plan(policy, [], { allowedSteps }, NOW);
  assert.deepEqual(
    actions.map((action) => action.kind === 'generate' && action.line.role),
    ['zsk'],
  );
  assert.deepEqual(manualSteps(waits).map(stepName), ['new ksk 13 key rumoured']);
  assert.deepEqual(plan(policy, [], { allowedSteps }, NOW), plan(policy, [], { allowedSteps }, NOW));
});

test('S-062 (part) a zone that could not be validated without a step gets it without an operator', () => {
  for (const record of ['zrrsig', 'dnskey', 'krrsig'] as const) {
    const { actions } = plan(manual(line('csk')), [csk({ ...IN_USE, [record]: 'hidden' })], {}, NOW);
    const changes = actions.flatMap((action) => (action.kind === 'update' ? action.changes : []));
    assert.ok(
      changes.some((change) => change.record === record && change.to === 'rumoured'),
      record,
    );
  }
});

test('S-062 (part) what time brings needs no operator; what begins then does', () => {
  const young = csk({ ...IN_USE, dnskey: 'rumoured', krrsig: 'rumoured', zrrsig: 'rumoured', ds: 'hidden' });
  const { actions, waits } = plan(manual(line('csk')), [young], {}, NOW);
  assert.ok(actions[0].kind === 'update');
  assert.deepEqual(
    actions[0].changes.map(({ record, to }) => `${record} ${to}`),
    ['dnskey omnipresent', 'zrrsig omnipresent', 'krrsig omnipresent'],
  );
  assert.deepEqual(manualSteps(waits).map(stepName), ['csk ds rumoured']);
});

test('S-062 (part) an operator who allowed other steps has allowed nothing', () => {
  const keys = [csk(IN_USE, { inactive: NOW - 5, delete: NOW + 5000 })];
  const policy = manual(line('csk', NOW - 5));
  const allowedSteps = new Set(['other key hidden', 'csk ds unretentive']);
  assert.ok(plan(policy, keys, { allowedSteps }, NOW).actions.every(({ kind }) => kind !== 'generate'));
  const begun = plan(policy, keys, { allowedSteps: new Set(['csk key hidden']) }, NOW);
  assert.ok(begun.actions.some((action) => action.kind === 'generate' && action.predecessor === 'csk'));
});

const named = (key: PlannedKey, id: string, flags: number, state: PlannedState): PlannedKey => ({
  ...key,
  id,
  flags,
  state: { ...key.state, ...state },
});

test('S-062 (part) a step that was interrupted before all of its keys were made is carried through', () => {
  const policy = manual(line('ksk'), line('zsk'));
  const begun: PlannedState = { goal: 'omnipresent', dnskey: 'rumoured', dnskeyChange: NOW };
  const ksk = named(csk(begun), 'ksk', 257, { zsk: false, krrsig: 'rumoured', ds: 'hidden' });
  const zsk = named(csk(begun), 'zsk', 256, { ksk: false, zrrsig: 'rumoured' });
  const made = (keys: readonly PlannedKey[]): string[] =>
    plan(policy, keys, {}, NOW).actions.flatMap((action) => (action.kind === 'generate' ? action.line.role : []));
  assert.deepEqual(made([ksk]), ['zsk']);
  assert.deepEqual(made([zsk]), ['ksk']);
  // Nothing is shown yet, or all that is shown does what it is for.
  assert.deepEqual(made([named(ksk, 'ksk', 257, { dnskey: 'hidden', krrsig: 'hidden' })]), []);
  assert.deepEqual(made([csk(IN_USE)]), []);
});

test('S-062 (part) what an interrupted step left of an algorithm that no line has any more is undone without an operator', () => {
  const begun: PlannedState = { goal: 'omnipresent', dnskey: 'rumoured', dnskeyChange: NOW };
  const ksk = named(csk(begun), 'ksk', 257, { zsk: false, krrsig: 'rumoured', ds: 'hidden' });
  const zsk = named(csk(begun), 'zsk', 256, { ksk: false, zrrsig: 'rumoured' });
  const policy = manual({ ...line('csk'), algorithm: 8 });
  for (const left of [ksk, zsk]) {
    const { actions, publication, waits } = plan(policy, [left], {}, NOW);
    const [undone] = actions;
    assert.ok(actions.length === 1 && undone.kind === 'update');
    const { goal, dnskey, zrrsig = 'unretentive', krrsig = 'unretentive' } = undone.state;
    assert.deepEqual([goal, dnskey, zrrsig, krrsig], ['hidden', 'unretentive', 'unretentive', 'unretentive'], left.id);
    assert.deepEqual([publication.dnskey, publication.signsKeys, publication.signsZone], [[], [], []]);
    assert.deepEqual(manualSteps(waits).map(stepName), ['new csk 8 key rumoured']);
  }
  // A zone that is signed with the algorithm, or that has a DS of it, stays as it is until an operator lets it go.
  for (const keys of [[ksk, zsk], [named(ksk, 'ksk', 257, { ds: 'rumoured' })]]) {
    const { actions, publication, waits } = plan(policy, keys, {}, NOW);
    assert.ok(actions.every((action) => action.kind === 'update' && action.state.goal === 'omnipresent'));
    const ids = keys.map(({ id }) => id);
    assert.deepEqual(publication.dnskey, ids);
    for (const id of ids) assert.ok(manualSteps(waits).map(stepName).includes(`${id} key hidden`), id);
  }
});

test('S-062 (part) a key that was in use before the policy may have a DS, though CDS waits for an operator', () => {
  const times = { created: 0, publish: 0, activate: 0 };
  const { state: _none, ...known } = csk({}, times);
  const stateAfter = (key: PlannedKey): PlannedState | undefined => {
    const [action] = plan(manual(line('csk')), [key], {}, NOW).actions;
    return action.kind === 'adopt' ? action.state : undefined;
  };
  assert.equal(stateAfter(known)?.ds, 'unretentive');
  assert.equal(stateAfter({ ...known, times: { ...times, dsRemoved: 5 } })?.ds, 'hidden');
  assert.equal(stateAfter({ ...known, times: { ...times, syncPublish: 5 } })?.ds, 'rumoured');
  const { publication, waits } = plan(manual(line('csk')), [known], {}, NOW);
  assert.deepEqual(publication.sync, []);
  assert.ok(manualSteps(waits).map(stepName).includes('csk ds rumoured'));
});

test('S-062 (part) a step that waits for an operator is told beside what time brings before it', () => {
  const leaving = csk({ ...IN_USE, goal: 'hidden', dnskey: 'rumoured', dnskeyChange: NOW, ds: 'hidden' });
  const { waits } = plan({ ...manual(), name: 'insecure' }, [leaving], {}, NOW);
  const ofDnskey = waits.filter(({ record }) => record === 'dnskey').map(({ to, reason }) => [to, reason]);
  assert.deepEqual(ofDnskey, [['omnipresent', 'time'], ['unretentive', 'manual step']]); // prettier-ignore
});
