import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { Curve, KeyFlag } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { ConsoleClient, HsmdProcess, type HsmStatus, MASTER_KEY, PINS, setUp, until } from './hsmd-process.ts';

const TOKEN = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
const MANUAL = fs.readFileSync(path.resolve(import.meta.dirname, '../../../docs/hsm.md'), 'utf8');

suite('What the console of a running hsmd shows', { timeout: 600_000 }, () => {
  test('S-338 S-436 S-437 S-438 S-408 S-439 S-441 S-373 devices, addresses, time, serial number, LEDs', async () => {
    await using hsmd = await HsmdProcess.start('--serial', '1000-0002');
    await setUp(hsmd);
    using terminal = await hsmd.console();
    await terminal.login();
    const shown = async (command: string): Promise<string> => terminal.run(command);

    assert.match(await shown('show serial-number'), /1000-0002/);
    const certificate = new X509Certificate(fs.readFileSync(path.join(hsmd.state, 'tls/certificate.pem')));
    assert.match(certificate.subject, /1000-0002/);
    assert.equal((await hsmd.status()).identity.serial, '1000-0002');

    assert.match(await shown('show ipaddr'), /127\.0\.0\.1/);
    const [lo] = Object.values(networkInterfaces()).flatMap(
      (one) => one?.filter(({ address }) => address === '127.0.0.1') ?? [],
    );
    assert.ok((await shown('show macaddr')).includes(lo.mac));
    const time = /\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}/.exec(await shown('show time'))?.[0] ?? assert.fail('no time');
    assert.ok(Math.abs(Date.parse(`${time.replace(' ', 'T')}Z`) - Date.now()) < 60_000, time);
    await hsmd.until(
      ({ leds }) => Object.values(leds).every(({ colour }) => colour === 'green'),
      'all lights are green',
    );
    assert.match(await shown('show leds'), /POWER: +green[^]*SYSTEM: +green[^]*TAMPER: +green/);
    const { leds } = await hsmd.status();
    assert.deepEqual(leds.power, { colour: 'green', isBlinking: false });
    const page = await (await fetch(`http://127.0.0.1:${hsmd.ports.web}/`)).text();
    assert.ok(page.includes('POWER green, SYSTEM green, TAMPER green'));
    // What no software has is told in the manual.
    const machine = /^## The machine\n([^]*?)^## /m.exec(MANUAL)?.[1] ?? '';
    for (const part of [
      'one rack unit',
      'fans',
      'power connector and switch',
      'ethernet port',
      'three LEDs',
      'USB port',
    ])
      assert.ok(machine.includes(part), part);

    // What a console says of devices follows what is seen of them.
    const isReady = ({ text }: HsmStatus['devices'][number]): boolean => text === 'Active - Ready';
    await hsmd.until(({ devices }) => devices.every(isReady), 'both are ready');
    assert.match(await shown('show devices'), /Device 0: Active - Ready[^]*process \d+[^]*Device 1: Active - Ready/);
    const away = hsmd.takeKeystore(1);
    process.kill(hsmd.deviceProcess(1), 'SIGKILL');
    await hsmd.until(({ devices }) => devices[1].text.startsWith('Device failure'), 'the dead one is seen');
    assert.match(await shown('show devices'), /Device 1: Device failure/);
    away.giveBack();
    await hsmd.until(({ devices }) => devices.every(isReady), 'it is back');
    assert.match(await shown('show devices'), /Device 1: Active - Ready/);
  });

  test('S-425 S-428 S-430 S-431 (part) S-432 S-442 (part) keys by device; exportable ones are mirrored, others never leave', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    using terminal = await hsmd.console();
    await terminal.login();
    const ec = { session: 0, curve: Curve.P256, flags: TOKEN };
    // The vendor's function: the setting adds the flag.
    const made = async (): Promise<string> => {
      await using client = await hsmd.rpc('user');
      return (await client.call('PKEY_GENERATE_EC', ec)).uuid;
    };
    const before = await made();
    assert.match(await terminal.run('set ENABLE_EXPORTABLE_PRIVATE_KEYS TRUE'), /TRUE|True/);
    const after = await made();
    const places = async (): Promise<Map<string, number>> => {
      const text = await terminal.run('list keys');
      return new Map([before, after].map((uuid) => [uuid, text.split(uuid).length - 1]));
    };
    assert.deepEqual(await places(), new Map([[before, 1], [after, 2]])); // prettier-ignore
    assert.doesNotMatch(await terminal.run('sync cache'), /rror|failed/);
    assert.deepEqual(await places(), new Map([[before, 1], [after, 2]])); // prettier-ignore
  });

  test('S-376 S-361 S-384 (part) S-395 S-404 S-456 (part) a factory-new HSM serves nobody, and has the PIN of wheel alone', async () => {
    await using hsmd = await HsmdProcess.start();
    await assert.rejects(hsmd.rpc('user'), (error: HalError) => {
      assert.equal(error.status, HalStatus.FORBIDDEN);
      return true;
    });
    using terminal = await hsmd.console();
    const greeting = await terminal.login('YouReallyNeedToChangeThisPINRightNowWeAreNotKidding');
    assert.match(greeting, /the PIN of 'wheel' is the one of the factory/);
    // S-368: the first login asks for the master key.
    assert.match(greeting, /Would you like to set it now/);
    await assert.rejects(hsmd.rpc('user'), (error: HalError) => error.status === HalStatus.FORBIDDEN);
    await terminal.run(`set pin wheel ${PINS.wheel}`);
    await terminal.run('masterkey set');
    // Unlocked now; user and so have no PIN yet.
    for (const role of ['user', 'so'] as const)
      await assert.rejects(hsmd.rpc(role), (error: HalError) => {
        assert.match(error.message, /not initiali[sz]ed/i);
        return true;
      });
    using again = await ConsoleClient.connect(hsmd.ports.console);
    await again.expect(/Username: /);
    again.type('wheel');
    await again.expect(/Password: /);
    again.type('YouReallyNeedToChangeThisPINRightNowWeAreNotKidding');
    assert.match(await again.expect(/(?:Username|Password): /), /ncorrect|wrong/i);
  });

  test('S-368 S-400 S-401 the master key is made at the first login, shown once, and told by nothing afterwards', async () => {
    await using hsmd = await HsmdProcess.start();
    using terminal = await hsmd.console();
    await terminal.expect(/Username: /);
    terminal.type('wheel');
    await terminal.expect(/Password: /);
    terminal.type('YouReallyNeedToChangeThisPINRightNowWeAreNotKidding');
    await terminal.expect(/\(y\/n\) /);
    terminal.type('n');
    await terminal.expect(/Diamond-HSM > /);
    await terminal.run(`set pin wheel ${PINS.wheel}`);
    const made =
      /(?:[0-9A-F]{8} ){7}[0-9A-F]{8}/i.exec(await terminal.run('masterkey set'))?.[0] ??
      assert.fail('no key was shown');
    const plain = made.replaceAll(' ', '');
    let told = '';
    for (const command of [
      'show log',
      'show settings',
      'show status',
      'masterkey status',
      'show cache',
      'show devices',
      'list keys',
    ])
      told += await terminal.run(command);
    for (const name of fs.readdirSync(hsmd.state, { recursive: true, encoding: 'utf8' })) {
      const file = path.join(hsmd.state, name);
      if (fs.statSync(file).isFile()) told += fs.readFileSync(file, 'latin1') + fs.readFileSync(file, 'hex');
    }
    for (const form of [made, plain, plain.toLowerCase(), made.toLowerCase()]) assert.ok(!told.includes(form));
    // Another one is another one; nothing is under the first yet.
    const second = /(?:[0-9A-F]{8} ){7}[0-9A-F]{8}/i.exec(await terminal.run('masterkey set'))?.[0];
    assert.notEqual(second, made);
  });
});

