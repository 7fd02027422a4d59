import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { KeyFlag, KeyType } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { HsmdProcess, LIMIT, PINS, setUp } from './hsmd-process.ts';
import { generate, type Key, MIRRORED, sign, TOKEN } from './load.ts';

const CONSOLE = path.resolve(import.meta.dirname, '../../../src/tools/dks_setup_console.ts');
const OTHER_KEY = 'FEDCBA98 76543210 FEDCBA98 76543210 FEDCBA98 76543210 FEDCBA98 76543210';

suite('backup from one appliance to another', { timeout: 600_000 }, () => {
  test('S-433 (part) S-504 (part) S-431 (part) S-505 (part) through their consoles by dks_setup_console: under a KEKEK, with both PINs, exportable keys alone, and they sign there', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-backup-'));
    const file = (name: string): string => path.join(directory, name);
    await using source = await HsmdProcess.start('--serial', '1000-0001');
    await using destination = await HsmdProcess.start('--serial', '1000-0002');
    await setUp(source);
    // Another master key: what goes over is under none of both.
    await setUp(destination, OTHER_KEY);
    const client = await source.rpc('user');
    await using _client = client;
    const stays = await generate(client, TOKEN);
    await source.setMirroring(true);
    const goes = [await generate(client, MIRRORED), await generate(client, MIRRORED)];
    const label = { type: 3, value: Buffer.from('a zone of ours') };
    await client.call('KEY_SET_ATTRIBUTES', { uuid: goes[0].uuid, changes: [label] });

    const at = {
      source: await consoleOf(source, '1000-0001', file('source')),
      destination: await consoleOf(destination, '1000-0002', file('destination')),
    };
    const both = [PINS.so, PINS.wheel];

    // One person is not two: with so's PIN left out, or wrong, nothing is made.
    const gaveUp = await at.destination('sync external import_setup 0', '');
    assert.match(gaveUp, /Given up: nothing was changed/);
    const wrong = await at.destination('sync external import_setup 0', PINS.wheel, '');
    assert.match(wrong, /PIN of so is wrong/);
    assert.ok(!fs.existsSync(file('setup.json')));

    const made = await at.destination('sync external import_setup 0', ...both, 'y', file('setup.json'));
    assert.match(made, /The KEKEK was sent successfully/);
    const setup = JSON.parse(fs.readFileSync(file('setup.json'), 'utf8')) as { kekek_uuid: string };

    // Nothing leaves before that is allowed.
    const files = [file('setup.json'), file('export.json')];
    const refused = await at.source('sync external export 0', ...both, ...files);
    assert.match(refused, /set ENABLE_KEY_EXPORT TRUE/);
    assert.match(await at.source('set ENABLE_KEY_EXPORT TRUE', ...both), /ENABLE_KEY_EXPORT set to TRUE/);
    const sent = await at.source('sync external export 0', ...both, ...files);
    assert.match(sent, /The backup was sent successfully/);
    for (const { uuid } of goes) assert.match(sent, new RegExp(`'${uuid}' was processed`));
    const backup = fs.readFileSync(file('export.json'), 'utf8');
    assert.equal(fs.statSync(file('export.json')).mode & 0o777, 0o600);
    assert.ok(!backup.includes(stays.uuid), 'what is not exportable is not in it');
    assert.deepEqual(
      (JSON.parse(backup) as { keys: { uuid: string }[] }).keys.map(({ uuid }) => uuid).sort(),
      goes.map(({ uuid }) => uuid).sort(),
    );

    // A backup for another HSM's KEKEK, or one that was changed, is refused, and no key comes of it.
    fs.writeFileSync(file('strange.json'), backup.replaceAll(setup.kekek_uuid, goes[0].uuid));
    const strange = await at.destination('sync external import 0', ...both, file('strange.json'));
    assert.match(strange, /made for the KEKEK .* which device 0 does not have/);
    fs.writeFileSync(file('changed.json'), withOtherKek(backup));
    const changed = await at.destination('sync external import 0', ...both, file('changed.json'));
    assert.match(changed, /Error: /);
    const there = await destination.rpc('user');
    await using _there = there;
    for (const { uuid } of goes) await assert.rejects(there.call('KEY_INFO', { uuid }), isMissing);

    const received = await at.destination('sync external import 0', ...both, file('export.json'));
    assert.match(received, /Import complete: 2 keys/);
    for (const key of goes) await sign(there, key);
    const { attributes } = await there.call('KEY_GET_ATTRIBUTES', { uuid: goes[0].uuid, types: [3] });
    assert.equal(Buffer.from(attributes[0].value).toString(), 'a zone of ours');
    const { flags, type } = await there.call('KEY_INFO', { uuid: goes[0].uuid });
    assert.deepEqual([flags, type], [MIRRORED, KeyType.EC_PRIVATE]);
    await assert.rejects(there.call('KEY_INFO', { uuid: stays.uuid }), isMissing);
    // They are on both devices there, and those of the source stay.
    await signsWithOneDevice(destination, goes[0]);
    for (const key of [...goes, stays]) await sign(client, key);
    // The key of the backup's keys never leaves, nor is it for signing.
    await assert.rejects(
      client.call('KEY_EXPORT', { uuid: stays.uuid, kekek: stays.uuid }),
      (error: HalError) => error.status === HalStatus.FORBIDDEN || error.status === HalStatus.UNSUPPORTED_KEY,
    );
    const kekek = await there.call('KEY_FIND', { partition: 0, label: Buffer.from('KEKEK of backups'), id: new Uint8Array(), most: 2 }); // prettier-ignore
    assert.deepEqual(kekek.uuids, [setup.kekek_uuid]);
    assert.equal((await there.call('KEY_INFO', { uuid: setup.kekek_uuid })).flags, KeyFlag.TOKEN | KeyFlag.KEY_ENCIPHERMENT); // prettier-ignore

    // Again: what is there stays as it is.
    const again = await at.destination('sync external import 0', ...both, file('export.json'));
    assert.match(again, /is here already and stays as it is[^]*Import complete: 0 keys/);
    for (const [hsmd, kind] of [
      [source, 'key exported'],
      [destination, 'key imported'],
    ] as const) {
      // prettier-ignore
      await hsmd.stop();
      const audit = hsmd.auditVerify();
      assert.equal(audit.status, 0, audit.output);
      const log = fs.readFileSync(path.join(hsmd.state, 'audit/audit.log'), 'utf8');
      assert.ok(log.includes(`"kind":"${kind}"`));
    }
    fs.rmSync(directory, { recursive: true });
  });
});

