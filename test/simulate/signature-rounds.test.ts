import assert from 'node:assert/strict';
import test from 'node:test';
import { SignatureRounds } from '../../src/simulate/signature-rounds.ts';
import type { RenewalTerms } from '../../src/simulate/signature-rounds.ts';

const DAY = 86_400;
const HOUR = 3600;
const TERMS: RenewalTerms = {
  policy: {
    signaturesValidity: 14 * DAY,
    signaturesValidityDnskey: 14 * DAY,
    signaturesRefresh: 5 * DAY,
    signaturesJitter: 12 * HOUR,
  },
  offset: 0,
  behind: 300,
};
/** signatures-refresh and the hour that rounds begin earlier. */
const SPAN = 5 * DAY + HOUR;

/** Runs from `from` on until `end`, as a daemon that is always there. */
function run(rounds: SignatureRounds, end: number, terms: RenewalTerms): void {
  for (let i = 0; i < 1000; i++) {
    const next = rounds.next(terms);
    if (next === undefined || next > end) return;
    rounds.renew(next, terms);
  }
  assert.fail('more than a thousand rounds');
}

test('signatures are renewed signatures-refresh before they end, each round as wide as the jitter made it', () => {
  const rounds = new SignatureRounds('zone data');
  rounds.signAll(0, TERMS, 'first signatures');
  run(rounds, 40 * DAY, TERMS);
  assert.deepEqual(rounds.finish(40 * DAY), []);
  const spans = rounds.rounds.map(({ from, until, reason }) => [from, until, reason]);
  const first = 14 * DAY - 12 * HOUR - SPAN;
  assert.deepEqual(spans.slice(0, 3), [
    [0, 0, 'first signatures'],
    [first, 14 * DAY - SPAN, 'due'],
    [2 * first, 2 * (14 * DAY - SPAN), 'due'],
  ]);
});

test('key records have no jitter: a round is a moment', () => {
  const rounds = new SignatureRounds('key records');
  rounds.signAll(0, TERMS);
  run(rounds, 40 * DAY, TERMS);
  rounds.finish(40 * DAY);
  assert.ok(rounds.rounds.length > 2 && rounds.rounds.every(({ from, until }) => from === until));
});

test('a daemon that is down for less than the refresh time loses nothing, one that is down for longer does', () => {
  for (const [days, isLost] of [
    [5, false],
    [6, true],
  ] as const) {
    const rounds = new SignatureRounds('zone data');
    rounds.signAll(0, TERMS);
    const stop = 14 * DAY - 12 * HOUR - SPAN - 1;
    rounds.interrupt(stop, TERMS);
    rounds.renew(stop + days * DAY, TERMS);
    const lapses = rounds.finish(stop + days * DAY);
    assert.equal(lapses.length > 0, isLost, `${days} days`);
    if (isLost)
      assert.deepEqual(lapses[0], {
        kind: 'expired signatures',
        from: 14 * DAY - 12 * HOUR,
        until: stop + days * DAY + 300,
      });
  }
});

test('a daemon that never comes back lets all signatures expire', () => {
  const rounds = new SignatureRounds('zone data');
  rounds.signAll(0, TERMS);
  rounds.interrupt(DAY, TERMS);
  assert.deepEqual(rounds.finish(60 * DAY), [
    { kind: 'expired signatures', from: 14 * DAY - 12 * HOUR, until: Infinity },
  ]);
});

test('a round that is interrupted leaves what it had not come to', () => {
  const rounds = new SignatureRounds('zone data');
  rounds.signAll(0, TERMS);
  const begin = rounds.next(TERMS)!;
  rounds.renew(begin, TERMS);
  rounds.interrupt(begin + HOUR, TERMS);
  // The rest was due from here on.
  assert.equal(rounds.next(TERMS), begin + HOUR);
  assert.deepEqual(rounds.rounds, [{ records: 'zone data', from: begin, until: begin + HOUR, reason: 'due' }]);
});

test('a secondary that is behind for longer than the refresh time serves expired signatures', () => {
  for (const [behind, isLost] of [
    [SPAN, false],
    [SPAN + 1, true],
  ] as const) {
    const terms = { ...TERMS, behind };
    const rounds = new SignatureRounds('key records');
    rounds.signAll(0, terms);
    run(rounds, 20 * DAY, terms);
    assert.equal(rounds.finish(20 * DAY).length > 0, isLost, String(behind));
  }
});

test('a clock that is ahead by more than the inception offset makes signatures that are not valid yet', () => {
  for (const [offset, isEarly] of [
    [HOUR, false],
    [2 * DAY, true],
  ] as const) {
    const wrong = { ...TERMS, offset };
    const rounds = new SignatureRounds('zone data');
    rounds.signAll(0, TERMS);
    rounds.interrupt(8 * DAY, TERMS);
    if (rounds.isDue(8 * DAY, wrong)) rounds.renew(8 * DAY, wrong);
    rounds.interrupt(8 * DAY + HOUR, wrong);
    assert.equal(rounds.isDue(8 * DAY + HOUR, TERMS), isEarly);
    if (isEarly) rounds.renew(8 * DAY + HOUR, TERMS);
    const lapses = rounds.finish(8 * DAY + HOUR);
    assert.equal(lapses.length > 0, isEarly);
    if (isEarly) assert.equal(lapses[0].until, 8 * DAY + HOUR + 300);
    const anew = rounds.rounds.some(({ reason }) => reason === 'made by a wrong clock');
    assert.equal(anew, isEarly);
  }
});
