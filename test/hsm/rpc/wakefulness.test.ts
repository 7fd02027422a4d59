import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { Wakefulness } from '../../../src/hsm/rpc/wakefulness.ts';

/* The event loop stays awake for a moment after a reply, and never for longer. */

/** Turns of an event loop that the test makes itself. */
class Turns {
  waiting: (() => void)[] = [];
  readonly next = (callback: () => void): void => void this.waiting.push(callback);

  /** False: nothing keeps the event loop awake. */
  take(): boolean {
    const [callback, ...others] = this.waiting;
    assert.deepEqual(others, [], 'one chain of turns, however many replies');
    this.waiting = [];
    callback?.();
    return callback !== undefined;
  }
}

test('it sleeps when no other reply follows within a part of a millisecond', async () => {
  const clock = new SimulatedClock(1_800_000_000);
  const turns = new Turns();
  const wakefulness = new Wakefulness(clock, turns.next, 2);
  assert.equal(turns.take(), false, 'nothing was sent yet');
  wakefulness.prolong();
  for (let i = 0; i < 10; i++) assert.equal(turns.take(), true);
  await clock.advance(0.001);
  assert.equal(turns.take(), true, 'the turn that finds out');
  assert.equal(turns.take(), false);
  wakefulness.prolong();
  assert.equal(turns.take(), true, 'the next reply begins anew');
});

test('replies that follow each other keep it awake, in one chain of turns', () => {
  const clock = new SimulatedClock(1_800_000_000);
  const turns = new Turns();
  const wakefulness = new Wakefulness(clock, turns.next, 2);
  for (let i = 0; i < 5000; i++) {
    wakefulness.prolong();
    wakefulness.prolong();
    assert.equal(turns.take(), true);
  }
});

test('a clock that stands still does not keep it awake for ever', () => {
  const turns = new Turns();
  const wakefulness = new Wakefulness(new SimulatedClock(1_800_000_000), turns.next, 2);
  wakefulness.prolong();
  let taken = 0;
  while (turns.take()) assert.ok(++taken <= 1000);
  assert.ok(taken > 100, String(taken));
});

test('devices have the cores while as many calls are under way', () => {
  const clock = new SimulatedClock(1_800_000_000);
  const turns = new Turns();
  const wakefulness = new Wakefulness(clock, turns.next, 3);
  const isAwake = (): boolean => {
    wakefulness.prolong();
    return turns.take();
  };
  wakefulness.count(1);
  assert.equal(isAwake(), true, 'a core for the call, one for the port, one for the client');
  assert.equal(turns.take(), true);
  wakefulness.count(1);
  turns.take();
  assert.equal(turns.take(), false, 'ends when the next call begins');
  assert.equal(isAwake(), false);
  wakefulness.count(-1);
  assert.equal(isAwake(), true);
});
