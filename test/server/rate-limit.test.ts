import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { credited, debited, elapsed } from '../../src/server/token-bucket.ts';
import { asker, type Circumstances, type ContextAsker, fate, rateLimit, START } from './context-asker.ts';

/* `rate-limit`: rates, windows, slips, and what is counted together. test/interop/rate-limit-peer.test.ts compares with BIND. */

/** What so many questions get, as counts. */
function burst(
  of: ContextAsker,
  times: number,
  names: string | readonly string[],
  type = 'A',
  circumstances: Circumstances = {},
) {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const name = typeof names === 'string' ? names : names[i % names.length];
    const what = fate(of.ask(name, type, circumstances));
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

const at = (seconds: number, rest: Circumstances = {}): Circumstances => ({ ...rest, now: START + seconds });

test('a balance is at most the rate, at least the debt of a window, and gains the rate each second', () => {
  const rates = fc.integer({ min: 1, max: 1000 });
  const windows = fc.integer({ min: 1, max: 3600 });
  const steps = fc.array(fc.record({ seconds: fc.nat(4000), answers: fc.nat(50) }), { maxLength: 30 });
  fc.assert(
    fc.property(rates, windows, steps, (rate, window, plan) => {
      let balance = rate;
      for (const { seconds, answers } of plan) {
        const before = balance;
        balance = credited(balance, seconds, rate, window);
        assert.ok(balance >= Math.min(before, rate) && balance <= rate);
        if (seconds > window) assert.equal(balance, rate);
        if (seconds <= window) assert.equal(balance, Math.min(rate, before + rate * seconds));
        for (let i = 0; i < answers; i++) balance = debited(balance, rate, window);
        assert.ok(balance >= -window * rate);
      }
      // However long a flood was: after a window without questions, answers are given again.
      assert.ok(credited(balance, window, rate, window) >= 0);
      assert.equal(credited(balance, window + 1, rate, window), rate);
    }),
  );
});

test('in any second no more than the rate is answered, under any load, once the first burst is over', () => {
  const loads = fc.array(fc.nat(40), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(loads, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 10 }), (load, rate, slip) => {
      const one = asker({ rateLimit: rateLimit({ RESPONSE: rate }, { slip, window: 5 }) });
      let debt = 0;
      load.forEach((times, second) => {
        const counts = burst(one, times, 'www.example.', 'A', at(second));
        const { answer = 0, slip: slips = 0, drop = 0 } = counts;
        assert.ok(answer <= rate);
        assert.equal(answer + slips + drop, times);
        if (slip === 0) assert.equal(slips, 0);
        if (slip === 1) assert.equal(drop, 0);
        if (debt === 0) assert.equal(answer, Math.min(rate, times));
        debt = Math.max(0, Math.min(5 * rate, debt + times - rate));
      });
    }),
    { numRuns: 200 },
  );
});

test('clocks that go back by little stand still; by more, all is long ago', () => {
  assert.equal(elapsed(100, 110), 10);
  assert.equal(elapsed(100, 96), 0);
  assert.ok(elapsed(100, 90) > 3600);
});

test('every slip-th answer over the limit is truncated, the first of them first; slip 0 drops, slip 1 drops none', () => {
  const fates = (slip: number): string[] => {
    const one = asker({ rateLimit: rateLimit({ RESPONSE: 2 }, { slip }) });
    return Array.from({ length: 9 }, () => fate(one.ask('www.example.', 'A')));
  };
  const [answer, slip, drop] = ['answer', 'slip', 'drop'];
  assert.deepEqual(fates(0), [answer, answer, ...Array.from({ length: 7 }, () => drop)]);
  assert.deepEqual(fates(1), [answer, answer, ...Array.from({ length: 7 }, () => slip)]);
  assert.deepEqual(fates(2), [answer, answer, slip, drop, slip, drop, slip, drop, slip]);
  assert.deepEqual(fates(3), [answer, answer, slip, drop, drop, slip, drop, drop, slip]);
});

