import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { Curve, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { HsmdProcess, LIMIT, MASTER_KEY, PINS, setUp, until } from './hsmd-process.ts';

const TOKEN = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
const EXPORTABLE = TOKEN | KeyFlag.EXPORTABLE;

suite('hsmd, through its real processes', { timeout: 600_000 }, () => {
  test('S-394 (part) S-339 S-361 S-369 S-370 S-372 S-396 S-398 S-460 the first set-up, a restart, a tamper event and the recovery', async () => {
    await using hsmd = await HsmdProcess.start();
    const fresh = await hsmd.status();
    assert.equal(fresh.isLocked, true);
    assert.match(fresh.whyLocked.join(' '), /must be unlocked.*first set-up is not complete.*master key is not set/);
    assert.deepEqual(lights(fresh), ['green', 'green', 'green']);
    await assert.rejects(hsmd.rpc('user'), refused(HalStatus.FORBIDDEN));

    assert.match(await setUp(hsmd), /Success:Parsed key/);
    assert.equal((await hsmd.status()).isLocked, false);
    await hsmd.setMirroring(true);
    let client = await hsmd.rpc('user');
    const { uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags: EXPORTABLE });
    const { spki } = await client.call('KEY_PUBLIC', { uuid });
    await hsmd.setMirroring(false);
    const only = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags: TOKEN });
    await signs(client, uuid, spki);
    await client[Symbol.asyncDispose]();

    // A restart locks; the master key outlives it.
    await hsmd.stop();
    await hsmd.boot();
    const again = await hsmd.status();
    assert.deepEqual([again.isLocked, again.whyLocked.length], [true, 1]);
    assert.match(again.whyLocked[0], /must be unlocked/);
    await assert.rejects(hsmd.rpc('user'), refused(HalStatus.FORBIDDEN));
    {
      using terminal = await hsmd.console();
      await terminal.login(PINS.wheel, 'n');
      assert.match(await terminal.run('masterkey status'), /volatile: Set[^]*volatile: Set/);
    }
    client = await hsmd.rpc('user');
    await signs(client, uuid, spki);
    await client[Symbol.asyncDispose]();

    // Somebody opens the case.
    {
      using terminal = await hsmd.console();
      await terminal.login();
      assert.match(await terminal.run('tamper set config'), /circuits watch/);
    }
    hsmd.sensor('0', 'case', 'open');
    await hsmd.until(
      (status) =>
        status.devices[0].tamper !== 'ok' && status.isLocked && lights(status).join() === 'green,red blinks,red blinks',
      'the event is seen, and the lights tell it',
    );
    await assert.rejects(hsmd.rpc('user'), refused(HalStatus.TAMPER));
    {
      using terminal = await hsmd.console();
      await terminal.login();
      assert.doesNotMatch(await terminal.run('tamper reset'), /rror: none/);
      assert.equal((await hsmd.status()).devices[0].tamper, 'lasts', 'the case is still open');
    }
    hsmd.sensor('0', 'case', 'closed');
    await hsmd.resetTamper();
    {
      using terminal = await hsmd.console();
      await terminal.login();
      await hsmd.until(
        ({ devices }) => devices.every(({ condition }) => condition === 'up'),
        'all devices are up again',
      );
      // A wrong master key is told, and nothing is changed.
      const wrong = await terminal.run(`masterkey set ${MASTER_KEY.replace('01234567', '76543210')}`);
      assert.doesNotMatch(wrong, /Success/);
      assert.equal((await hsmd.status()).isLocked, true);
      assert.match(await terminal.run(`masterkey set ${MASTER_KEY}`), /Success/);
    }
    await hsmd.until(
      (status) => !status.isLocked && lights(status).join() === 'green,green,green',
      'it is unlocked again',
    );
    client = await hsmd.rpc('user');
    await signs(client, uuid, spki);
    await signs(client, only.uuid, (await client.call('KEY_PUBLIC', { uuid: only.uuid })).spki);
    await client[Symbol.asyncDispose]();

    // What happened is in the audit log, and no secret is in any file.
    await hsmd.stop();
    const { status, output } = hsmd.auditVerify();
    assert.equal(status, 0, output);
    const told = fs.readFileSync(path.join(hsmd.state, 'audit/audit.log'), 'utf8');
    for (const kind of [
      'start',
      'login',
      'pin set',
      'master key set',
      'unlocked',
      'key made',
      'tamper',
      'tamper reset',
      'stop',
    ])
      assert.ok(told.includes(`"kind":"${kind}"`), kind);
    assertNowhere(hsmd, [PINS.wheel, PINS.so, MASTER_KEY, MASTER_KEY.replaceAll(' ', '')]);
  });

  test('S-367 (part) S-366 (part) without its watchdogs the master key is gone; the same one makes the keys sign again', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    let client = await hsmd.rpc('user');
    const { uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P384, flags: EXPORTABLE });
    const { spki } = await client.call('KEY_PUBLIC', { uuid });
    await client[Symbol.asyncDispose]();
    await hsmd.stop();
    hsmd.endWatchdogs();
    await hsmd.boot();
    assert.match((await hsmd.status()).whyLocked.join(), /master key is not set on device 0, device 1/);
    {
      using terminal = await hsmd.console();
      await terminal.login(PINS.wheel, 'n');
      await assert.rejects(hsmd.rpc('user'), refused(HalStatus.MASTERKEY_NOT_SET));
      assert.match(await terminal.run(`masterkey set ${MASTER_KEY}`), /Success/);
    }
    client = await hsmd.rpc('user');
    await signs(client, uuid, spki, 48);
    await client[Symbol.asyncDispose]();
  });

  test('S-447 (part) S-451 (part) shutdown and shutdown restart at the console', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    const { pid } = hsmd;
    {
      using terminal = await hsmd.console();
      await terminal.login();
      terminal.type('shutdown restart');
      await terminal.expect(/Diamond-HSM > /);
      assert.equal((await hsmd.status()).stage, 'ready', 'without the word nothing happens');
      const before = fs.statSync(path.join(hsmd.state, 'run/ports.json')).mtimeMs;
      terminal.type('shutdown restart YesIAmSure');
      await until(() => {
        try {
          return fs.statSync(path.join(hsmd.state, 'run/ports.json')).mtimeMs !== before;
        } catch {
          return false; // on its way
        }
      }, 'it is up again');
    }
    assert.equal(hsmd.pid, pid, 'the process id stays');
    assert.equal((await hsmd.status()).isLocked, true);
    using terminal = await hsmd.console();
    await terminal.login();
    assert.equal((await hsmd.status()).isLocked, false);
    terminal.type('shutdown YesIAmSure');
    assert.equal(await hsmd.ended(), 0);
    await terminal.closed();
    await assert.rejects(hsmd.status(), { code: 'ECONNREFUSED' });
  });

  test('S-456 (part) S-430 (part) when the HSM is ready all of its devices serve: one with an old keystore has the keys of the other by then', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    await hsmd.setMirroring(true);
    await hsmd.stop();
    const keystore = path.join(hsmd.state, 'keystore-1.db');
    const old = fs.readFileSync(keystore);
    await hsmd.boot();
    const uuids: string[] = [];
    {
      using terminal = await hsmd.console();
      await terminal.login();
      await using client = await hsmd.rpc('user');
      const ec = { partition: 0, curve: Curve.P256, flags: EXPORTABLE };
      const made = await Promise.all(Array.from({ length: 300 }, () => client.call('KEY_GENERATE_EC', ec)));
      uuids.push(...made.map(({ uuid }) => uuid));
    }
    await hsmd.stop();
    for (const suffix of ['-wal', '-shm']) fs.rmSync(`${keystore}${suffix}`, { force: true });
    fs.writeFileSync(keystore, old);
    await hsmd.boot();
    const status = await hsmd.status();
    assert.deepEqual(
      status.devices.map(({ condition, tokenKeys }) => [condition, tokenKeys]),
      [
        ['up', 300],
        ['up', 300],
      ],
    );
    assert.deepEqual(lights(status), ['green', 'green', 'green']);
    const away = hsmd.takeKeystore(0);
    process.kill(hsmd.deviceProcess(0), 'SIGKILL');
    await hsmd.until(({ devices }) => devices[0].condition === 'down', 'only the other one is there');
    using terminal = await hsmd.console();
    await terminal.login();
    await using client = await hsmd.rpc('user');
    for (const uuid of uuids.slice(-3)) await signs(client, uuid, (await client.call('KEY_PUBLIC', { uuid })).spki);
    away.giveBack();
  });

  test('a second hsmd on the same state directory does not start', async () => {
    await using hsmd = await HsmdProcess.start();
    const { status, stderr } = (await import('node:child_process')).spawnSync(
      process.execPath,
      [
        path.resolve(import.meta.dirname, '../../../src/daemon/hsmd.ts'),
        '--state',
        hsmd.state,
        '--listen',
        '127.0.0.1',
      ],
      { encoding: 'utf8', timeout: LIMIT },
    );
    assert.equal(status, 1);
    assert.match(stderr, /another hsmd runs with the state directory/);
    assert.equal((await hsmd.status()).stage, 'ready');
  });
});

