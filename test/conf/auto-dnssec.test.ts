import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsOf, good } from './configurations.ts';

const DAY = 86_400;
const HOUR = 3600;

const zone = (clauses: string): string => `zone a { type primary; file "a"; inline-signing yes; ${clauses} };`;
const manual = (clauses: string, outer = '') => good(outer + zone(clauses)).views[0].zones[0];
/** Faults without their place and without what is said of auto-dnssec in general. */
const complaints = (text: string): string[] =>
  faultsOf(text)
    .filter((fault) => !/deprecated/.test(fault))
    .map((fault) => fault.replace(/named\.conf:\d+:\d+: /, ''));

test('S-093 S-095 auto-dnssec with the defaults of BIND 9.18', () => {
  for (const mode of ['allow', 'maintain'] as const) {
    const { manualKeys, loadKeysInterval, policy } = manual(`auto-dnssec ${mode};`);
    assert.deepEqual(manualKeys, {
      mode,
      signaturesValidity: 30 * DAY,
      signaturesValidityDnskey: 30 * DAY,
      signaturesRefresh: 7.5 * DAY,
    });
    assert.equal(loadKeysInterval, HOUR);
    assert.equal(policy, undefined);
  }
});

test('S-096 auto-dnssec off, or none, means that keys are left alone', () => {
  assert.equal(manual('auto-dnssec off;').manualKeys, undefined);
  assert.equal(manual('').manualKeys, undefined);
  assert.equal(manual('').loadKeysInterval, undefined);
});

test('S-096 the intervals are in days, hours or minutes, and options give them for all zones', () => {
  const long = manual(
    'auto-dnssec maintain; sig-validity-interval 20 5; dnskey-sig-validity 40; dnssec-loadkeys-interval 5;',
  );
  assert.deepEqual(long.manualKeys, {
    mode: 'maintain',
    signaturesValidity: 20 * DAY,
    signaturesValidityDnskey: 40 * DAY,
    signaturesRefresh: 5 * DAY,
  });
  assert.equal(long.loadKeysInterval, 300);
  const outer = 'options { sig-validity-interval 7 30; dnskey-sig-validity 0; dnssec-loadkeys-interval 1441; };';
  const short = manual('auto-dnssec allow;', outer);
  assert.equal(short.manualKeys?.signaturesRefresh, 30 * HOUR);
  assert.equal(short.manualKeys.signaturesValidityDnskey, 7 * DAY);
  assert.equal(short.loadKeysInterval, 1440 * 60);
  assert.equal(manual('auto-dnssec allow; sig-validity-interval 8;').manualKeys?.signaturesRefresh, 2 * DAY);
  assert.equal(manual('dnssec-policy default; dnssec-loadkeys-interval 5;').loadKeysInterval, 300);
});

test('S-093 S-095 what BIND refuses, in its words', () => {
  for (const mode of ['allow', 'maintain']) {
    assert.deepEqual(complaints(zone(`auto-dnssec ${mode}; dnssec-policy default;`)), [
      `'auto-dnssec ${mode};' cannot be configured if dnssec-policy is also set`,
    ]);
    assert.deepEqual(complaints(`zone a { type primary; file "a"; auto-dnssec ${mode}; };`), [
      `'auto-dnssec ${mode};' requires dynamic DNS or inline-signing to be configured for the zone`,
    ]);
    for (const block of ['options', 'view v']) {
      assert.deepEqual(complaints(`${block} { auto-dnssec ${mode}; };`), [
        'auto-dnssec may only be activated at the zone level',
      ]);
    }
  }
  assert.deepEqual(complaints(zone('auto-dnssec off; dnssec-policy default;')), []);
  assert.deepEqual(complaints(zone('auto-dnssec maintain; dnssec-policy none;')), []);
});

test('S-096 numbers out of range', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['sig-validity-interval 0;', "sig-validity-interval '0' is out of range (1..3660)"],
    ['sig-validity-interval 4000;', "sig-validity-interval '4000' is out of range (1..3660)"],
    ['sig-validity-interval 8 0;', "sig-validity-interval (re-sign) '0' is out of range (1..3660)"],
    ['sig-validity-interval 30 40;', 'validity interval (30 days) less than re-signing interval (40 days)'],
    ['sig-validity-interval 3 73;', 'validity interval (3 days) less than re-signing interval (73 hours)'],
    ['dnskey-sig-validity 4000;', "dnskey-sig-validity '4000' is out of range (0..3660)"],
    ['dnssec-loadkeys-interval 0;', "dnssec-loadkeys-interval '0' is out of range (1..1440)"],
    ['dnssec-loadkeys-interval 1441;', "warning: dnssec-loadkeys-interval '1441' is reduced to 1440 minutes"],
  ];
  for (const [clauses, text] of cases) {
    assert.deepEqual(complaints(zone(clauses)), [text]);
    assert.deepEqual(complaints(`options { ${clauses} };`), [text]);
  }
  for (const clauses of ['sig-validity-interval 7 168;', 'dnskey-sig-validity 7;']) {
    assert.deepEqual(complaints(zone(clauses)), []);
    assert.match(complaints(zone(`auto-dnssec maintain; ${clauses}`)).join(), /there must be at least 6 hours between/);
  }
});

test('what a policy says itself is not said beside it', () => {
  for (const clause of [
    'sig-validity-interval 30',
    'dnskey-sig-validity 9',
    'update-check-ksk yes',
    'dnssec-dnskey-kskonly yes',
  ]) {
    assert.deepEqual(complaints(zone(`dnssec-policy default; ${clause};`)), [
      `${clause.split(' ')[0]}: cannot be configured if dnssec-policy is also set`,
    ]);
  }
  assert.deepEqual(complaints(`options { sig-validity-interval 20; };${zone('dnssec-policy default;')}`), []);
});