test('a truncated answer has the question and nothing else, NXDOMAIN where that is the answer, and AA as the answer has it', () => {
  const one = asker({ rateLimit: rateLimit({ RESPONSE: 1, NXDOMAIN: 1, REFERRAL: 1, NODATA: 1 }, { slip: 1 }) });
  for (const [name, type, rcode, aa] of [
    ['www.example.', 'A', 0, 0x0400],
    ['gone.example.', 'A', 3, 0x0400],
    ['www.example.', 'MX', 0, 0x0400],
    ['x.sub.example.', 'A', 0, 0],
  ] as const) {
    assert.equal(fate(one.ask(name, type)), 'answer');
    const slipped = one.ask(name, type);
    assert.equal(slipped?.rcode, rcode, name);
    assert.equal((slipped?.flags ?? 0) & 0x0600, 0x0200 | aa, name);
    assert.equal(slipped?.questions.length, 1);
    assert.equal((slipped?.answers.length ?? 1) + (slipped?.authorities.length ?? 1), 0);
  }
  assert.equal(one.counters.get('RateSlipped'), 4);
});

const KINDS = { RESPONSE: 3, REFERRAL: 3, NODATA: 3, NXDOMAIN: 3 } as const;

test('answers are one by name and type, case aside; NODATA by name; NXDOMAIN by zone; referrals by cut', () => {
  const limited = (names: readonly string[], types: readonly string[]): boolean => {
    const one = asker({ rateLimit: rateLimit(KINDS, { slip: 0 }) });
    const fates = Array.from({ length: 6 }, (_, i) => fate(one.ask(names[i % names.length], types[i % types.length])));
    return fates.includes('drop');
  };
  assert.ok(limited(['www.example.', 'WWW.eXample.'], ['A']));
  assert.ok(!limited(['www.example.'], ['A', 'AAAA']));
  assert.ok(!limited(['www.example.', 'ns.example.'], ['A']));
  assert.ok(limited(['www.example.'], ['MX', 'TXT', 'SRV']));
  assert.ok(!limited(['www.example.', 'ns.example.'], ['MX']));
  assert.ok(limited(['a.gone.example.', 'b.example.', 'c.www.example.'], ['A', 'TXT']));
  assert.ok(limited(['a.sub.example.', 'b.sub.example.', 'SUB.example.'], ['A', 'MX']));
  assert.ok(!limited(['a.sub.example.', 'a.sub2.example.'], ['A']));
  assert.ok(limited(['empty.example.'], ['A', 'TXT']), 'an empty non-terminal is NODATA');
});

test('all that wildcards of a zone give is one, all below a DNAME is one, an alias counts by its own name', () => {
  const limited = (names: readonly string[], type = 'A'): boolean => {
    const one = asker({ rateLimit: rateLimit(KINDS, { slip: 0 }) });
    return names.map((name) => fate(one.ask(name, type))).includes('drop');
  };
  assert.ok(limited(['a.wild.example.', 'b.wild.example.', 'c.d.wild.example.', 'e.wild.example.']));
  assert.ok(limited(['a.wild.example.', 'b.wild.example.', 'c.wild.example.', 'e.wild.example.'], 'MX'));
  assert.ok(limited(['a.moved.example.', 'b.moved.example.', 'c.moved.example.', 'e.moved.example.']));
  const one = asker({ rateLimit: rateLimit({ NXDOMAIN: 1 }, { slip: 0 }) });
  assert.deepEqual(burst(one, 5, 'alias.example.'), { answer: 5 }, 'its target does not exist, but it does');
});

test('networks are counted by their prefix: 24 bits of IPv4, 56 of IPv6, or as configured', () => {
  const limited = (first: readonly number[], second: readonly number[], prefix = {}): boolean => {
    const one = asker({ rateLimit: rateLimit({ RESPONSE: 1 }, { slip: 0, ...prefix }) });
    one.ask('www.example.', 'A', { address: Uint8Array.from(first) });
    return fate(one.ask('www.example.', 'A', { address: Uint8Array.from(second) })) === 'drop';
  };
  const v6 = (...last: number[]): number[] => [0x20, 1, 0xd, 0xb8, 1, 2, 3, ...last, 0, 0, 0, 0, 0, 0, 0, 1];
  assert.ok(limited([192, 0, 2, 1], [192, 0, 2, 255]));
  assert.ok(!limited([192, 0, 2, 1], [192, 0, 3, 1]));
  assert.ok(!limited([192, 0, 2, 1], [192, 0, 2, 2], { ipv4PrefixLength: 32 }));
  assert.ok(limited([192, 0, 2, 4], [192, 0, 2, 7], { ipv4PrefixLength: 30 }));
  assert.ok(limited(v6(1), v6(2)));
  assert.ok(!limited(v6(1), v6(2), { ipv6PrefixLength: 64 }));
});

