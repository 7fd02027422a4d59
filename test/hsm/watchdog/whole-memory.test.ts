import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { HsmdProcess, setUp } from '../end-to-end/hsmd-process.ts';
import { countAllInMemory, countInMemory, filesWith } from './process-memory.ts';
import { until } from './watchdog-suite.ts';

test(
  'S-351 (part) S-371 (part) after tampering no watchdog has the master key, and no file ever had it; what is left of typing is told',
  { timeout: 600_000 },
  async (t) => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    const key = randomBytes(32);
    const typed = key.toString('hex').toUpperCase().replace(/(.{8})(?=.)/g, '$1 '); // prettier-ignore
    const forms: Record<string, Buffer> = {
      octets: key,
      'what was typed': Buffer.from(typed),
      'half of it': Buffer.from(typed.slice(0, 35)),
      'without spaces': Buffer.from(typed.replaceAll(' ', '')),
      'in two octets a character': Buffer.from(typed, 'utf16le'),
    };
    const found = (pids: readonly number[]): string[] =>
      pids.flatMap((pid) => {
        const counts = countAllInMemory(pid, Object.values(forms));
        return Object.keys(forms).filter((_, i) => counts[i] > 0);
      });
    // Pages that were freed may keep what was on them while something else lives there (src/base/memory-scrubber.ts): told, not judged.
    const tell = async (when: string, pids: readonly number[]): Promise<void> => {
      const limit = performance.now() + 20_000;
      while (found(pids).length > 0 && performance.now() < limit) await setTimeout(500);
      t.diagnostic(`left in freed memory ${when}: ${found(pids).join(', ') || 'nothing'}`);
    };
    const watchdogs = [0, 1].map((index) => hsmd.watchdogProcess(index));
    {
      using terminal = await hsmd.console();
      await terminal.login();
      await terminal.run('keystore erase YesIAmSure preservePINs');
      assert.match(await terminal.run(`masterkey set ${typed}`), /Success/);
      if (process.getuid?.() !== 0) {
        // Who is not root cannot look at all.
        assert.throws(() => found([hsmd.pid]), /EACCES|EPERM/);
        return;
      }
      assert.deepEqual(watchdogs.map((pid) => countInMemory(pid, key) > 0), [true, true]); // prettier-ignore
      // The console is still open: it keeps nothing of what was typed.
      await tell('while the key is set', [hsmd.pid, hsmd.deviceProcess(0), hsmd.deviceProcess(1)]);
      assert.match(await terminal.run('tamper set config'), /circuits watch/);
    }
    assert.deepEqual(filesWith(hsmd.state, key), []);
    for (const device of ['0', '1']) hsmd.sensor(device, 'case', 'open');
    await hsmd.until(({ devices }) => devices.every(({ tamper }) => tamper === 'lasts'), 'both devices see it');
    await until(() => found(watchdogs).length === 0);
    await tell('after the event', [hsmd.pid]);
    assert.deepEqual(filesWith(hsmd.state, key), []);
  },
);
