import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runRollovers } from './policy-unbound.ts';

/* The short form; `npm run rollovers` is the long one. */

test('S-029 (part) S-070 (part) ZSK and KSK rollovers in seconds: a validator that asks all the time never fails', async () => {
  const result = await runRollovers({ maker: 'ours', zsk: 2, ksk: 1, lifetimes: { zsk: 16, ksk: 16 }, most: 120 });
  assert.ok(result.isFinished, JSON.stringify(result));
  assert.deepEqual(result.failures, []);
  assert.ok(result.dsSets >= 2 && result.answers > 500, JSON.stringify(result));
  assert.equal(result.validated, result.answers);
});
