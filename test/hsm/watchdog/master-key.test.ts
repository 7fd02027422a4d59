import assert from 'node:assert/strict';
import { hkdfSync } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { deriveKey, unwrapKey, wrapKey } from '../../../src/hsm/watchdog/master-key.ts';

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const withStatus = (...statuses: HalStatus[]) => (cause: unknown): boolean =>
  cause instanceof HalError && statuses.includes(cause.status); // prettier-ignore

test('RFC 5649: what is wrapped has the length of section 4.1 and comes back; nothing that was altered does', () => {
  fc.assert(
    fc.property(octets(32), fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.nat(), (key, plain, at) => {
      const wrapped = wrapKey(key, plain);
      assert.equal(wrapped.length, 8 * Math.ceil(plain.length / 8) + 8);
      assert.deepEqual(Uint8Array.from(unwrapKey(key, wrapped)), plain);
      const altered = Uint8Array.from(wrapped);
      altered[at % altered.length] ^= 1 << (at % 8);
      assert.throws(() => unwrapKey(key, altered), withStatus(HalStatus.KEYWRAP_BAD_MAGIC));
      const other = Uint8Array.from(key, (octet) => octet ^ 1);
      assert.throws(() => unwrapKey(other, wrapped), withStatus(HalStatus.KEYWRAP_BAD_MAGIC));
      assert.throws(() => unwrapKey(key, wrapped.subarray(1)), withStatus(HalStatus.KEYWRAP_BAD_LENGTH));
    }),
    { seed: 5, numRuns: 100 },
  );
  assert.throws(() => wrapKey(new Uint8Array(32), new Uint8Array(0)), withStatus(HalStatus.BAD_ARGUMENTS));
  assert.throws(() => unwrapKey(new Uint8Array(32), new Uint8Array(8)), withStatus(HalStatus.KEYWRAP_BAD_LENGTH));
});

test('RFC 5869: keys are derived as node:crypto’s HKDF derives them', () => {
  fc.assert(
    fc.property(octets(32), fc.string(), fc.integer({ min: 1, max: 32 }), (key, info, length) => {
      const expected = new Uint8Array(hkdfSync('sha256', key, '', info, length));
      assert.deepEqual(Uint8Array.from(deriveKey(key, info, length)), expected);
    }),
    { seed: 5, numRuns: 100 },
  );
});
