import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { refreshTime, signatureTimes } from '../../src/policy/signature-times.ts';

const NOW = 1_795_250_000;
const DAY = 86_400;

test('S-051 S-052 S-054 signatures begin an hour ago and end after their validity, data up to the jitter earlier', () => {
  const policy = { ...DEFAULT_POLICY, signaturesValidityDnskey: 20 * DAY };
  const times = signatureTimes(policy, NOW);
  assert.equal(times.inception, NOW - 3600);
  assert.equal(times.expiration, NOW + 14 * DAY);
  assert.equal(times.expirationDnskey, NOW + 20 * DAY);
  assert.equal(times.jitter, 12 * 3600);
});

test('S-053 a signature is replaced when the rest of its life is at most signatures-refresh', () => {
  const expiration = NOW + 14 * DAY;
  const due = refreshTime(DEFAULT_POLICY, expiration);
  assert.equal(due, expiration - 5 * DAY);
  const isReplaced = (now: number): boolean => expiration < signatureTimes(DEFAULT_POLICY, now).refreshBefore;
  assert.equal(isReplaced(due - 1), false);
  assert.equal(isReplaced(due), true);
});
