import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlannedKey } from '../../src/policy/planned-key.ts';
import { plan } from '../../src/policy/plan.ts';
import { line, short } from './short-policy.ts';

const NOW = 1_000_000;
const LOW = { low: 0, high: 32_767 };
const policy = short({ ...line('csk'), tagRange: LOW });

/** A CSK that was made for later; with a state it is one of the policy's. */
const key = (tag: number, state?: PlannedKey['state']): PlannedKey => ({
  id: `key ${tag}`,
  tag,
  algorithm: 13,
  bits: 256,
  flags: 257,
  times: state ? { created: 0, publish: 0, activate: 0 } : { created: 0 },
  // As dnssec-keygen -k leaves it.
  state: state ?? { ksk: true, zsk: true },
});
const IN_USE: PlannedKey['state'] = {
  goal: 'omnipresent',
  ksk: true,
  zsk: true,
  dnskey: 'omnipresent',
  krrsig: 'omnipresent',
  zrrsig: 'omnipresent',
  ds: 'omnipresent',
};

test('S-063 (part) a key in use stays when the range comes to leave it out', () => {
  const { actions } = plan(policy, [key(40_000, IN_USE)], {}, NOW);
  assert.ok(actions.every(({ kind }) => kind === 'update'));
  assert.ok(actions.every((action) => action.kind !== 'update' || action.state.goal === 'omnipresent'));
});

test('S-063 (part) what is made carries the range', () => {
  const [action] = plan(policy, [], {}, NOW).actions;
  assert.ok(action.kind === 'generate');
  assert.deepEqual(action.line.tagRange, LOW);
});

test('S-063 (part) a key that was made for later is used only with both of its tags in the range', () => {
  const used = (tag: number): boolean => plan(policy, [key(tag)], {}, NOW).actions.some(({ kind }) => kind === 'adopt');
  assert.ok(used(0));
  assert.ok(used(32_767 - 129));
  // Revoked it would have 32768 or 32769.
  for (const tag of [32_767 - 127, 32_767, 32_768, 65_535]) assert.ok(!used(tag), String(tag));
});
