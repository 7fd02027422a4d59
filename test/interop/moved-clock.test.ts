import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KaspServer, type Maker } from './kasp-server.ts';
import { MovedClock } from './moved-clock.ts';
import { execute } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* The clock that tests of this folder move under running programs, and that programs of all kinds follow it. */

const START = 1_900_000_000;
const DAY = 86_400;
const ZONE = 'kept.example';

test('a program sees the time that was set; it stands within its second until it is moved', async () => {
  const variables = [process.env['LD_PRELOAD'], process.env['MOVED_CLOCK']];
  {
    using clock = new MovedClock(START);
    const date = async (): Promise<string> => (await execute('date', ['+%s.%N'])).stdout;
    assert.match(await date(), new RegExp(`^${START}\\.[0-4]`));
    await delay(1100);
    assert.equal(await date(), `${START}.495000000\n`);
    clock.moveBy(1000 * DAY);
    assert.match(await date(), new RegExp(`^${START + 1000 * DAY}\\.[0-4]`));
    clock.moveTo(START);
    assert.equal(clock.now, START + 1000 * DAY);
  }
  assert.deepEqual([process.env['LD_PRELOAD'], process.env['MOVED_CLOCK']], variables);
});

test('timers of a program that runs fire when the clock is moved past them, in threads too', async () => {
  using clock = new MovedClock(START);
  // Told only once the timer runs: a move before that would be one that it does not have to notice.
  const timer = `setTimeout(() => console.log(Date.now()), ${7 * DAY * 1000}); setImmediate(() => console.log(Date.now()))`;
  for (const program of [timer, `new (require('node:worker_threads').Worker)(\`${timer}\`, { eval: true })`]) {
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const child = spawn(process.execPath, ['-e', program], { stdio: [...stdio], timeout: 120_000 });
    const first = clock.now;
    let seen = '';
    child.stdout.on('data', (chunk) => (seen += String(chunk)));
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    clock.moveBy(7 * DAY + 1);
    await closed;
    const [before, after] = seen.trim().split('\n').map(Number);
    assert.equal(Math.floor(before / 1000), first);
    assert.equal(Math.floor(after / 1000), clock.now);
  }
});

test('a wait for a condition misses no signal', () => {
  using clock = new MovedClock(START);
  using directory = temporaryDirectory();
  const program = compile('moved-clock-signal.c', directory.path);
  assert.equal(clock.now, START);
  assert.equal(spawnSync(program, { timeout: 150_000 }).status, 0);
});

test('a few milliseconds pass within the second, however long ago the clock was moved', async () => {
  using directory = temporaryDirectory();
  const program = compile('moved-clock-moment.c', directory.path);
  using clock = new MovedClock(START);
  await delay(1100);
  assert.equal(clock.now, START);
  assert.equal(spawnSync(program, { timeout: 150_000 }).status, 0);
});

function compile(source: string, directory: string): string {
  const program = path.join(directory, 'program');
  const file = path.resolve(import.meta.dirname, '../native', source);
  execFileSync('gcc', ['-std=c11', '-Wall', '-Wextra', '-Werror', '-pthread', '-o', program, file]);
  return program;
}

for (const maker of ['debian', 'ours'] satisfies Maker[]) {
  test(`${maker === 'ours' ? 'our' : "Debian's"} named acts by its own timers when the clock is moved`, async () => {
    using clock = new MovedClock(START);
    using directory = temporaryDirectory();
    const kept = { policies: '', zones: new Map([[ZONE, 'dnssec-policy default;']]) };
    await using server = await KaspServer.start(path.join(directory.path, maker), maker, kept);
    // The DNSKEY is known after TTL, propagation delay and publish-safety: two hours and five minutes.
    await server.announced(ZONE);
    assert.equal(server.nextEvent(ZONE), START + 7500);
    clock.moveTo(START + 7500);
    await server.stateLine(ZONE, 'CSK1', 'DNSKEYState: omnipresent');
    // Signatures are known after max-zone-ttl, propagation delay and retire-safety; then the parent is told.
    clock.moveTo(START + 90_300);
    await server.stateLine(ZONE, 'CSK1', 'DSState: rumoured');
    const { shown } = await server.pictureWhen(ZONE, (picture) => picture.shown.cds.length > 0);
    assert.deepEqual(shown.cds, ['3600 CSK1 13 2']);
  });
}
