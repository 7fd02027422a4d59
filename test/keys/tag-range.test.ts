import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { tagOfOtherRevocation } from '../../src/crypto/key-tag.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyRequest } from '../../src/keys/key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const ZONE = mustName('zone.example.');

function open(): FileKeyStore {
  const disk = new MemoryDisk();
  disk.makeDirectory('/keys');
  return new FileKeyStore({ directory: '/keys' }, { disk, clock: new SimulatedClock(0), log: new MemoryLog() });
}

const request = (over: Partial<KeyRequest>): KeyRequest => ({
  zone: ZONE,
  algorithm: 13,
  flags: 257,
  times: {},
  ...over,
});

test('S-063 (part) new keys have tags in the range, before and after they are revoked, and no two collide', () => {
  for (const [low, high] of [
    [0, 32_767],
    [32_768, 65_535],
    [10_000, 12_000],
  ]) {
    const store = open();
    const taken = new Set<number>();
    for (let i = 0; i < 20; i++) {
      const pair = store.generate(request({ algorithm: i & 1 ? 13 : 15, tagRange: { low, high } }));
      for (const tag of [pair.tag, tagOfOtherRevocation(pair.dnskey)]) {
        assert.ok(tag >= low && tag <= high, `${tag} is not in ${low} to ${high}`);
        assert.ok(!taken.has(tag));
        taken.add(tag);
      }
    }
  }
});

test('S-063 (part) an RSA key has its tag in the range, too', () => {
  const pair = open().generate(request({ algorithm: 8, bits: 1024, tagRange: { low: 0, high: 40_000 } }));
  assert.ok(Math.max(pair.tag, tagOfOtherRevocation(pair.dnskey)) <= 40_000);
});

test('S-063 (part) a tag outside of the range is no collision', () => {
  let collisions = 0;
  for (let i = 0; i < 5; i++)
    open().generate(request({ tagRange: { low: 0, high: 1000 }, onCollision: () => void collisions++ }));
  assert.equal(collisions, 0);
});

test('S-063 (part) a range that is used up ends after a bounded number of tries, with what to do', () => {
  const store = open();
  const avoidTags = Array.from({ length: 1200 }, (_, i) => 5000 + i);
  assert.throws(() => store.generate(request({ algorithm: 15, avoidTags, tagRange: { low: 5000, high: 6000 } })), {
    code: 'KEY_TAGS_EXHAUSTED',
    message: /no free key tag in tag-range 5000 6000 was found for zone\.example\. in \d+ tries; .*widen the range/,
  });
  assert.equal(store.list(ZONE).keys.length, 0);
});
