import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineLeavingOut } from '../../src/policy/match-keys.ts';
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

test('S-063 (part) a key in use that the range leaves out is retired and another made, as by BIND 9.20', () => {
  const { actions } = plan(policy, [key(40_000, IN_USE)], {}, NOW);
  const [made, leaving] = actions;
  assert.ok(made.kind === 'generate' && made.predecessor === undefined);
  assert.ok(leaving.kind === 'update' && leaving.state.goal === 'hidden');
  // Its DS and DNSKEY stay until the other's are known: what goes goes step by step.
  assert.deepEqual(leaving.changes, []);
  assert.equal(lineLeavingOut(key(40_000, IN_USE), policy)?.tagRange, LOW);
  assert.equal(lineLeavingOut(key(20_000, IN_USE), policy), undefined);
});

test('S-063 (part) both tags of a key in use count, by the REVOKE bit of that very key', () => {
  const isKept = (tag: number, revokedTag?: number): boolean => {
    const one = { ...key(tag, IN_USE), ...(revokedTag !== undefined && { revokedTag }) };
    return !plan(policy, [one], {}, NOW).actions.some(({ kind }) => kind === 'generate');
  };
  assert.ok(isKept(0) && isKept(32_767 - 128) && isKept(32_767 - 128, 32_767));
  assert.ok(!isKept(32_767 - 127) && !isKept(32_767 - 128, 32_768) && !isKept(65_500, 93));
  // Already on its way out, it cannot be called back.
  const { actions } = plan(policy, [key(40_000, { ...IN_USE, goal: 'hidden' })], {}, NOW);
  assert.ok(actions.some(({ kind }) => kind === 'generate'));
});

test('S-063 (part) a key without policy whose tag the range leaves out goes, and one within is taken up', () => {
  const loose = (tag: number): PlannedKey => ({ ...key(tag), times: { created: 0, publish: 0, activate: 0 } });
  const kinds = (tag: number): string[] => plan(policy, [loose(tag)], {}, NOW).actions.map(({ kind }) => kind);
  assert.ok(kinds(40_000).includes('generate') && !kinds(40_000).includes('adopt'));
  assert.ok(!kinds(20_000).includes('generate') && kinds(20_000).includes('adopt'));
});

test('S-063 (part) what is made carries the range', () => {
  const [action] = plan(policy, [], {}, NOW).actions;
  assert.ok(action.kind === 'generate');
  assert.deepEqual(action.line.tagRange, LOW);
});

test('S-063 (part) a key that was made for later is used only with both of its tags in the range', () => {
  const used = (tag: number): boolean => plan(policy, [key(tag)], {}, NOW).actions.some(({ kind }) => kind === 'adopt');
  assert.ok(used(0));
  assert.ok(used(32_767 - 128));
  // Revoked it would have 32768.
  for (const tag of [32_767 - 127, 32_767, 32_768, 65_535]) assert.ok(!used(tag), String(tag));
});
