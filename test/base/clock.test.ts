import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedClock, SystemClock } from '../../src/base/clock.ts';
import { randomBelow, SeededRandom } from '../../src/base/random.ts';

const START = 1_800_000_000;

describe('SimulatedClock', () => {
  test('stands still, then fires each timer at its own moment, in order', async () => {
    const clock = new SimulatedClock(START);
    const fired: [string, number][] = [];
    clock.after(2000, () => fired.push(['b', clock.now()]));
    clock.after(1000, () => fired.push(['a', clock.now()]));
    clock.after(2000, () => fired.push(['c', clock.now()]));
    clock.after(3001, () => fired.push(['late', clock.now()]));
    assert.equal(clock.nextTimer(), START + 1);
    await clock.advance(3);
    assert.deepEqual(fired, [
      ['a', START + 1],
      ['b', START + 2],
      ['c', START + 2],
    ]);
    assert.equal(clock.now(), START + 3);
    assert.equal(clock.monotonic(), 3000);
  });

  test('timers and promises that a timer starts run within the same advance', async () => {
    const clock = new SimulatedClock(START);
    let ticks = 0;
    const tick = async (): Promise<void> => {
      await Promise.resolve();
      ticks++;
      clock.after(1000, () => void tick());
    };
    clock.after(1000, () => void tick());
    await clock.advance(10);
    assert.equal(ticks, 10);
  });

  test('a cancelled timer does not fire, and cancelling twice is nothing', async () => {
    const clock = new SimulatedClock(START);
    const timer = clock.after(1000, () => assert.fail('was cancelled'));
    timer.cancel();
    timer.cancel();
    assert.equal(clock.nextTimer(), undefined);
    await clock.advance(5);
  });

  test('a year passes with a timer an hour', async () => {
    const clock = new SimulatedClock(START);
    let hours = 0;
    const hourly = (): void => {
      hours++;
      if (hours < 8760) clock.after(3_600_000, hourly);
    };
    clock.after(3_600_000, hourly);
    await clock.advance(8760 * 3600);
    assert.equal(hours, 8760);
  });
});

describe('SystemClock', () => {
  test('fires after at least the time asked for', async () => {
    const clock = new SystemClock();
    // A turn of the event loop that is long already: Node counts from its beginning.
    const busy = clock.monotonic();
    while (clock.monotonic() - busy < 10);
    const before = clock.monotonic();
    await new Promise<void>((resolve) => clock.after(15, resolve));
    assert.ok(clock.monotonic() - before >= 14);
    assert.ok(Math.abs(clock.now() - Date.now() / 1000) < 2);
  });

  test('takes timers longer than 2^31 milliseconds without firing at once', async () => {
    const clock = new SystemClock();
    const timer = clock.after(2 ** 33, () => assert.fail('fired weeks too early'));
    await new Promise<void>((resolve) => clock.after(10, resolve));
    timer.cancel();
  });
});

describe('SeededRandom', () => {
  test('the same seed gives the same octets, another seed others', () => {
    const draw = (seed: number): Uint8Array => new SeededRandom(seed).fill(new Uint8Array(16));
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
  });

  test('randomBelow reaches every number below the limit and no other', () => {
    const random = new SeededRandom(7);
    const seen = new Set<number>();
    for (let i = 0; i < 2000; i++) seen.add(randomBelow(random, 10));
    assert.deepEqual(
      [...seen].toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
  });
});
