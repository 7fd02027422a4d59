import assert from 'node:assert/strict';
import test from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import type { MemoryDisk } from '../base/memory-disk.ts';
import { conf, confDisk, DAY, signet, START } from '../simulate/signet-fixture.ts';

/* What `signet plan` and `signet simulate` say of a tag-range before it is in use. */

const LONG_AGO = START - 400 * DAY;
const ranged = (range: string): string =>
  conf(`dnssec-policy tested { keys { csk lifetime unlimited algorithm 13${range}; }; };`);

/** A key directory with a CSK of BIND's, by times alone, with a tag in the range. */
function adopted(configuration: string, tagRange: { low: number; high: number }): { disk: MemoryDisk; tag: number } {
  const disk = confDisk(configuration);
  disk.refusal = undefined;
  const clock = new SimulatedClock(LONG_AGO);
  const store = new FileKeyStore({ directory: '/zones/keys' }, { disk, clock, log: silentLog });
  const times = { created: LONG_AGO, publish: LONG_AGO, activate: LONG_AGO };
  const zone = mustName('dnssec.example.');
  const { tag } = store.generate({ zone, algorithm: 13, flags: 257, ttl: 3600, times, tagRange });
  disk.refusal = 'EROFS';
  return { disk, tag };
}

const answerOf = (disk: MemoryDisk): { code: number; result: string; keys: string } => {
  const ran = signet(disk, ['plan', '/named.conf']);
  const result = ran.out.split('\n').find((line) => line.startsWith('result: '))!;
  return { code: ran.code, result, keys: ran.out };
};

test('S-063 (part) a zone is adopted without a rollover where the range has its keys, and a year keeps the promise', () => {
  const { disk } = adopted(ranged(' tag-range 0 32767'), { low: 0, high: 32_767 });
  assert.match(answerOf(disk).result, /no rollover will start/);
});

test('S-063 (part) where the range leaves a key out the plan says that a rollover starts, and why', () => {
  const { disk, tag } = adopted(ranged(' tag-range 0 32767'), { low: 40_000, high: 60_000 });
  const { result, keys } = answerOf(disk);
  const why = `tag ${tag}, or the one that a revocation would give it, is not in tag-range 0 32767`;
  assert.ok(result.startsWith('result: this starts a rollover: csk #1') && result.includes(`because ${why}`), result);
  assert.match(keys, /there is none with a tag in 0 to 32767/);
  assert.match(answerOf(adopted(ranged(''), { low: 40_000, high: 60_000 }).disk).result, /no rollover will start/);
});

test('S-063 (part) signet explain says why a key goes that only the range leaves out', () => {
  const { disk, tag } = adopted(ranged(' tag-range 0 32767'), { low: 40_000, high: 60_000 });
  disk.refusal = undefined;
  const state =
    'GoalState: hidden\nDNSKEYState: omnipresent\nZRRSIGState: omnipresent\nKRRSIGState: omnipresent\nDSState: omnipresent\n';
  const base = `/zones/keys/Kdnssec.example.+013+${String(tag).padStart(5, '0')}`;
  disk.put(`${base}.state`, `Algorithm: 13\nLength: 256\nLifetime: 0\nKSK: yes\nZSK: yes\n${state}`);
  const { out } = signet(disk, ['explain', 'dnssec.example', '-c', '/named.conf']);
  assert.match(out, /is being withdrawn: its tag, .* is not in tag-range 0 32767/);
});

test('S-063 (part) simulated keys have tags in the range: rollovers come when their time has come, and no others', () => {
  const policy =
    'dnssec-policy tested { keys { zsk lifetime P60D algorithm 13 tag-range 40000 40200; ksk lifetime unlimited algorithm 13; }; };';
  const plain = policy.replace(' tag-range 40000 40200', '');
  const linesOf = (text: string): number => {
    const ran = signet(confDisk(conf(text)), ['simulate', '/named.conf', '--years', '2']);
    assert.equal(ran.code, 0, ran.out + ran.err);
    return ran.out.split('\n').filter((line) => line.includes('made and published')).length;
  };
  const made = linesOf(plain);
  assert.ok(made > 10);
  assert.equal(linesOf(policy), made);
});
