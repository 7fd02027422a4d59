import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { dateText, durationInWords, parseDecimal, parseTime32, parseTtl } from '../../src/wire/number-text.ts';

const on = (parse: (octets: Uint8Array, start: number, end: number) => number, text: string): number =>
  parse(Buffer.from(text, 'latin1'), 0, text.length);

describe('numbers in text', () => {
  test('decimal numbers up to a maximum', () => {
    fc.assert(fc.property(fc.nat(0xffffffff), (value) => assert.equal(on(parseDecimal, String(value)), value)));
    for (const text of ['', '-1', '+1', '1.5', '0x1', '4294967296', '99999999999999999999', ' 1', '1 '])
      assert.equal(on(parseDecimal, text), -1, text);
    assert.equal(parseDecimal(Buffer.from('256'), 0, 3, 255), -1);
  });

  test('durations with the units w d h m s in any case', () => {
    const good = { 0: 0, '1w2d3h4m5s': 788645, '1W': 604800, '1h30m': 5400, '30m1h': 5400, '4294967295': 4294967295 };
    for (const [text, seconds] of Object.entries(good)) assert.equal(on(parseTtl, text), seconds, text);
    for (const text of ['', 'w', '1x', '1h30', '5000000w', '4294967296', '-1h', '1 h', 'h1'])
      assert.equal(on(parseTtl, text), -1, text);
  });

  test('durations in words, as BIND comments them', () => {
    assert.equal(durationInWords(0), '0 seconds');
    assert.equal(durationInWords(90061), '1 day 1 hour 1 minute 1 second');
    assert.equal(durationInWords(1209600), '2 weeks');
  });
});

describe('RFC 4034 section 3.2: times', () => {
  test('dates agree with the calendar', () => {
    // Until the end of the window of 2^32 seconds from 1970.
    fc.assert(
      fc.property(fc.nat(0xffffffff), (time) => {
        assert.equal(dateText(time), new Date(time * 1000).toISOString().replace(/[-:T]|\..*/g, ''));
        assert.equal(on(parseTime32, dateText(time)), time);
      }),
    );
  });

  test('seconds when there are at most ten digits', () => {
    assert.equal(on(parseTime32, '1893456000'), 1893456000);
    assert.equal(on(parseTime32, '4294967295'), 4294967295);
  });

  test('after 2106 and before 1970 modulo 2^32', () => {
    assert.equal(on(parseTime32, '21060207062816'), 0);
    assert.equal(on(parseTime32, '19691231235959'), 0xffffffff);
  });

  for (const text of [
    '',
    '4294967296',
    '20300101',
    '20301301000000',
    '20300230000000',
    '20300001000000',
    '20300101240000',
    '20300101006000',
    '203001010000000',
    '2030010100000a',
  ])
    test(`"${text}" is no time`, () => {
      // Eight digits are seconds, not a day.
      assert.equal(on(parseTime32, text), text === '20300101' ? 20300101 : -1);
    });

  test('leap years', () => {
    assert.equal(on(parseTime32, '20240229000000'), Date.UTC(2024, 1, 29) / 1000);
    assert.equal(on(parseTime32, '21000229000000'), -1);
    assert.equal(on(parseTime32, '20230229000000'), -1);
  });
});