/** A person at dks_setup_console, who logs in as wheel and types these lines. */
async function consoleOf(
  hsmd: HsmdProcess,
  serial: string,
  directory: string,
): Promise<(...lines: string[]) => Promise<string>> {
  fs.mkdirSync(directory);
  const { fingerprint } = await hsmd.status();
  const { console: port } = hsmd.ports;
  fs.writeFileSync(
    path.join(directory, 'hsm.conf'),
    `<diamondhsm><cty><IP>127.0.0.1</IP><port>${port}</port><servername>dks-hsm</servername><serial>${serial}</serial></cty></diamondhsm>`,
  );
  return async (...lines) => {
    const words = [CONSOLE, '--config_path', directory, '--batch', '-', '--fingerprint', fingerprint];
    const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'pipe'], timeout: LIMIT });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
    child.stdin.end(['wheel', PINS.wheel, ...lines, 'logout', ''].join('\n'));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, said);
    // No PIN is shown.
    for (const pin of [PINS.so, PINS.wheel]) assert.ok(!said.includes(pin), said);
    return said;
  };
}

/** The same keys, the key-encryption key of the first one exchanged for that of the second. */
function withOtherKek(backup: string): string {
  const parsed = JSON.parse(backup) as { keys: { kek: unknown }[] };
  parsed.keys[0].kek = parsed.keys[1].kek;
  parsed.keys.length = 1;
  return JSON.stringify(parsed);
}

async function signsWithOneDevice(hsmd: HsmdProcess, key: Key): Promise<void> {
  const away = hsmd.takeKeystore(0);
  process.kill(hsmd.deviceProcess(0), 'SIGKILL');
  await hsmd.until(({ devices }) => devices[0].condition === 'down', 'device 0 is missed');
  await using client = await hsmd.rpc('user');
  await sign(client, key);
  away.giveBack();
  await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'device 0 is back');
}

function isMissing(error: unknown): boolean {
  assert.ok(error instanceof HalError, String(error));
  assert.equal(error.status, HalStatus.KEY_NOT_FOUND, error.message);
  return true;
}
