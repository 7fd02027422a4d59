import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isoTime } from '../../src/base/iso-time.ts';
import { FAULT_FORMS, parseFault } from '../../src/simulate/fault.ts';
import { parseMoment } from '../../src/simulate/moment.ts';

const START = Date.UTC(2027, 0, 1) / 1000;
const DAY = 86_400;

test('faults are read with their values, their defaults and their times', () => {
  assert.deepEqual(parseFault('parent-late=30d', START), { kind: 'parent-late', delay: 30 * DAY, at: START });
  assert.deepEqual(parseFault('parent-never@+1w', START), { kind: 'parent-never', at: START + 7 * DAY });
  const flaps = { kind: 'parent-flaps', period: 7200, times: 3, at: START };
  assert.deepEqual(parseFault('parent-flaps=2h', START), flaps);
  assert.deepEqual(parseFault('parent-flaps=PT2Hx5@2027-02-01', START), {
    ...flaps,
    times: 5,
    at: START + 31 * DAY,
  });
  assert.deepEqual(parseFault('daemon-down=10d@2027-01-02T03:04:05Z', START), {
    kind: 'daemon-down',
    length: 10 * DAY,
    at: START + DAY + 3 * 3600 + 4 * 60 + 5,
  });
  const jump = { kind: 'clock-jump', offset: -3600, length: DAY, at: START };
  assert.deepEqual(parseFault('clock-jump=-1h', START), jump);
  assert.deepEqual(parseFault('clock-jump=+2d/6h', START), { ...jump, offset: 2 * DAY, length: 21_600 });
  assert.deepEqual(parseFault('slow-secondary=6h', START), { kind: 'slow-secondary', delay: 21_600, at: START });
  assert.deepEqual(parseFault('ds-ttl=2d', START), { kind: 'ds-ttl', ttl: 2 * DAY, at: START });
  assert.deepEqual(parseFault('zone-ttl=2d', START), { kind: 'zone-ttl', ttl: 2 * DAY, at: START });
});

test('a fault that is none is refused with what it should be', () => {
  for (const kind of Object.keys(FAULT_FORMS)) {
    const bad = kind === 'parent-never' ? 'parent-never=1d' : `${kind}=x`;
    assert.throws(
      () => parseFault(bad, START),
      ({ code, message }: { code: string; message: string }) =>
        code === 'FAULT_ARGUMENT' && message.includes(FAULT_FORMS[kind as keyof typeof FAULT_FORMS]),
      bad,
    );
  }
  for (const bad of ['', 'meteor', 'constructor', 'parent-late', 'parent-flaps=1dx0', 'parent-flaps=1dx101'])
    assert.throws(() => parseFault(bad, START), { code: 'FAULT_ARGUMENT' }, bad);
  for (const bad of ['clock-jump=2d', 'clock-jump=+2d/0', 'daemon-down=1d@yesterday', 'daemon-down=1d@2027-02-30'])
    assert.throws(() => parseFault(bad, START), { code: 'FAULT_ARGUMENT' }, bad);
});

test('any text is a fault or is refused', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      try {
        assert.ok(parseFault(text, START).at >= 0);
      } catch (fault) {
        assert.equal((fault as { code?: string }).code, 'FAULT_ARGUMENT');
      }
    }),
  );
});

test('times are ISO 8601 in UTC or an offset', () => {
  assert.equal(parseMoment('2027-01-01', 0), START);
  assert.equal(parseMoment('+90d', START), START + 90 * DAY);
  for (const bad of ['2027-13-01', '2027-02-29', '2027-1-1', 'now', '+', '-1d', '2027-01-01T25:00:00Z'])
    assert.equal(parseMoment(bad, 0), undefined, bad);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) / 1000 }), (time) => {
      assert.equal(parseMoment(isoTime(time), 0), time);
    }),
  );
});
