import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { expandTime32, serialAdd, serialLess } from '../../src/base/serial.ts';

const serial = fc.nat(0xffffffff);

describe('RFC 1982: serial number arithmetic', () => {
  test('a number is before what is added to it, up to 2^31 - 1', () => {
    fc.assert(
      fc.property(serial, fc.integer({ min: 1, max: 0x7fffffff }), (start, increment) => {
        const later = serialAdd(start, increment);
        assert.ok(serialLess(start, later));
        assert.ok(!serialLess(later, start));
      }),
    );
  });

  test('no number is before itself, nor before or behind the one 2^31 away', () => {
    fc.assert(
      fc.property(serial, (start) => {
        const opposite = serialAdd(start, 0x80000000);
        assert.ok(!serialLess(start, start) && !serialLess(start, opposite) && !serialLess(opposite, start));
      }),
    );
  });

  test('it wraps round', () => {
    assert.equal(serialAdd(0xffffffff, 1), 0);
    assert.ok(serialLess(0xffffffff, 0));
  });
});

describe('RFC 4034 section 3.1.5: 32-bit times near a moment', () => {
  test('the moment closest to `near` that has these bits', () => {
    fc.assert(
      fc.property(serial, fc.nat(0x1ffffffff), (time32, near) => {
        const time = expandTime32(time32, near);
        assert.equal(((time % 0x100000000) + 0x100000000) % 0x100000000, time32);
        assert.ok(Math.abs(time - near) <= 0x80000000);
      }),
    );
  });

  test('after 2106', () => assert.equal(expandTime32(5, 0x100000000), 0x100000005));
});
