import assert from 'node:assert/strict';
import fs from 'node:fs';
import { suite, test } from 'node:test';
import { HsmdProcess, PINS, setUp } from './hsmd-process.ts';
import { generate, Load, MIRRORED, sign } from './load.ts';
import { copyKey, copyLabel, copyUuid, proverOf } from './many-keys.ts';

/** docs/performance.md tells how 100,000 went. */
const KEYS = Number(process.env['SIGNET_MANY_KEYS'] ?? 4000);
const TURNS = Number(process.env['SIGNET_SYNC_TURNS'] ?? 5);
/** Those that device 1 lacks when hsmd starts. */
const LACKING = 40;

suite('sync cache', { timeout: 1_800_000 }, () => {
  test(`S-442 with ${KEYS} keys: the table is made anew at each start and by sync cache, while others sign; keys are found by their labels`, async (t) => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    await hsmd.setMirroring(true);
    let uuid: string;
    {
      await using client = await hsmd.rpc('user');
      ({ uuid } = await generate(client, MIRRORED));
    }
    {
      using prover = await proverOf(hsmd);
      await hsmd.stop();
      copyKey(hsmd, prover, 0, uuid, 0, KEYS);
      copyKey(hsmd, prover, 1, uuid, 0, KEYS - LACKING);
    }
    const begun = performance.now();
    await hsmd.boot();
    using terminal = await hsmd.console();
    await terminal.login(PINS.wheel, 'n');
    await hsmd.until(
      ({ isLocked, devices }) => !isLocked && devices.every(({ tokenKeys }) => tokenKeys === KEYS + 1),
      'both devices have all keys',
    );
    t.diagnostic(`up, unlocked and compared after ${elapsed(begun)} s, memory of hsmd ${memory(hsmd.pid)} MB`);
    const count = await terminal.run('show key count');
    for (const device of [0, 1]) assert.ok(count.includes(`--Device ${device} count == ${KEYS + 1}`), count);

    await using client = await hsmd.rpc('user');
    const spki = (await client.call('KEY_PUBLIC', { uuid })).spki;
    const load = new Load(client, { uuid, spki });
    load.begin(4);
    await load.reaches(20);
    let longest = 0;
    let signed = 0;
    let first = 0;
    for (let turn = 0; turn < TURNS; turn++) {
      const [at, before] = [performance.now(), load.done];
      const watch = watchGaps(load);
      const text = await terminal.run('sync cache');
      longest = Math.max(longest, watch.end());
      signed += load.done - before;
      for (const device of [0, 1])
        assert.match(text, new RegExp(`device ${device}: compared with the others, 0 keys differed`));
      assert.ok(text.length < 1000, 'as short for many keys as for few');
      t.diagnostic(`sync cache took ${elapsed(at)} s, ${load.done - before} signatures, hsmd ${memory(hsmd.pid)} MB`);
      if (turn === 0) first = memory(hsmd.pid);
    }
    assert.ok(signed > 0, 'others sign meanwhile');
    assert.ok(memory(hsmd.pid) < first + 200, `memory of hsmd: ${first} MB, then ${memory(hsmd.pid)} MB`);
    assert.deepEqual(await load.end(), []);
    t.diagnostic(`longest time without a signature ${longest.toFixed(0)} ms`);

    // Also those that device 1 lacked: it has them now, and signs with them.
    const wanted = [0, 1, KEYS >> 1, ...Array.from({ length: LACKING }, (_, i) => KEYS - LACKING + i)];
    const others = Array.from({ length: 400 }, (_, i) => (i * 7919) % KEYS);
    const times: number[] = [];
    for (const i of [...wanted, ...others]) {
      const at = performance.now();
      const { uuids } = await client.call('KEY_FIND', {
        partition: 0,
        label: copyLabel(i),
        id: new Uint8Array(),
        most: 2,
      });
      times.push(performance.now() - at);
      assert.deepEqual(uuids, [copyUuid(i)]);
    }
    t.diagnostic(
      `keys found by their labels, half of them within ${times.toSorted((x, y) => x - y)[times.length >> 1].toFixed(2)} ms`,
    );
    for (const i of wanted.slice(0, 8)) await sign(client, { uuid: copyUuid(i), spki });
    // It stays away until its keystore is back.
    const keystore = hsmd.takeKeystore(0);
    process.kill(hsmd.deviceProcess(0), 'SIGKILL');
    await hsmd.until(({ devices }) => devices[0].condition === 'down', 'device 0 is missed');
    await sign(client, { uuid: copyUuid(KEYS - 1), spki });
    keystore.giveBack();
  });
});

/** The longest time in milliseconds in which no signature was finished. */
function watchGaps(load: Load): { end(): number } {
  let [last, at, longest] = [load.done, performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    if (load.done !== last) at = now;
    last = load.done;
    longest = Math.max(longest, now - at);
  }, 5);
  return {
    end: () => {
      clearInterval(timer);
      return longest;
    },
  };
}

function elapsed(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

/** Megabytes that the process has in memory. */
function memory(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))!;
  return Math.round(Number(kilobytes) / 1024);
}
