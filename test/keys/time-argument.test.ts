import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseInterval, parseTimeArgument } from '../../src/keys/time-argument.ts';

const NOW = 1_795_000_000;

const DAY = 86400;

it('S-198 dates and offsets as dnssec-keygen(1) has them', () => {
  const cases: readonly (readonly [string, number | 'unset'])[] = [
    ['now', NOW],
    ['', NOW],
    ['+3600', NOW + 3600],
    ['-1y', NOW - 365 * DAY],
    ['now+2y', NOW + 730 * DAY],
    ['+1mo', NOW + 30 * DAY],
    ['+2w', NOW + 14 * DAY],
    ['+3d', NOW + 3 * DAY],
    ['+3D', NOW + 3 * DAY],
    ['+5h', NOW + 5 * 3600],
    ['+7mi', NOW + 420],
    ['20300101', Date.UTC(2030, 0, 1) / 1000],
    ['20300101123456', Date.UTC(2030, 0, 1, 12, 34, 56) / 1000],
    ['20300101+1w', Date.UTC(2030, 0, 8) / 1000],
    ['1795249000', 1_795_249_000],
    ['1795249000-60', 1_795_248_940],
    ['Tue Jan  1 00:00:00 2030', new Date(2030, 0, 1).getTime() / 1000],
    ['none', 'unset'],
    ['Never', 'unset'],
    ['UNSET', 'unset'],
  ];
  for (const [text, expected] of cases) assert.equal(parseTimeArgument(text, NOW), expected, text);
});

it('what is no time is refused with the argument in the message', () => {
  for (const text of [
    '2030',
    '20300230',
    '20301301',
    '203001010101',
    'tomorrow',
    '+1x',
    'NOW',
    'now 1d',
    'Tue Foo  1 00:00:00 2030',
  ])
    assert.throws(
      () => parseTimeArgument(text, NOW),
      (fault: Error) => fault.message.includes(text),
      text,
    );
  assert.throws(() => parseTimeArgument('+1m', NOW), /ambiguous: use 'mi' for minutes or 'mo' for months/);
});

it('intervals', () => {
  assert.equal(parseInterval('30d'), 30 * DAY);
  assert.equal(parseInterval('1h'), 3600);
  assert.equal(parseInterval('90'), 90);
  for (const text of ['', 'x', '-1', '+1d']) assert.throws(() => parseInterval(text), /TTL must be numeric/);
  assert.throws(() => parseInterval('1x'), /time value 1x is invalid/);
});
