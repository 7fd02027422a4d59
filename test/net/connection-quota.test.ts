import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../src/base/clock.ts';
import { ConnectionQuota, limitsOf, QUOTA } from '../../src/net/connection-quota.ts';
import { Deadlines, type Expiring } from '../../src/net/deadlines.ts';

const client = (n: number): Uint8Array => Uint8Array.of(10, n >> 16, n >> 8, n);

test('tcp-clients: all threads together never have more than the limit, whatever they take and give', () => {
  const step = fc.record({ thread: fc.nat(3), client: fc.nat(5), take: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 100 }), (limit, steps) => {
      const shared = ConnectionQuota.share(4, 1234);
      const threads = [0, 1, 2, 3].map((row) => new ConnectionQuota(shared, row, { connections: limit, perClient: 0 }));
      const held: number[][] = [[], [], [], []];
      for (const { thread, client: who, take } of steps) {
        if (take) {
          const slot = threads[thread].take(client(who));
          const full = held.flat().length >= limit;
          assert.equal(slot === QUOTA.FULL, full);
          if (!full) held[thread].push(slot);
        } else if (held[thread].length > 0) threads[thread].give(held[thread].pop()!);
        assert.equal(threads[0].total, held.flat().length);
      }
      // A thread that died takes its connections with it.
      ConnectionQuota.clear(shared, 2);
      assert.equal(threads[0].total, held.flat().length - held[2].length);
    }),
  );
});

test('one client has its share in all threads together; others still find places', () => {
  const shared = ConnectionQuota.share(2, 5);
  const [one, other] = [0, 1].map((row) => new ConnectionQuota(shared, row, { connections: 10, perClient: 3 }));
  assert.ok(one.take(client(1)) > 0 && other.take(client(1)) > 0 && one.take(client(1)) > 0);
  assert.equal(other.take(client(1)), QUOTA.CLIENT_FULL);
  assert.ok(other.take(client(2)) > 0);
  assert.equal(one.total, 4);
  ConnectionQuota.clear(shared, 0);
  assert.ok(other.take(client(1)) > 0);
});

test('the share of one client is a third, rounded up; without a limit there is none', () => {
  assert.deepEqual(limitsOf(150), { connections: 150, perClient: 50 });
  assert.deepEqual(limitsOf(1), { connections: 1, perClient: 1 });
  assert.deepEqual(limitsOf(0), { connections: 0, perClient: 0 });
});

test('deadlines fire in time and not before, however they are moved', async () => {
  const clock = new SimulatedClock(0);
  const deadlines = new Deadlines(clock);
  const fired: [string, number][] = [];
  const make = (name: string): Expiring => {
    const one: Expiring = {
      deadline: 0,
      expire: (now) => {
        fired.push([name, now]);
        deadlines.delete(one);
      },
    };
    return one;
  };
  const [a, b, c] = ['a', 'b', 'c'].map(make);
  deadlines.add(a, 1000);
  deadlines.add(b, 5000);
  deadlines.add(c, 3000);
  deadlines.move(a, 2000);
  deadlines.move(b, 1500);
  deadlines.delete(c);
  await clock.advance(10);
  assert.deepEqual(fired.map(([name]) => name), ['b', 'a']); // prettier-ignore
  assert.ok(fired[0][1] >= 1500 && fired[0][1] <= 1600);
  assert.ok(fired[1][1] >= 2000 && fired[1][1] <= 2100);
  assert.equal(clock.nextTimer(), undefined, 'no timer without connections');
});
