import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyWait } from '../../src/policy/key-wait.ts';
import type { ServedTtl } from '../../src/policy/observations.ts';
import { plan } from '../../src/policy/plan.ts';
import { Life, START } from './life.ts';
import { line, short } from './short-policy.ts';

/* What a plan says of the steps that are not due, and intervals that take longer because a longer TTL was served. */

const POLICY = short(line('ksk', 30_000), line('zsk', 12_000));

const brief = (wait: KeyWait | undefined): unknown =>
  wait && [wait.reason, wait.others, wait.until && wait.until - START, wait.interval?.term];

const parts = (wait: KeyWait | undefined): unknown => wait?.interval?.parts.map(({ name, seconds }) => [name, seconds]);

test('each record of a new zone says what it waits for, with the interval of RFC 7583 and its parts', () => {
  const life = new Life(POLICY);
  assert.deepEqual(brief(life.wait('K0', 'dnskey')), ['time', [], 630, 'IpubC']);
  assert.deepEqual(brief(life.wait('K1', 'dnskey')), ['time', [], 630, 'Ipub']);
  assert.deepEqual(parts(life.wait('K1', 'dnskey')), [
    ['dnskey-ttl', 500],
    ['zone-propagation-delay', 20],
    ['publish-safety', 110],
  ]);
  assert.deepEqual(brief(life.wait('K1', 'zrrsig')), ['time', [], 910, 'Iret']);
  assert.deepEqual(brief(life.wait('K0', 'ds')), ['dnskey not known everywhere', ['K0'], undefined, undefined]);
  assert.deepEqual(brief(life.wait('K1', undefined)), ['time', [], 11_370, 'Lzsk']);
  assert.deepEqual(brief(life.wait('K0', undefined)), ['time', [], 29_370, 'Lksk']);
  assert.equal(life.plan.nextEvent, START + 630);
  life.advance(700);
  assert.deepEqual(brief(life.wait('K0', 'ds')), ['signatures not known everywhere', ['K1'], undefined, undefined]);
});

test('the DS waits for the parent, and then for its caches', () => {
  const life = new Life(POLICY);
  life.parentFollows = false;
  life.advance(1000);
  assert.deepEqual(brief(life.wait('K0', 'ds')), ['ds not seen at parent', [], undefined, undefined]);
  const seen = new Map([['K0', START + 1000]]);
  const wait = life.zone.run(POLICY, START + 1000, { dsSeen: seen }).plan.waits.find(({ record }) => record === 'ds');
  assert.deepEqual(brief(wait), ['time', [], 2020, 'IpubP']);
});

test('what leaves says which key it waits for, and Dsgn has its parts', () => {
  const life = new Life(POLICY).advance(12_000);
  assert.deepEqual(brief(life.wait('K1', 'dnskey')), ['successor not ready', ['K2'], undefined, undefined]);
  assert.deepEqual(brief(life.wait('K1', 'zrrsig')), ['successor not ready', ['K2'], undefined, undefined]);
  assert.deepEqual(brief(life.wait('K2', 'zrrsig')), ['time', [], 17_910, 'Iret']);
  assert.deepEqual(parts(life.wait('K2', 'zrrsig')), [
    ['max-zone-ttl', 700],
    ['signatures-validity', 20_000],
    ['signatures-refresh', -15_000],
    ['zone-propagation-delay', 20],
    ['retire-safety', 190],
  ]);
  life.advance(19_000);
  assert.deepEqual(brief(life.wait('K1', undefined)), ['time', [], 21_430, 'purge-keys']);
});

/** The wait of the ZSK's DNSKEY, published at the start, when this was served. */
function dnskeyWait(served: readonly ServedTtl[]): KeyWait | undefined {
  const { keys } = new Life(POLICY).zone;
  const { waits } = plan(POLICY, keys, { served }, START);
  return waits.find(({ key, record }) => key === 'K1' && record === 'dnskey');
}

test('S-131 the highest TTL that was served and is still in caches counts where it is longer than the policy says', () => {
  const still: ServedTtl = { rrset: 'dnskey', ttl: 3000, until: undefined };
  assert.deepEqual(brief(dnskeyWait([still])), ['time', [], 3130, 'Ipub']);
  assert.deepEqual(
    parts(dnskeyWait([still]))?.toString(),
    'highest TTL served,3000,zone-propagation-delay,20,publish-safety,110',
  );
  // Served last 2000 seconds before the key appeared.
  const earlier: ServedTtl = { ...still, until: START - 2000 };
  assert.equal(dnskeyWait([earlier])?.until, START + 1000 + 130);
  assert.equal(dnskeyWait([{ ...still, until: START - 2600 }])?.until, START + 630);
  assert.equal(dnskeyWait([{ ...still, ttl: 400 }])?.until, START + 630);
  assert.equal(dnskeyWait([{ ...still, rrset: 'zone' }])?.until, START + 630);
});

test('the end of a ZSK waits for the longest Dsgn that was in force while it retired', () => {
  const life = new Life(POLICY).advance(13_000);
  const until = (served: readonly ServedTtl[]): number | undefined =>
    plan(POLICY, life.zone.keys, { served }, START + 13_000).waits.find(
      ({ key, record }) => key === 'K2' && record === 'zrrsig',
    )?.until;
  assert.equal(until([]), START + 17_910);
  assert.equal(until([{ rrset: 'signatures', ttl: 9000, until: START + 12_500 }]), START + 21_910);
  assert.equal(until([{ rrset: 'signatures', ttl: 9000, until: START + 11_000 }]), START + 17_910);
});
