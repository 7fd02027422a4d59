import assert from 'node:assert/strict';
import test from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryScrubber } from '../../src/base/memory-scrubber.ts';

test('S-371 (part) garbage is collected and given back a moment after the last secret, and again later', async () => {
  const clock = new SimulatedClock(1_800_000_000);
  const trimmed: number[] = [];
  using scrubber = new MemoryScrubber({ clock, trimHeap: () => void trimmed.push(clock.monotonic() / 1000) });
  // Nothing refers to it any more: only a collection that was asked for finds that out here and now.
  const gone = new WeakRef({});
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 10; i++) {
    scrubber.soon();
    await clock.advance(0.5);
  }
  assert.deepEqual(trimmed, []);
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(60);
  assert.deepEqual(trimmed, [5.5, 14.5]);
  assert.equal(gone.deref(), undefined);
  await clock.advance(3600);
  assert.equal(trimmed.length, 2);
  assert.equal((globalThis as { gc?: unknown }).gc, undefined, 'the collector is nobody else’s');
});
