import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { Curve, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { makeUpdate } from '../../../src/hsm/update/signed-update.ts';
import { ownVersion } from '../../../src/hsm/update/version.ts';
import { type ConsoleClient, HsmdProcess, PINS, setUp, until } from './hsmd-process.ts';

const SIGNER = generateKeyPairSync('rsa', { modulusLength: 2048 });
const NEWER = '2099-01-01-01 - 9.0.0.1';
const BROKEN = '2099-02-01-01 - 9.0.0.2';
const OLDER = '2018-11-28-02 - 0.0.0.2';
const HSMD = path.resolve(import.meta.dirname, '../../../src/daemon/hsmd.ts');
const NAME = '/home/admin/Downloads/DKEY-HSM-UPDATE-99.01.01.tar.gz.signed';

/** The same hsmd, started from the slot: what a real update brings is a bundle of it. */
const GOOD_SOFTWARE = `import { main } from ${JSON.stringify(HSMD)};\nprocess.exit(await main(process.argv.slice(2)));\n`;
const BROKEN_SOFTWARE = 'process.exit(3);\n';

function update(version: string, software: string): Uint8Array {
  const files = [
    { name: 'software/hsmd.js', octets: Buffer.from(software) },
    { name: 'firmware/firmware.bin', octets: Buffer.from(`firmware of ${version}`) },
  ];
  return makeUpdate(version, files, SIGNER.privateKey, 1_800_000_000);
}

suite('Updates of a running hsmd', { timeout: 600_000 }, () => {
  test('S-382 S-411 S-412 S-413 S-414 S-415 S-416 S-440 S-445 by the console: verified, installed, begun by a restart, and given up when it does not start', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    const keyFile = path.join(hsmd.state, 'update-keys.pem');
    let uuid: string;
    {
      await using client = await hsmd.rpc('user');
      const flags = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
      ({ uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags }));
    }
    const signs = async (): Promise<void> => {
      await using client = await hsmd.rpc('user');
      await client.call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data: new Uint8Array(32) });
    };

    {
      using terminal = await hsmd.console();
      await terminal.login();
      assert.match(await terminal.run('show version'), new RegExp(ownVersion()));
      const good = update(NEWER, GOOD_SOFTWARE);
      assert.match(await send(terminal, good, 'n'), /trusts nobody's updates: there is no file .*update-keys\.pem/);
      fs.writeFileSync(keyFile, SIGNER.publicKey.export({ type: 'spki', format: 'pem' }));

      const flipped = Uint8Array.from(good);
      flipped[100] ^= 1;
      assert.match(await send(terminal, flipped, 'n'), /Unable to verify update/);
      assert.match(await send(terminal, good.subarray(0, good.length - 1), 'n'), /Unable to verify update/);
      assert.match(await send(terminal, update(OLDER, GOOD_SOFTWARE), 'n'), /not newer/);
      assert.ok(!fs.existsSync(path.join(hsmd.state, 'software/active.json')), 'nothing was changed');

      assert.match(await send(terminal, good, 'n'), /2099-01-01-01 - 9\.0\.0\.1/);
      assert.match(await terminal.run('show version'), new RegExp(ownVersion()), 'not before a restart');
      await restart(hsmd, terminal);
    }
    assert.equal((await hsmd.status()).identity.version, NEWER);
    assert.equal((await hsmd.status()).isLocked, true);
    {
      using terminal = await hsmd.console();
      await terminal.login(PINS.wheel, 'n');
      assert.match(await terminal.run('show version'), /2099-01-01-01 - 9\.0\.0\.1/);
      await signs();
      assert.equal(active(hsmd).state, 'good');

      assert.match(await send(terminal, update(BROKEN, BROKEN_SOFTWARE), 'n'), /2099-02-01-01/);
      terminal.type('shutdown restart YesIAmSure');
      await terminal.closed();
    }
    assert.equal(await hsmd.ended(), 3, 'the broken one has ended at once');
    // As the service manager does, the package is started again.
    await hsmd.boot();
    assert.equal((await hsmd.status()).identity.version, NEWER);
    assert.match(hsmd.output, /update 2099-02-01-01 - 9\.0\.0\.2 did not start: the software of before is back/);
    using terminal = await hsmd.console();
    await terminal.login(PINS.wheel, 'n');
    await signs();
    // An older one, when it is wanted.
    assert.match(await send(terminal, update(OLDER, GOOD_SOFTWARE), 'y'), /2018-11-28-02/);
    assert.equal(active(hsmd).version, OLDER);
  });

  test('S-360 S-443 (part) S-444 (part) S-446 (part) parts are installed again, one device after the other; PINs are asked again', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    using terminal = await hsmd.console();
    await terminal.login();
    for (const part of ['firmware', 'bootloader', 'fpga', 'tamper']) {
      const before = hsmd.deviceProcess(0);
      assert.match(
        await terminal.run(`update ${part}`),
        /Password of 'so'[^]*Password of 'wheel'[^]*was installed again/,
      );
      assert.notEqual(hsmd.deviceProcess(0), before);
      for (const device of ['0', '1']) {
        const slots = JSON.parse(
          fs.readFileSync(path.join(hsmd.state, 'parts', device, part, 'active.json'), 'utf8'),
        ) as {
          slot: string;
          state: string;
        };
        assert.equal(slots.state, 'good');
        assert.ok(fs.readdirSync(path.join(hsmd.state, 'parts', device, part, slots.slot, part)).length > 0);
      }
    }
    await hsmd.until(({ isLocked }) => !isLocked, 'it is unlocked as before');
    // A wrong PIN ends it.
    terminal.type('update firmware');
    await terminal.expect(/Password of 'so': /);
    terminal.type('wrong');
    const text = await terminal.expect(/Diamond-HSM > |Password of 'so': /);
    assert.match(text, /PIN|password/i);
    assert.doesNotMatch(text, /installed again/);
  });
});

/** `update HSM`, with the vendor's transfer; `isOlderWanted` answers what is asked of an old one. No restart. */
async function send(terminal: ConsoleClient, octets: Uint8Array, isOlderWanted: 'y' | 'n'): Promise<string> {
  terminal.type(`update HSM ${NAME}`);
  let whole = '';
  for (;;) {
    const text = await terminal.expect(/Diamond-HSM > |\(y\/n\) |Password of '(?:so|wheel)': |:RECV:[^\r]*\r/);
    whole += text;
    if (text.endsWith('Diamond-HSM > ')) return whole;
    if (text.endsWith('\r')) {
      terminal.send(Buffer.from(`${octets.length}\r`));
      terminal.send(octets);
    } else if (text.endsWith("'so': ")) terminal.type(PINS.so);
    else if (text.endsWith("'wheel': ")) terminal.type(PINS.wheel);
    else if (/restart now/.test(text.slice(-200))) terminal.type('n');
    else if (/newer|older/i.test(text)) terminal.type(isOlderWanted);
    else terminal.type('y');
  }
}

async function restart(hsmd: HsmdProcess, terminal: ConsoleClient): Promise<void> {
  const file = path.join(hsmd.state, 'run/ports.json');
  const before = fs.statSync(file).mtimeMs;
  terminal.type('shutdown restart YesIAmSure');
  await until(() => {
    const now = fs.statSync(file, { throwIfNoEntry: false });
    return now !== undefined && now.mtimeMs !== before;
  }, 'it is up again');
}

function active(hsmd: HsmdProcess): { readonly version: string; readonly state: string } {
  return JSON.parse(fs.readFileSync(path.join(hsmd.state, 'software/active.json'), 'utf8')) as ReturnType<
    typeof active
  >;
}
