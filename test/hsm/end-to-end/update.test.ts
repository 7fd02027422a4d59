import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { Curve, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { makeUpdate } from '../../../src/hsm/update/signed-update.ts';
import type { TarFile } from '../../../src/hsm/update/tar.ts';
import { ownVersion } from '../../../src/hsm/update/version.ts';
import { type ConsoleClient, HsmdProcess, PINS, setUp, until } from './hsmd-process.ts';

const SIGNER = generateKeyPairSync('rsa', { modulusLength: 2048 });
const NEWER = '2099-01-01-01 - 9.0.0.1';
const BROKEN = '2099-02-01-01 - 9.0.0.2';
const OLDER = '2018-11-28-02 - 0.0.0.2';
const HSMD = path.resolve(import.meta.dirname, '../../../src/daemon/hsmd.ts');
const SOURCES = path.resolve(import.meta.dirname, '../../../src');
const NATIVE = path.resolve(import.meta.dirname, '../../../.build/native/hsm.node');
const NAME = '/home/admin/Downloads/DKEY-HSM-UPDATE-99.01.01.tar.gz.signed';

/** The same hsmd, started from the slot: what a real update brings is a bundle of it. */
const GOOD_SOFTWARE = `import { main } from ${JSON.stringify(HSMD)};\nprocess.exit(await main(process.argv.slice(2)));\n`;
const BROKEN_SOFTWARE = 'process.exit(3);\n';

/** A program that says what it is, and goes on as the one of the checkout. */
function speaking(what: string, program: string): Buffer {
  const file = path.join(SOURCES, program);
  return Buffer.from(`process.stderr.write('this is ${what}\\n');\nawait import(${JSON.stringify(file)});\n`);
}

const firmware = (version: string): TarFile => ({
  name: 'firmware/device-process.js',
  octets: speaking(`the firmware of ${version}`, 'hsm/device/device-process.ts'),
});

const bootloader = (version: string): TarFile => ({
  name: 'bootloader/boot-process.js',
  octets: speaking(`the bootloader of ${version}`, 'hsm/supervision/boot-process.ts'),
});

/** One that never answers, and ends with hsmd. */
const HANGING: TarFile = {
  name: 'firmware/device-process.js',
  octets: Buffer.from("process.stdin.on('end', () => process.exit()).resume();\n"),
};

const fpga = (): TarFile => ({ name: 'fpga/hsm.node', octets: fs.readFileSync(NATIVE) });

function update(version: string, software: string, parts: readonly TarFile[] = [firmware(version)]): Uint8Array {
  const files = [{ name: 'software/hsmd.js', octets: Buffer.from(software) }, ...parts];
  return makeUpdate(version, files, SIGNER.privateKey, 1_800_000_000);
}

/** Makes a key on a new appliance; `signs` proves that it still does. */
async function withKey(hsmd: HsmdProcess): Promise<{ signs(): Promise<void> }> {
  await setUp(hsmd);
  await using client = await hsmd.rpc('user');
  const flags = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE | KeyFlag.EXPORTABLE;
  const { uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags });
  return {
    signs: async () => {
      await using user = await hsmd.rpc('user');
      await user.call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data: new Uint8Array(32) });
    },
  };
}

