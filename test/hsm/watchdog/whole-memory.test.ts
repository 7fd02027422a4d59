import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { ROLE_NUMBERS } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { type ConsoleClient, HsmdProcess, PINS, setUp, until } from '../end-to-end/hsmd-process.ts';
import { countAllInMemory, countInMemory, filesWith, tracesOfKey, tracesOfPin } from './process-memory.ts';

test(
  'S-351 S-371 while the master key is set only the watchdogs have it; after tampering nobody has, and no file ever',
  { timeout: 900_000 },
  async (t) => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    if (process.getuid?.() !== 0) return cannotLook(hsmd, t);
    const key = randomBytes(32);
    const typed = key.toString('hex').toUpperCase().replace(/(.{8})(?=.)/g, '$1 '); // prettier-ignore
    const watchdogs = [0, 1].map((index) => hsmd.watchdogProcess(index));
    const others = [hsmd.pid, hsmd.deviceProcess(0), hsmd.deviceProcess(1)];
    let made: Buffer;
    {
      using terminal = await hsmd.console();
      await terminal.login();
      await terminal.run('keystore erase YesIAmSure preservePINs');
      made = madeKey(await terminal.run('masterkey set'));
      await isForgotten({ ...tracesOfKey(made) }, others, 'a random key, shown once');
      assert.match(await terminal.run(`masterkey set ${typed}`), /Success/);
      assert.deepEqual(watchdogs.map((pid) => countInMemory(pid, key) > 0), [true, true]); // prettier-ignore
      // The console is still open: it keeps nothing of what was typed.
      await isForgotten(tracesOfKey(key), others, 'the key, with its console open');
      assert.match(await terminal.run('tamper set config'), /circuits watch/);
      terminal.type('logout');
      await terminal.expect(/Username: /);
    }
    await isForgotten({ ...tracesOfKey(key), ...tracesOfKey(made) }, others, 'both keys, without a console');
    assert.deepEqual(filesWith(hsmd.state, key), []);
    for (const device of ['0', '1']) hsmd.sensor(device, 'case', 'open');
    await hsmd.until(({ devices }) => devices.every(({ tamper }) => tamper === 'lasts'), 'both devices see it');
    await isForgotten(tracesOfKey(key), [hsmd.pid, ...watchdogs], 'the key, after the event');
    assert.deepEqual(filesWith(hsmd.state, key), []);
  },
);

test(
  'PINs that were typed, and PINs of clients, are nowhere in hsmd and its devices',
  { timeout: 900_000 },
  async (t) => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    if (process.getuid?.() !== 0) return cannotLook(hsmd, t);
    const processes = [hsmd.pid, hsmd.deviceProcess(0), hsmd.deviceProcess(1)];
    const inline = randomBytes(150).toString('base64url');
    const hidden = randomBytes(18).toString('base64url');
    const wrong = randomBytes(18).toString('base64url');
    using terminal = await hsmd.console();
    await terminal.login();
    assert.match(await terminal.run(`set pin user ${inline}`), /was changed on all devices/);
    await logIn(hsmd, inline);
    await isForgotten(tracesOfPin(inline), processes, 'a PIN in a command, then of a client');
    await typeNewPin(terminal, 'user', hidden);
    await logIn(hsmd, hidden);
    await assert.rejects(logIn(hsmd, wrong), (error: HalError) => error.status === HalStatus.PIN_INCORRECT);
    // The console is still open, and what was typed last there was a PIN.
    const traces = { ...tracesOfPin(hidden), ...tracesOfPin(wrong), 'of wheel': Buffer.from(PINS.wheel) };
    await isForgotten(traces, processes, 'PINs that were typed hidden, and of clients');
  },
);

/** The last scrubbing comes ten seconds after the last secret: what is found later than that stays. */
async function isForgotten(traces: Record<string, Buffer>, pids: readonly number[], what: string): Promise<void> {
  const names = Object.keys(traces);
  let found: string[] = [];
  await until(
    () => {
      found = pids.flatMap((pid) => {
        const counts = countAllInMemory(pid, Object.values(traces));
        return names.filter((_, i) => counts[i] > 0).map((name) => `process ${pid}: ${name}`);
      });
      return found.length === 0;
    },
    `nothing is left of ${what}`,
    () => found.join('\n'),
  );
}

/** Who is not root cannot look at all. */
function cannotLook(hsmd: HsmdProcess, t: test.TestContext): void {
  assert.throws(() => countInMemory(hsmd.pid, Buffer.from('secret')), /EACCES|EPERM/);
  t.diagnostic('not root: proved only that the memory cannot be read');
}

async function logIn(hsmd: HsmdProcess, pin: string): Promise<void> {
  await using client = await hsmd.rpc();
  await client.call('PARTITION_LOGIN', { partition: 0, role: ROLE_NUMBERS.user, pin: Buffer.from(pin) });
}

async function typeNewPin(terminal: ConsoleClient, role: 'user', pin: string): Promise<void> {
  terminal.type(`set pin ${role}`);
  for (const question of [/Enter the new '\w+' PIN: /, /Confirm the new '\w+' PIN: /]) {
    await terminal.expect(question);
    terminal.type(pin);
  }
  assert.match(await terminal.expect(/Diamond-HSM > /), /was changed on all devices/);
}

function madeKey(said: string): Buffer {
  const [shown] = /(?:[0-9A-F]{8} ){7}[0-9A-F]{8}/.exec(said) ?? [];
  assert.ok(shown !== undefined, `no key in ${said}`);
  return Buffer.from(shown.replaceAll(' ', ''), 'hex');
}
