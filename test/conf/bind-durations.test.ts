import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDuration } from '../../src/conf/duration.ts';

const DAY = 86_400;

/** Text, seconds, and the text BIND 9.18 prints for it. */
const ISO: readonly [string, number, string][] = [
  ['P1Y', 365 * DAY, 'P1Y'],
  ['PT1H', 3600, 'PT1H'],
  ['P1Y2M3DT4H5M6S', 365 * DAY + 62 * DAY + 3 * DAY + 4 * 3600 + 5 * 60 + 6, 'P1Y2M3DT4H5M6S'],
  ['P2W', 14 * DAY, 'P2W'],
  ['p1y', 365 * DAY, 'P1Y'],
  ['P1M', 31 * DAY, 'P1M'],
  ['PT1M', 60, 'PT1M'],
  ['P13M', 13 * 31 * DAY, 'P13M'],
  ['PT3600S', 3600, 'PT3600S'],
  ['P1DT', DAY, 'P1D'],
  ['P00D', 0, 'PT0S'],
  ['P', 0, 'PT0S'],
  ['PT', 0, 'PT0S'],
  ['P100Y', 100 * 365 * DAY, 'P100Y'],
];

test('S-040 ISO 8601 durations are read and printed as BIND does', () => {
  for (const [text, seconds, printed] of ISO) assert.deepEqual(parseDuration(text), { seconds, text: printed }, text);
});

test('S-041 TTL-style durations are read as BIND does', () => {
  const cases: readonly [string, number][] = [
    ['60d', 60 * DAY],
    ['1w2d', 9 * DAY],
    ['1d1w', 8 * DAY],
    ['1W', 7 * DAY],
    ['3600', 3600],
    ['07', 7],
    ['1w1w', 14 * DAY],
    ['4294967295', 0xffffffff],
  ];
  for (const [text, seconds] of cases) assert.deepEqual(parseDuration(text), { seconds, text: String(seconds) }, text);
});

test('S-040 bad durations are refused as BIND refuses them', () => {
  for (const text of ['P1W2D', '1h30', 'P1', 'P1D2M', 'PT5M1H', 'P-1D', '1x', '-1', '', 'P1.5D', '1y', 'P1Y1W', '1d10'])
    assert.equal(parseDuration(text), undefined, text);
});

test('durations beyond 32 bits of seconds are refused, not cut', () => {
  for (const text of ['4294967296', 'P200Y', 'P137Y', '7102w']) assert.equal(parseDuration(text), 'range', text);
});

test('the canonical text of any ISO 8601 duration means the same', () => {
  const part = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(part, part, part, part, part, part, (y, mo, d, h, mi, s) => {
      const first = parseDuration(`P${y}Y${mo}M${d}DT${h}H${mi}M${s}S`);
      assert.ok(typeof first === 'object');
      assert.deepEqual(parseDuration(first.text), first);
    }),
  );
});
