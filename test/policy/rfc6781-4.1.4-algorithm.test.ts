import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Life, START } from './life.ts';
import { line, short, SHORT_INSECURE } from './short-policy.ts';

/* RFC 6781 section 4.1.4: another algorithm, the conservative way: signatures come first and go last. */

const OLD = short(line('ksk'), line('zsk'));
const NEW = short(line('ksk', 0, 15), line('zsk', 0, 15));

function rolled(): Life {
  const life = new Life(OLD).advance(5630);
  life.change(NEW);
  return life;
}

test('S-089 signatures of the new algorithm come before its DNSKEY, and those of the old one stay after it', () => {
  const life = rolled().advance(12_700);
  assert.deepEqual(life.lines(5630), [
    '5630 K2 made',
    '5630 K3 made',
    '6540 K2 dnskey rumoured',
    '6540 K2 krrsig rumoured',
    '6540 K3 zrrsig omnipresent',
    '6540 K3 dnskey rumoured',
    '7170 K0 ds unretentive',
    '7170 K2 dnskey omnipresent',
    '7170 K2 krrsig omnipresent',
    '7170 K2 ds rumoured',
    '7170 K3 dnskey omnipresent',
    '8190 K0 ds hidden',
    '8190 K0 dnskey unretentive',
    '8190 K0 krrsig unretentive',
    '8190 K1 dnskey unretentive',
    '8190 K2 ds omnipresent',
    '8710 K0 dnskey hidden',
    '8710 K0 krrsig hidden',
    '8710 K1 dnskey hidden',
    '8710 K1 zrrsig unretentive',
    '9620 K1 zrrsig hidden',
    '11710 K0 purged',
    '12620 K1 purged',
  ]);
});

test('the times of the new keys tell when their DNSKEY and CDS appear', () => {
  const { times } = rolled().key('K2');
  assert.deepEqual([times.publish, times.activate, times.syncPublish], [START + 6540, START + 5630, START + 7170]);
});

test('what is published signs everything at each moment', () => {
  const life = rolled();
  for (const [until, dnskey, signsKeys, signsZone, sync] of [
    [6539, ['K0', 'K1'], ['K0'], ['K1', 'K3'], ['K0']],
    [7169, ['K0', 'K1', 'K2', 'K3'], ['K0', 'K2'], ['K1', 'K3'], ['K0']],
    [8189, ['K0', 'K1', 'K2', 'K3'], ['K0', 'K2'], ['K1', 'K3'], ['K2']],
    [8709, ['K2', 'K3'], ['K2'], ['K1', 'K3'], ['K2']],
    [9000, ['K2', 'K3'], ['K2'], ['K3'], ['K2']],
  ] as const) {
    const { publication } = life.advance(until).plan;
    assert.deepEqual(
      [publication.dnskey, publication.signsKeys, publication.signsZone, publication.sync],
      [dnskey, signsKeys, signsZone, sync],
      `${until}`,
    );
  }
});

test('before there is a DS nothing has to wait: the new keys take the place of the old ones at once, as in BIND', () => {
  const life = new Life(short(line('csk'))).advance(636);
  life.change(short(line('csk', 0, 15)));
  assert.deepEqual(life.plan.publication.dnskey, ['K1']);
  assert.deepEqual(life.plan.publication.signsZone, ['K1']);
  life.advance(2000);
  assert.deepEqual(life.lines(640), [
    '1156 K0 dnskey hidden',
    '1156 K0 krrsig hidden',
    '1266 K1 dnskey omnipresent',
    '1266 K1 krrsig omnipresent',
    '1546 K0 zrrsig hidden',
    '1546 K1 zrrsig omnipresent',
    '1546 K1 ds rumoured',
  ]);
});

test('S-089 the old policy again in the middle: its keys are called back, and the new ones leave', () => {
  for (const after of [5700, 6600, 7200]) {
    const life = rolled().advance(after);
    life.change(OLD);
    assert.deepEqual([life.key('K0').state?.goal, life.key('K1').state?.goal], ['omnipresent', 'omnipresent']);
    assert.equal(life.key('K0').times.inactive, undefined);
    life.advance(40_000);
    assert.deepEqual(life.zone.keys.map(({ id }) => id).toSorted(), ['K0', 'K1'], `${after}`);
    assert.equal(life.key('K0').state?.ds, 'omnipresent');
  }
});

test('S-089 a third algorithm in the middle of the rollover to the second', () => {
  const life = rolled().advance(7000);
  life.change(short(line('csk', 0, 14, 384)));
  life.advance(40_000);
  assert.deepEqual(
    life.zone.keys.map(({ algorithm, state }) => [algorithm, state?.ds, state?.goal]),
    [[14, 'omnipresent', 'omnipresent']],
  );
});

test('S-065 S-087 going insecure in the middle waits for every DS, and nothing is left', () => {
  const life = rolled().advance(7200);
  life.parentFollows = false;
  life.change(SHORT_INSECURE);
  life.advance(20_000);
  assert.ok(life.plan.publication.syncDelete);
  // The DS of the old algorithm went before; the new one's is still there.
  assert.deepEqual(life.plan.publication.signsZone, ['K3']);
  life.parentFollows = true;
  life.look();
  life.advance(30_000);
  assert.deepEqual([life.plan.publication.isSigned, life.plan.publication.dnskey], [false, []]);
});

test('a zone with two algorithms offers no DS before both sign all of it (RFC 4035 2.2)', () => {
  const life = new Life(short(line('csk'))).advance(300);
  life.change(short(line('csk'), line('csk', 0, 15)));
  life.advance(1209);
  assert.deepEqual(life.plan.publication.sync, []);
  assert.equal(life.wait('K0', 'ds')?.reason, 'signatures not known everywhere');
  assert.deepEqual(life.wait('K0', 'ds')?.others, ['K1']);
  assert.deepEqual(life.advance(1210).plan.publication.sync, ['K0', 'K1']);
});