suite('Addresses by the console', { timeout: 600_000 }, () => {
  test('S-409 S-434 set ip STATIC asks, set ip DHCP goes back; both restart, and the master key survives', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    const file = path.join(hsmd.state, 'run/ports.json');
    const restarted = (before: number) => (): boolean => {
      const now = fs.statSync(file, { throwIfNoEntry: false });
      return now !== undefined && now.mtimeMs !== before;
    };
    for (const way of ['STATIC', 'Dhcp'] as const) {
      using terminal = await hsmd.console();
      await terminal.login();
      const { mtimeMs } = fs.statSync(file);
      terminal.type(`set ip ${way}`);
      if (way === 'STATIC')
        for (const [question, answer] of [
          [/IP address\. \(ex\. [\d.]+\) /, '192.0.2.20'],
          [/net mask\. \(ex\. [\d.]+\) /, '255.255.255.0'],
          [/broadcast address\.[^)]*\) /, ''],
          [/gateway\.[^)]*\) /, '192.0.2.1'],
        ] as const) {
          await terminal.expect(question);
          terminal.type(answer);
        }
      await terminal.expect(/\(y\/n\) /);
      terminal.type('y');
      assert.match(await terminal.expect(/\(y\/n\) /), /set successfully[^]*restart now/);
      terminal.type('y');
      await until(restarted(mtimeMs), 'it has restarted');
      const settings = JSON.parse(fs.readFileSync(path.join(hsmd.state, 'settings.json'), 'utf8')) as Record<
        string,
        string
      >;
      assert.deepEqual([settings['IP_MODE'], settings['IP_ADDRESS']], [way.toLowerCase(), '192.0.2.20']);
      // hsmd was given no interface, so it changes none, and says so.
      assert.match(hsmd.output, new RegExp(`IP_MODE is '${way.toLowerCase()}', but hsmd was given no interface`));
      assert.match(
        (await hsmd.status()).whyLocked.join(),
        /^The HSM must be unlocked\.[^,]*$/,
        'the master key is still set',
      );
    }
    using terminal = await hsmd.console();
    await terminal.login(PINS.wheel, 'n');
    assert.equal((await hsmd.status()).isLocked, false);
  });
});

