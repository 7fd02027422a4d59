import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { randomBelow, SeededRandom } from '../../../src/base/random.ts';
import { Journal } from '../../../src/zone/journal/journal.ts';

/** Runs the appending process until it has acknowledged `count` serials, kills it; returns the last acknowledged. */
async function killAfter(file: string, count: number): Promise<number> {
  const program = new URL('appending-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let text = '';
  let killed = false;
  child.stdout.on('data', (piece: Buffer) => {
    text += piece.toString('latin1');
    if (killed || text.split('\n').length <= count) return;
    killed = true;
    child.kill('SIGKILL');
  });
  await Promise.all([ended, once(child.stdout, 'close')]);
  return Number(text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1));
}

test('a process killed while it appends loses nothing acknowledged and leaves no half transaction', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'journal-kill-'));
  try {
    const file = path.join(directory, 'zone.jnl');
    const random = new SeededRandom(5);
    for (let round = 0; round < 10; round++) {
      const acknowledged = await killAfter(file, 1 + randomBelow(random, 60));
      const journal = Journal.open(file, { disk: new NodeDisk() })!;
      assert.ok(journal.endSerial >= acknowledged, `${acknowledged} was acknowledged, ends with ${journal.endSerial}`);
      for (const transaction of journal.transactions()) {
        assert.equal([...journal.records(transaction)].length, transaction.recordCount);
        assert.equal(transaction.recordCount, 2 + (transaction.end % 50));
      }
      journal.close();
    }
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});
