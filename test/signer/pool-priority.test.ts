import assert from 'node:assert/strict';
import fs from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { SigningPool } from '../../src/signer/signing-pool.ts';
import { Arena } from '../../src/zone/store/arena.ts';

/** Niceness of all threads of this process (proc(5): field 19 of stat). */
function niceness(): number[] {
  return fs.readdirSync('/proc/self/task').map((thread) => {
    const stat = fs.readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });
}

test('a server signs in threads of their own, which are nicer than the one that asks', async () => {
  const own = getPriority();
  const before = niceness().filter((nice) => nice === own + 4).length;
  await using pool = new SigningPool({ threads: 1, nicer: 4 }, { arena: Arena.create(1 << 24) });
  assert.equal(pool.threads, 1);
  const nothing = { kind: 'batch', octets: new Uint8Array(), ends: new Uint32Array(), keys: new Uint8Array() } as const;
  assert.equal((await pool.signBatches([], false, [nothing, nothing])).length, 2);
  assert.ok(niceness().filter((nice) => nice === own + 4).length > before);
  assert.equal(getPriority(), own);
});