test('errors are one for a network, and are never sent truncated', () => {
  const one = asker({ rateLimit: rateLimit({ ERROR: 2 }, { slip: 1 }) });
  const fates = ['a.test.', 'b.test.', 'c.other.', 'd.other.'].map((name) => fate(one.ask(name, 'A')));
  assert.deepEqual(fates, ['answer', 'answer', 'drop', 'drop']);
  assert.equal(fate(one.ask('www.example.', 'A')), 'answer');
  assert.equal(one.counters.get('RateDropped'), 2);
});

test('all-per-second is for all answers of a network, and drops', () => {
  const one = asker({ rateLimit: rateLimit({ ALL: 3 }, { slip: 1 }) });
  const names = ['www.example.', 'ns.example.', 'gone.example.', 'x.sub.example.', 'a.test.'];
  assert.deepEqual(burst(one, 5, names), { answer: 3, drop: 2 });
  assert.deepEqual(burst(one, 1, names, 'A', { address: Uint8Array.of(198, 51, 100, 1) }), { answer: 1 });
});

test('not limited: TCP, exempt clients, and who shows a good cookie; log-only tells and sends', () => {
  const cookie = { code: 10, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
  const cookies = { secrets: [new Uint8Array(16)] };
  const limit = { rateLimit: rateLimit({ RESPONSE: 1 }, { slip: 1 }) };
  const one = asker(limit, { cookies });
  assert.deepEqual(burst(one, 5, 'www.example.', 'A', { overTcp: true }), { answer: 5 });
  const learned = one.ask('www.example.', 'A', { options: [cookie] });
  const data = learned?.edns?.options.find(({ code }) => code === 10)?.data ?? assert.fail('no cookie');
  assert.deepEqual(burst(one, 5, 'www.example.', 'A', { options: [{ code: 10, data }] }), { answer: 5 });
  assert.deepEqual(burst(one, 2, 'www.example.', 'A', { options: [cookie] }), { badcookie: 2 });

  const prefix = { kind: 'prefix', address: Uint8Array.of(192, 0, 2, 0), length: 24, negated: false } as const;
  const exempt = asker({ rateLimit: rateLimit({ RESPONSE: 1 }, {}, [prefix]) });
  assert.deepEqual(burst(exempt, 5, 'www.example.'), { answer: 5 });
  assert.deepEqual(burst(exempt, 3, 'www.example.', 'A', { address: Uint8Array.of(10, 0, 0, 1) }), {
    answer: 1,
    slip: 1,
    drop: 1,
  });

  const told = asker({ rateLimit: rateLimit({ RESPONSE: 1 }, { logOnly: true }) });
  assert.deepEqual(burst(told, 5, 'www.example.'), { answer: 5 });
  assert.equal(told.log.records.length, 1);
  assert.match(
    told.log.records[0].text,
    /^would limit responses to 192\.0\.2\.0\/24 for www\.example IN A {2}\([0-9a-f]{8}\)$/,
  );
});

test('threads that share the memory share the limit', () => {
  const shared = rateLimit({ RESPONSE: 4 }, { slip: 0 });
  const threads = [asker({ rateLimit: shared }), asker({ rateLimit: { ...shared } }), asker({ rateLimit: shared })];
  const fates = Array.from({ length: 12 }, (_, i) => fate(threads[i % 3].ask('www.example.', 'A')));
  assert.deepEqual(fates, [...Array.from({ length: 4 }, () => 'answer'), ...Array.from({ length: 8 }, () => 'drop')]);
});

test('new tables with the same limits keep what was counted; the limits of another id count anew', () => {
  const shared = rateLimit({ RESPONSE: 1 }, { slip: 0 });
  const one = asker({ rateLimit: shared });
  assert.deepEqual(burst(one, 2, 'www.example.'), { answer: 1, drop: 1 });
  one.answerer.setTables(one.answerer.tables);
  assert.deepEqual(burst(one, 2, 'www.example.'), { drop: 2 });
  const { tables } = one.answerer;
  const views = [{ ...tables.views[0], rateLimit: rateLimit({ RESPONSE: 1 }, { slip: 0 }) }];
  one.answerer.setTables({ ...tables, views });
  assert.deepEqual(burst(one, 2, 'www.example.'), { answer: 1, drop: 1 });
});

test('the table is bounded: any number of networks and names, and those that ask now are counted', () => {
  const limit = rateLimit({ RESPONSE: 2 }, { slip: 0, maxTableSize: 64 });
  const octets = limit.memory.byteLength;
  const one = asker({ rateLimit: limit });
  for (let i = 0; i < 20_000; i++)
    one.ask('www.example.', 'A', { address: Uint8Array.of(10, i >> 16, i >> 8, i), now: START + (i >> 10) });
  assert.equal(limit.memory.byteLength, octets);
  assert.deepEqual(burst(one, 6, 'www.example.', 'A', at(30)), { answer: 2, drop: 4 });
});

test('a lock that a dead thread left does not stop answers or limits', () => {
  const limit = rateLimit({ RESPONSE: 2 }, { slip: 0, maxTableSize: 8 });
  new Int32Array(limit.memory)[16] = 1; // the lock of the only set
  const one = asker({ rateLimit: limit });
  assert.deepEqual(burst(one, 6, 'www.example.'), { answer: 2, drop: 4 });
});

test('qps-scale: limits shrink with the load of all, but not for a network that has asked over TCP', () => {
  const one = asker({ rateLimit: rateLimit({ RESPONSE: 20 }, { slip: 0, window: 1, qpsScale: 50 }) });
  const crowd = (second: number): void => {
    for (let i = 0; i < 200; i++)
      one.ask('www.example.', 'A', { address: Uint8Array.of(10, second, i, 1), now: START + second });
  };
  crowd(0);
  crowd(1);
  // 200 answers a second where 50 are full load: a quarter of 20.
  const { answer = 0 } = burst(one, 40, 'www.example.', 'A', at(2));
  assert.ok(answer >= 4 && answer <= 10, String(answer));
  crowd(3);
  const real = { address: Uint8Array.of(198, 51, 100, 1) };
  one.ask('www.example.', 'A', at(4, { ...real, overTcp: true }));
  assert.deepEqual(burst(one, 25, 'www.example.', 'A', at(4, real)), { answer: 20, drop: 5 });
});

test('lines of log: begin, go on after half an hour, end after a calm minute; many are left out and counted', () => {
  const one = asker({ rateLimit: rateLimit({ RESPONSE: 1, NXDOMAIN: 1, NODATA: 1, REFERRAL: 1, ERROR: 1, ALL: 0 }) });
  const texts = (): string[] => one.log.records.splice(0).map(({ text }) => text.replace(/\([0-9a-f]{8}\)$/, '(hash)'));
  burst(one, 3, 'www.example.');
  burst(one, 3, 'gone.example.');
  burst(one, 3, 'www.example.', 'MX');
  burst(one, 3, 'x.sub.example.');
  burst(one, 3, 'a.test.');
  burst(one, 3, 'b.wild.example.');
  assert.deepEqual(texts(), [
    'limit responses to 192.0.2.0/24 for www.example IN A  (hash)',
    'limit NXDOMAIN responses to 192.0.2.0/24 for example  (hash)',
    'limit NODATA responses to 192.0.2.0/24 for www.example IN  (hash)',
    'limit referral responses to 192.0.2.0/24 for sub.example IN  (hash)',
    'limit REFUSED error responses to 192.0.2.0/24',
    'limit responses to 192.0.2.0/24 for b.wild.example IN A  (hash)',
  ]);
  for (let i = 1; i <= 1800; i++) burst(one, 2, 'www.example.', 'A', at(i));
  const goesOn = texts();
  assert.equal(goesOn.filter((text) => text.startsWith('stop limiting ')).length, 5);
  assert.deepEqual(
    goesOn.filter((text) => !text.startsWith('stop')),
    ['continue limiting responses to 192.0.2.0/24 for www.example IN A  (hash)'],
  );
  one.ask('ns.example.', 'A', at(1900));
  one.ask('ns.example.', 'A', at(1901));
  assert.deepEqual(texts(), ['stop limiting responses to 192.0.2.0/24 for www.example IN A  (hash)']);
  for (let i = 0; i < 200; i++) burst(one, 2, 'www.example.', 'A', at(2000, { address: Uint8Array.of(10, 0, i, 1) }));
  assert.equal(texts().length, 20);
  one.ask('ns.example.', 'A', at(2001));
  assert.deepEqual(texts(), ["180 more lines on limited responses are left out; 'rndc stats' counts what is limited"]);
});

test('without rate-limit nothing is limited', () => {
  assert.deepEqual(burst(asker(), 500, 'www.example.'), { answer: 500 });
});