suite('Beyond the manual', { timeout: 600_000 }, () => {
  test('S-503 S-504 S-348 (part) what the 2019 console has beside: status, tables, firewall, device choice, copies between devices', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    using terminal = await hsmd.console();
    await terminal.login();
    const run = (command: string): Promise<string> => terminal.run(command);
    assert.match(await run('masterkey status'), /CTY 0:\s+volatile: Set[^]*CTY 1:\s+volatile: Set/);
    assert.match(await run('show log'), /the HSM is unlocked/);
    assert.match(await run('show settings'), /ENABLE_EXPORTABLE_PRIVATE_KEYS[^\r\n]*FALSE/i);
    assert.match(await run('show fpga cores'), /openssl[^]*sqlite/i);
    assert.match(await run('show firewall settings data'), /ccepting all/);
    assert.match(await run('show rpc'), /auto/);
    assert.match(await run('set rpc 1'), /RPC1|1/);
    assert.doesNotMatch(await run('set rpc 2'), /RPC2/);
    await run('set rpc auto');

    await run('set ENABLE_EXPORTABLE_PRIVATE_KEYS TRUE');
    let uuid: string;
    {
      await using client = await hsmd.rpc('user');
      ({ uuid } = await client.call('PKEY_GENERATE_EC', { session: 0, curve: Curve.P256, flags: TOKEN }));
    }
    assert.match(await run('show cache'), new RegExp(uuid));
    assert.match(await run('show key count'), /1/);
    for (const command of ['sync oneway 0 1 0', 'sync twoway 0 1 0']) assert.match(await run(command), /complete/);
    assert.doesNotMatch(await run('sync oneway 0 7 0'), /complete/);

    // What is set for the firewall holds for the next connection.
    assert.match(await run('set FIREWALL_DATA block'), /FIREWALL_DATA/);
    await assert.rejects(hsmd.rpc('user'));
    await run('set FIREWALL_DATA range 127.0.0.1 127.0.0.9');
    await (await hsmd.rpc('user'))[Symbol.asyncDispose]();
    assert.match(await run('set ENABLE_ZEROCONF FALSE'), /FALSE|False/);

    assert.match(await run('tamper check'), /amper ok/i);
    await run('tamper set temperature 5 60');
    assert.match(await run('tamper config status'), /\d/);
    await run('tamper test');
    await hsmd.until(({ devices }) => devices.every(({ tamper }) => tamper !== 'ok'), 'all devices are tampered with');
    using again = await hsmd.console();
    await again.login();
    assert.match(await again.run('tamper faults'), /test/i);
    await hsmd.resetTamper();
    using last = await hsmd.console();
    await last.login();
    assert.match(await last.run(`masterkey set ${MASTER_KEY}`), /Success/);
    await hsmd.until(({ isLocked }) => !isLocked, 'it is unlocked');
  });
});

suite('docs/hsm.md', () => {
  test('S-333 credits CrypTech and names the licences', () => {
    assert.match(MANUAL, /CrypTech project \(cryptech\.is\)[^]*BSD licences[^]*Apache-2\.0/);
  });

  test("S-336 has every word of the manual's definitions", () => {
    const words = MANUAL.slice(MANUAL.indexOf('## Words'));
    for (const word of [
      'BIND',
      'bootloader',
      'CrypTech',
      'DNS',
      'DNSSEC',
      'firmware',
      'Git',
      'HSM',
      'IETF',
      'OpenDNSSEC',
      'OpenSC',
      'PKCS #11',
      'Python',
    ])
      assert.ok(words.includes(word), word);
  });

  test('S-388 S-392 S-407 S-454 says how to reach an HSM without DHCP, to fix an address by DHCP, and what to do when a device does not come up', () => {
    assert.match(MANUAL, /ip addr add 10\.10\.10\.1\/24 dev eth0/);
    assert.match(MANUAL, /given at the DHCP server, for the hardware address of `show macaddr`/);
    assert.match(MANUAL, /wait 90 seconds[^]*wait 60\s+seconds[^]*60 seconds more/);
  });

  test('S-406 says that there is no way around a lost PIN of wheel', () => {
    assert.match(MANUAL, /A PIN of wheel that is lost is lost for good/);
  });
});
