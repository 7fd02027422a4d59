import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plan, type Plan } from '../../src/policy/plan.ts';
import type { PlannedKey, PlannedState } from '../../src/policy/planned-key.ts';
import { line, short } from './short-policy.ts';

/* RFC 2308 section 5: that a zone has no DNSKEY is remembered for as long as any answer that there is something not. */

const NOW = 1_900_000_000;
const KNOWN: PlannedState = {
  goal: 'omnipresent',
  ksk: true,
  zsk: true,
  dnskey: 'omnipresent',
  krrsig: 'omnipresent',
  zrrsig: 'omnipresent',
  ds: 'hidden',
  dnskeyChange: NOW,
  krrsigChange: NOW,
  zrrsigChange: NOW,
  dsChange: NOW,
};
const key = (id: string, publish: number | undefined, state: PlannedState = KNOWN): PlannedKey => ({
  id,
  tag: id.length,
  algorithm: 13,
  bits: 256,
  flags: 257,
  times: { created: publish ?? NOW, ...(publish !== undefined && { publish }), activate: publish ?? NOW },
  state,
});
const POLICY = short(line('csk'));
const decide = (keys: readonly PlannedKey[], now: number): Plan => plan(POLICY, keys, {}, now);
const isOffered = (keys: readonly PlannedKey[], now: number): boolean => decide(keys, now).publication.sync.length > 0;

test('RFC 2308 section 5: CDS waits until no cache has the answer that there is no DNSKEY', () => {
  // max-zone-ttl 700 and zone-propagation-delay 20.
  const young = [key('young', NOW)];
  assert.ok(!isOffered(young, NOW));
  assert.ok(!isOffered(young, NOW + 719));
  assert.ok(isOffered(young, NOW + 720));
  const wait = decide(young, NOW).waits.find(({ record }) => record === 'ds');
  assert.deepEqual([wait?.reason, wait?.until], ['time', NOW + 720]);
  assert.equal(decide(young, NOW).nextEvent, NOW + 720);
});

test('RFC 2308 section 5: a key beside one that has been there for long does not wait for that', () => {
  const going = key('going', NOW - 5000, { ...KNOWN, goal: 'hidden', ds: 'omnipresent' });
  assert.ok(isOffered([key('young', NOW), going], NOW));
  // Without a moment of publication its DNSKEY is as old as its state.
  assert.ok(!isOffered([key('young', undefined)], NOW + 719));
  assert.ok(isOffered([key('young', undefined)], NOW + 720));
});

test('RFC 2308 section 5: a DNSKEY that comes back, by states that contradict each other, was away until now', () => {
  const away = {
    dnskey: 'unretentive',
    krrsig: 'unretentive',
    zrrsig: 'unretentive',
    dnskeyChange: NOW - 500,
  } as const;
  const [action] = decide([key('back', NOW - 5000, { ...KNOWN, ...away })], NOW).actions;
  assert.ok(action.kind === 'update' && action.state.dnskey === 'rumoured');
  const { times } = action;
  assert.equal(times.publish, NOW);
  const back = { ...key('back', NOW - 5000), times };
  assert.ok(!isOffered([back], NOW + 719));
  assert.ok(isOffered([back], NOW + 720));
});
