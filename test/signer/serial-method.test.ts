import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { serialLess } from '../../src/base/serial.ts';
import { serialMethod } from '../../src/signer/serial-method.ts';

const NOW = Date.UTC(2026, 10, 21, 8) / 1000;

test('serials by method', () => {
  const cases: [Parameters<typeof serialMethod>[0], number, number | undefined, number][] = [
    ['increment', 5, undefined, 6],
    ['increment', 5, 3, 6],
    ['increment', 5, 9, 9],
    ['increment', 0xffffffff, undefined, 1],
    ['unixtime', 5, undefined, NOW],
    ['unixtime', NOW, undefined, NOW + 1],
    ['unixtime', 5, 2026112101, 2026112101],
    ['date', 2026112009, undefined, 2026112100],
    ['date', 2026112100, undefined, 2026112101],
    ['date', 2026112102, 2026112150, 2026112150],
  ];
  for (const [method, signed, unsigned, expected] of cases)
    assert.equal(serialMethod(method, NOW)(signed, unsigned), expected, `${method} ${signed} ${unsigned}`);
});

test('a new serial is after the signed one and not before the unsigned one (RFC 1982)', () => {
  const uint32 = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(
      fc.constantFrom('increment', 'unixtime', 'date'),
      uint32,
      uint32,
      uint32,
      (method, now, signed, unsigned) => {
        const next = serialMethod(method, now)(signed, unsigned);
        assert.ok(serialLess(signed, next));
        assert.notEqual(next, 0);
        if (serialLess(signed, unsigned)) assert.ok(!serialLess(next, unsigned));
      },
    ),
  );
});
