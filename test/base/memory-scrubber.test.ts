import assert from 'node:assert/strict';
import test from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryScrubber } from '../../src/base/memory-scrubber.ts';

test('S-371 (part) garbage is collected and given back a moment after the last secret, and again later', async () => {
  const clock = new SimulatedClock(1_800_000_000);
  const trimmed: number[] = [];
  const overwriting: [boolean, number][] = [];
  const at = (): number => clock.monotonic() / 1000;
  const heap = {
    trimHeap: () => void trimmed.push(at()),
    overwriteFreed: (isOn: boolean) => void overwriting.push([isOn, at()]),
  };
  using scrubber = new MemoryScrubber({ clock, heap });
  // Nothing refers to it any more: only a collection that was asked for finds that out here and now.
  const gone = new WeakRef({});
  await new Promise((resolve) => setImmediate(resolve));
  for (let i = 0; i < 4; i++) {
    scrubber.soon();
    await clock.advance(0.4);
  }
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(60);
  assert.deepEqual(trimmed, [1, 2.2, 11.2]);
  assert.equal(gone.deref(), undefined);
  await clock.advance(3600);
  assert.equal(trimmed.length, 3);
  assert.deepEqual(overwriting, [[true, 0], [false, 13.2]]); // prettier-ignore
  scrubber.expect();
  await clock.advance(60);
  assert.equal(trimmed.length, 3, 'nothing came');
  assert.deepEqual(overwriting.slice(2), [[true, 3661.6], [false, 3673.6]]); // prettier-ignore
  assert.equal((globalThis as { gc?: unknown }).gc, undefined, 'the collector is nobody else’s');
});
