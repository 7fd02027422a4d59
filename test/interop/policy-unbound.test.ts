import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInsecure, runRollovers } from './policy-unbound.ts';

/* The short form; `npm run rollovers` is the long one. */

/** Seconds. */
const MARGIN = 3;

test('S-029 (part) S-070 (part) ZSK and KSK rollovers in seconds: a validator that asks all the time never fails', async () => {
  const result = await runRollovers({
    maker: 'ours',
    zsk: 2,
    ksk: 1,
    lifetimes: { zsk: 20, ksk: 20 },
    margin: MARGIN,
    most: 480,
  });
  assert.ok(result.isFinished, JSON.stringify(result));
  assert.deepEqual(result.failures, []);
  assert.ok(result.dsSets >= 2 && result.answers > 500, JSON.stringify(result));
  assert.equal(result.validated, result.answers);
});

test('S-065 S-087 (part) going insecure with a dnskey-ttl above all margins: a validator that keeps keys without looking at the DS never fails', async () => {
  // BIND 9.18 waits for the TTL of the DS and retire-safety, 7 seconds here; Unbound then says SERVFAIL for the rest of the DNSKEY's TTL.
  const result = await runInsecure({ maker: 'ours', margin: MARGIN, dnskeyTtl: 18 });
  assert.deepEqual(result.failures, []);
  assert.ok(result.validated > 50 && result.insecure > 50, JSON.stringify(result));
  assert.equal(result.last, 'insecure', JSON.stringify(result));
});