async function signs(client: HsmClient, uuid: string, spki: Uint8Array, octets = 32): Promise<void> {
  const message = randomBytes(100);
  const hash = octets === 32 ? 'sha256' : 'sha384';
  const data = createHash(hash).update(message).digest();
  const { signature } = await client.call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data });
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  assert.ok(verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature));
}

function lights({ leds }: Awaited<ReturnType<HsmdProcess['status']>>): string[] {
  return [leds.power, leds.system, leds.tamper].map(({ colour, isBlinking }) =>
    isBlinking ? `${colour} blinks` : colour,
  );
}

function refused(status: HalStatus): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HalError, String(error));
    assert.equal(error.status, status, error.message);
    return true;
  };
}

function assertNowhere(hsmd: HsmdProcess, secrets: readonly string[]): void {
  for (const name of fs.readdirSync(hsmd.state, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(hsmd.state, name);
    if (!fs.statSync(file).isFile()) continue;
    const octets = fs.readFileSync(file);
    for (const secret of secrets) {
      assert.equal(octets.indexOf(secret), -1, `a secret is in ${name}`);
      if (/^[0-9A-F]{64}$/.test(secret))
        assert.equal(octets.indexOf(Buffer.from(secret, 'hex')), -1, `the master key is in ${name}`);
    }
  }
  for (const secret of secrets) assert.ok(!hsmd.output.includes(secret), 'a secret is in the log');
}
