import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { HsmdProcess, setUp } from '../end-to-end/hsmd-process.ts';
import { countAllInMemory, countInMemory, filesWith } from './process-memory.ts';
import { until } from './watchdog-suite.ts';

test(
  'S-351 S-371 while the master key is set only the watchdogs have it; after tampering nobody has, and no file ever',
  { timeout: 600_000 },
  async () => {
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
      const others = [hsmd.pid, hsmd.deviceProcess(0), hsmd.deviceProcess(1)];
      await until(() => found(others).length === 0);
      assert.match(await terminal.run('tamper set config'), /circuits watch/);
    }
    assert.deepEqual(filesWith(hsmd.state, key), []);
    for (const device of ['0', '1']) hsmd.sensor(device, 'case', 'open');
    await hsmd.until(({ devices }) => devices.every(({ tamper }) => tamper === 'lasts'), 'both devices see it');
    await until(() => found([hsmd.pid, ...watchdogs]).length === 0);
    assert.deepEqual(filesWith(hsmd.state, key), []);
  },
);