suite('Updates of a running hsmd', { timeout: 1_800_000 }, () => {
  test('S-382 S-411 S-412 S-413 S-414 S-415 S-416 S-440 S-445 by the console: verified, installed, begun by a restart, and given up when it does not start', async () => {
    await using hsmd = await HsmdProcess.start();
    const { signs } = await withKey(hsmd);
    const keyFile = path.join(hsmd.state, 'update-keys.pem');
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
      const shown = await terminal.run('show version');
      assert.match(shown, /2099-01-01-01 - 9\.0\.0\.1/);
      for (const index of [0, 1]) assert.ok(shown.includes(`Device ${index}: firmware ${NEWER} (slot a)`), shown);
      assert.ok(hsmd.output.split(`this is the firmware of ${NEWER}\n`).length >= 3, 'both devices run it');
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

  test('S-360 S-443 S-444 S-446 parts are installed again, one device after the other, and run from their slots; PINs are asked again', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    using terminal = await hsmd.console();
    await terminal.login();
    assert.match(await terminal.run('show version'), /Device 0: firmware \S+ - \S+ \(of the package\)/);
    for (const part of ['firmware', 'bootloader', 'fpga', 'tamper']) {
      const before = hsmd.deviceProcess(0);
      assert.match(
        await terminal.run(`update ${part}`),
        /Password of 'so'[^]*Password of 'wheel'[^]*was installed again/,
      );
      const isTamper = part === 'tamper';
      assert.equal(hsmd.deviceProcess(0) === before, isTamper);
      const shown = await terminal.run('show version');
      for (const device of [0, 1]) {
        assert.deepEqual(
          pointer(hsmd, device, part),
          isTamper ? { slot: 'a', state: 'trial' } : { slot: 'a', state: 'good' },
        );
        // A watchdog has the master key: it goes on as it was started.
        assert.match(
          shown,
          new RegExp(`Device ${device}: ${part} \\S+ - \\S+ ${isTamper ? '\\(of the' : '\\(slot a'}`),
        );
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

  test('S-443 S-446 a device whose new program or crypto module does not come up runs what it had', async () => {
    await using hsmd = await HsmdProcess.start();
    const { signs } = await withKey(hsmd);
    trust(hsmd);
    const broken = [
      { name: 'firmware/device-process.js', octets: Buffer.from('process.exit(7);\n') },
      { name: 'fpga/hsm.node', octets: Buffer.from('no module at all') },
    ];
    {
      using terminal = await hsmd.console();
      await terminal.login();
      await send(terminal, update(NEWER, GOOD_SOFTWARE, broken), 'n');
      await restart(hsmd, terminal);
    }
    await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'the devices are up');
    assert.match(hsmd.output, /device 0: firmware of 2099-01-01-01 - 9\.0\.0\.1 did not come up/);
    using terminal = await hsmd.console();
    await terminal.login(PINS.wheel, 'n');
    assert.match(await terminal.run('show version'), /Device 0: firmware \S+ - \S+ \(of the package\)/);
    await signs();
    for (const part of ['firmware', 'fpga']) {
      assert.match(
        await terminal.run(`update ${part}`),
        /device 0 did not come up with the \w+ of 2099-01-01-01 - 9\.0\.0\.1 .*started with the one of before/,
      );
      await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'the devices are up');
      await signs();
    }
    // Now the module was reached, and refused.
    assert.match(hsmd.output, /parts\/0\/fpga\/[ab]\/fpga\/hsm\.node.*cannot be loaded/);
  });

  test('S-443 S-444 S-446 hsmd is killed in the middle of updates of the parts: it starts again, each device with the old or the new, and keys sign', async () => {
    await using hsmd = await HsmdProcess.start();
    const { signs } = await withKey(hsmd);
    trust(hsmd);
    const begin = async (): Promise<ConsoleClient> => {
      const terminal = await hsmd.console();
      await terminal.login(PINS.wheel, 'n');
      return terminal;
    };
    const recover = async (): Promise<void> => {
      await hsmd.kill();
      await hsmd.boot();
      using terminal = await begin();
      await hsmd.until(({ isLocked, devices }) => !isLocked && devices.every(({ condition }) => condition === 'up'), 'it is unlocked'); // prettier-ignore
      await signs();
      const shown = await terminal.run('show version');
      for (const index of [0, 1])
        for (const part of ['firmware', 'bootloader', 'fpga'])
          assert.match(shown, new RegExp(`Device ${index}: ${part} \\S+ - \\S+ \\((?:of the package|slot [ab])\\)`));
      const { status, output } = hsmd.auditVerify();
      assert.equal(status, 0, output);
    };
    {
      using terminal = await begin();
      await send(terminal, update(NEWER, GOOD_SOFTWARE, [HANGING, bootloader(NEWER), fpga()]), 'n');
      terminal.type('shutdown restart YesIAmSure');
      await until(() => hsmd.output.includes(`this is the bootloader of ${NEWER}`), 'a device is being started');
      await recover();
      // What was not up yet is given up, software and parts.
      assert.match(hsmd.output, /update 2099-01-01-01 - 9\.0\.0\.1 did not start: the software of before is back/);
      assert.doesNotMatch(hsmd.output, /of 2099-01-01-01 - 9\.0\.0\.1 came up and stays/);
    }
    {
      using terminal = await begin();
      await send(terminal, update(NEWER, GOOD_SOFTWARE, [firmware(NEWER), bootloader(NEWER), fpga()]), 'n');
      await restart(hsmd, terminal);
    }
    for (const what of ['bootloader', 'firmware'])
      assert.match(hsmd.output, new RegExp(`this is the ${what} of 2099-01-01-01`));
    for (const [part, device] of [
      ['firmware', 0],
      ['bootloader', 0],
      ['fpga', 1],
    ] as const) {
      const before = pointer(hsmd, device, part)?.slot;
      using terminal = await begin();
      terminal.type(`update ${part}`);
      for (const role of ['so', 'wheel'] as const) {
        await terminal.expect(new RegExp(`Password of '${role}': `));
        terminal.type(PINS[role]);
      }
      await terminal.expect(/\(y\/n\) /);
      terminal.type('y');
      await until(() => pointer(hsmd, device, part)?.slot !== before, `the ${part} is installed`);
      await recover();
      assert.ok(
        fs.readFileSync(path.join(hsmd.state, 'audit/audit.log'), 'utf8').includes(`"part":"${part}"`),
        'it was asked for',
      );
    }
    using terminal = await begin();
    assert.match(await terminal.run('update firmware'), /was installed again/);
    for (const device of [0, 1])
      for (const part of ['firmware', 'bootloader', 'fpga']) assert.equal(pointer(hsmd, device, part)?.state, 'good');
    await signs();
  });
});

/** What device `index` is started from; undefined: nothing was ever installed. */
function pointer(
  hsmd: HsmdProcess,
  index: number,
  part: string,
): { readonly slot: string; readonly state: string } | undefined {
  const file = path.join(hsmd.state, 'parts', String(index), part, 'active.json');
  if (!fs.existsSync(file)) return undefined;
  const { slot, state } = JSON.parse(fs.readFileSync(file, 'utf8')) as { slot: string; state: string };
  return { slot, state };
}

function trust(hsmd: HsmdProcess): void {
  const pem = SIGNER.publicKey.export({ type: 'spki', format: 'pem' });
  fs.writeFileSync(path.join(hsmd.state, 'update-keys.pem'), pem);
}

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
