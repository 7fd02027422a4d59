import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Operator } from '../../../src/hsm/appliance/appliance.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { Curve, DEFAULT_WHEEL_PIN, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { ApplianceFixture, confirm, octets, PINS } from './appliance-fixture.ts';

const LIMIT = { timeout: 600_000 };
const KEY = '01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF';
const TOKEN = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;

function keyOctets(text = KEY): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(' ', ''));
}

function status(wanted: HalStatus, text?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HalError, String(error));
    assert.equal(error.status, wanted, error.message);
    if (text !== undefined) assert.match(error.message, text);
    return true;
  };
}

const forbidden = status(HalStatus.FORBIDDEN);

suite('S-361 (part) S-376 (part) After a start the appliance is locked', LIMIT, () => {
  test('S-394 (part) S-395 (part) until the default PIN is changed, a master key is set and wheel has logged in', async () => {
    await using fixture = await ApplianceFixture.make();
    const { appliance } = fixture;
    assert.equal(appliance.status, HalStatus.FORBIDDEN);
    assert.match(
      appliance.getState().whyLocked.join(' '),
      /must be unlocked.*first set-up is not complete.*master key is not set/,
    );
    const operator = appliance.openConsole('10.0.0.7');
    const outcome = await operator.login('wheel', octets(DEFAULT_WHEEL_PIN));
    assert.deepEqual(outcome, { isFirstSinceStart: true, masterKeySet: false, hasDefaultPin: true });
    assert.equal(appliance.status, HalStatus.FORBIDDEN, 'the default PIN still holds');
    await operator.setPin('wheel', octets(PINS.wheel));
    assert.equal(appliance.status, HalStatus.MASTERKEY_NOT_SET);
    await operator.confirm('masterkey set', 'wheel', octets(PINS.wheel));
    const { isSet, made, failed } = await operator.setMasterKey(undefined);
    assert.ok(isSet && made?.length === 32);
    assert.deepEqual(failed, []);
    assert.equal(appliance.status, HalStatus.OK);
    assert.deepEqual(appliance.getState().whyLocked, []);
    assert.deepEqual(
      appliance.getState().devices.map(({ text }) => text),
      ['Active - Ready', 'Active - Ready'],
    );
    assert.ok(fixture.events.some(({ kind }) => kind === 'unlocked'));
  });

  test('S-396 (part) the old PIN of wheel is refused, the new one opens the console', async () => {
    await using fixture = await ApplianceFixture.make();
    await fixture.ready();
    await assert.rejects(fixture.wheel(), status(HalStatus.PIN_INCORRECT));
    await fixture.wheel(PINS.wheel);
  });

  test('S-404 (part) so and user have no PIN in the factory', async () => {
    await using fixture = await ApplianceFixture.make();
    await (await fixture.wheel()).setSetting('ENABLE_SO_CONSOLE', 'true');
    const operator = fixture.appliance.openConsole('10.0.0.7');
    await assert.rejects(operator.login('so', octets('1234')), status(HalStatus.FORBIDDEN, /not initiali[sz]ed/i));
  });

  test('PINs that were used are cleared, right or wrong', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    const pins = [PINS.wheel, 'wrong'].map(octets);
    await operator.login('wheel', pins[0]);
    await assert.rejects(operator.confirm('restore', 'wheel', pins[1]));
    for (const pin of pins) assert.ok(pin.every((octet) => octet === 0));
  });
});

suite('S-359 (part) Who may log in to the console', LIMIT, () => {
  test('wheel; so by setting, for reading and for the PIN of user; user never', async () => {
    await using fixture = await ApplianceFixture.make();
    const wheel = await fixture.ready();
    const so = fixture.appliance.openConsole('10.0.0.8');
    await assert.rejects(so.login('so', octets(PINS.so)), status(HalStatus.FORBIDDEN, /so may not log in/));
    await assert.rejects(so.login('user', octets(PINS.user)), status(HalStatus.FORBIDDEN, /user may not/));
    await wheel.setSetting('ENABLE_SO_CONSOLE', 'TRUE');
    await so.login('so', octets(PINS.so));
    await so.listLockOuts();
    await so.setPin('user', octets('4321'));
    await assert.rejects(so.setPin('so', octets('another')), forbidden);
    await assert.rejects(
      so.setSetting('ENABLE_ZEROCONF', 'false'),
      status(HalStatus.FORBIDDEN, /so may not use 'set'/),
    );
    await assert.rejects(so.shutDown('stop'), forbidden);
    assert.ok(fixture.events.some(({ kind, role }) => kind === 'refused' && role === 'so'));
  });

  test('nothing works before the login and after the logout', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    const other = fixture.appliance.openConsole('10.0.0.8');
    await operator.logout();
    for (const one of [operator, other])
      for (const call of everyCall(one)) await assert.rejects(call(), forbidden, String(call));
    assert.deepEqual(fixture.shutDowns, []);
  });

  test('a login is refused while no device can check it', async () => {
    await using fixture = await ApplianceFixture.make();
    await fixture.ready();
    for (const index of [0, 1]) fixture.supervision.become(index, 'down');
    await assert.rejects(fixture.wheel(PINS.wheel), status(HalStatus.IO_OS_ERROR));
    await until(() => fixture.appliance.status === HalStatus.IO_OS_ERROR);
  });
});

suite('S-505 (part) The two-person rule', LIMIT, () => {
  test('so and wheel enter their PINs again, within a minute, for one run of the command', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    assert.deepEqual(operator.requiredFor('masterkey erase'), ['so', 'wheel']);
    await assert.rejects(operator.eraseMasterKey(), status(HalStatus.FORBIDDEN, /PIN of so and that of wheel/));
    await operator.confirm('masterkey erase', 'wheel', octets(PINS.wheel));
    await assert.rejects(operator.eraseMasterKey(), forbidden, 'one person is not two');
    await operator.confirm('masterkey set', 'so', octets(PINS.so));
    await operator.confirm('masterkey erase', 'wheel', octets(PINS.wheel));
    await assert.rejects(operator.eraseMasterKey(), forbidden, 'PINs entered for another command do not count');
    await assert.rejects(
      operator.confirm('masterkey erase', 'so', octets(PINS.wheel)),
      status(HalStatus.PIN_INCORRECT),
    );
    await confirm(operator, 'masterkey erase');
    await operator.eraseMasterKey();
    await assert.rejects(operator.eraseMasterKey(), forbidden, 'once is once');
    assert.equal(fixture.appliance.status, HalStatus.MASTERKEY_NOT_SET);
  });

  test('without it wheel alone goes on, and enters the PIN again where the manual says so', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    assert.deepEqual(operator.requiredFor('set ENABLE_TWO_PERSON_RULE FALSE'), ['so', 'wheel']);
    await confirm(operator, 'set ENABLE_TWO_PERSON_RULE FALSE');
    await operator.setSetting('ENABLE_TWO_PERSON_RULE', 'FALSE');
    assert.deepEqual(operator.requiredFor('masterkey erase'), []);
    assert.deepEqual(operator.requiredFor('update firmware'), ['wheel']);
    await operator.eraseMasterKey();
  });

  test('S-362 wheel sets all PINs; for the PIN of so, so enters it, or wheel would be both', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    await operator.setPin('user', octets('9999'));
    await operator.setPin('wheel', octets('another wheel'));
    await assert.rejects(operator.setPin('so', octets('mine')), status(HalStatus.FORBIDDEN, /needs the PIN of so/));
    await operator.confirm('set pin so', 'so', octets(PINS.so));
    await operator.setPin('so', octets('new so'));
    await assert.rejects(operator.confirm('set pin so', 'so', octets(PINS.so)), status(HalStatus.PIN_INCORRECT));
    await operator.login('wheel', octets('another wheel'));
  });
});

suite('The master key', LIMIT, () => {
  test('S-399 (part) S-400 (part) a random one is another each time and is on all devices', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.wheel();
    await operator.setPin('wheel', octets(PINS.wheel));
    const made: string[] = [];
    for (let i = 0; i < 2; i++) {
      await confirm(operator, 'masterkey set');
      made.push(Buffer.from((await operator.setMasterKey(undefined)).made!).toString('hex'));
    }
    assert.notEqual(made[0], made[1]);
    const checks = await Promise.all(fixture.supervision.devices.map(({ watchdog }) => watchdog.getCheckValue()));
    assert.deepEqual(checks[0], checks[1]);
    assert.ok(!JSON.stringify([fixture.events, fixture.log.records]).toLowerCase().includes(made[1]));
  });

  test('S-402 (part) one that is entered is on all devices, and cleared where it came in', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.wheel();
    await operator.setPin('wheel', octets(PINS.wheel));
    await confirm(operator, 'masterkey set');
    const key = keyOctets();
    assert.deepEqual(await operator.setMasterKey(key), { isSet: true, made: undefined, set: [0, 1], failed: [] });
    assert.ok(key.every((octet) => octet === 0));
    assert.deepEqual(
      (await operator.masterKeyStatus()).map((one) => one.status),
      ['Set', 'Set'],
    );
  });

  test('S-372 (part) a wrong one is told from the right one, and nothing is changed', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    const client = fixture.pool.newClient();
    await fixture.pool.login(client, 0, 'user', octets(PINS.user));
    await fixture.pool.generateKey(client, 0, { kind: 'ec', curve: Curve.P256, flags: TOKEN });
    await confirm(operator, 'masterkey erase');
    await operator.eraseMasterKey();
    await confirm(operator, 'masterkey set');
    const { isSet, failed } = await operator.setMasterKey(keyOctets());
    assert.equal(isSet, false);
    assert.ok(failed.length > 0);
    assert.deepEqual(
      (await operator.masterKeyStatus()).map((one) => one.status),
      ['Not set', 'Not set'],
    );
    assert.equal(fixture.appliance.status, HalStatus.MASTERKEY_NOT_SET);
  });

  test('S-403 a device that is down is told, and the others have the key', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.wheel();
    await operator.setPin('wheel', octets(PINS.wheel));
    fixture.supervision.become(1, 'down');
    await confirm(operator, 'masterkey set');
    const { isSet, set, failed } = await operator.setMasterKey(keyOctets());
    assert.ok(isSet);
    assert.deepEqual(
      failed.map(({ device }) => device),
      [1],
    );
    assert.match(failed[0].why, /it is down: use 'masterkey set' with the same key/);
    assert.deepEqual(set, [0]);
  });
});

suite('Tamper', LIMIT, () => {
  test('S-353 (part) S-369 (part) S-370 (part) an open case locks all; the same key makes old keys sign again', async () => {
    await using fixture = await ApplianceFixture.make();
    const { pool, appliance } = fixture;
    const operator = await fixture.wheel();
    for (const role of ['wheel', 'so', 'user'] as const) await operator.setPin(role, octets(PINS[role]));
    await confirm(operator, 'masterkey set');
    await operator.setMasterKey(keyOctets());
    const client = pool.newClient();
    await pool.login(client, 0, 'user', octets(PINS.user));
    const { uuid } = await pool.generateKey(client, 0, { kind: 'ec', curve: Curve.P256, flags: TOKEN });
    const spki = await pool.getPublicKey(client, uuid);
    await confirm(operator, 'tamper set config');
    await operator.armTamper();

    await fixture.supervision.devices[0].watchdog.setSensor('case', 1);
    await until(() => appliance.status === HalStatus.TAMPER);
    assert.equal(appliance.getState().leds.tamper.colour, 'red');
    assert.match(appliance.getState().whyLocked[0], /tamper event was detected \(device 0\)/);
    assert.equal(operator.role, undefined, 'the console has to log in again');
    await assert.rejects(pool.sign(client, uuid, Mechanism.ECDSA, new Uint8Array(32)));
    assert.ok(fixture.events.some(({ kind, by }) => kind === 'tamper' && by === 'device 0'));

    await operator.login('wheel', octets(PINS.wheel));
    await confirm(operator, 'tamper reset');
    await assert.rejects(operator.resetTamper(), status(HalStatus.TAMPER), 'the case is still open');
    await fixture.supervision.devices[0].watchdog.setSensor('case', 0);
    await confirm(operator, 'tamper reset');
    await operator.resetTamper();
    await until(() => appliance.status === HalStatus.FORBIDDEN);
    await confirm(operator, 'masterkey set');
    assert.equal((await operator.setMasterKey(keyOctets())).isSet, true);
    await until(() => appliance.status === HalStatus.OK);
    await pool.login(client, 0, 'user', octets(PINS.user));
    assert.deepEqual(await pool.getPublicKey(client, uuid), spki);
    const digest = new Uint8Array(32).fill(7);
    await pool.verify(client, uuid, Mechanism.ECDSA, digest, await pool.sign(client, uuid, Mechanism.ECDSA, digest));
    assert.ok(fixture.events.some(({ kind }) => kind === 'tamper reset'));
  });

  test('S-461 (part) during the event no master key can be set', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    await confirm(operator, 'tamper test');
    await operator.testTamper();
    await until(() => fixture.appliance.status === HalStatus.TAMPER);
    await operator.login('wheel', octets(PINS.wheel));
    await confirm(operator, 'masterkey set');
    assert.equal((await operator.setMasterKey(keyOctets())).isSet, false);
    assert.equal(fixture.appliance.status, HalStatus.TAMPER);
  });
});

suite('Keystore, restore and backup', LIMIT, () => {
  const generate = async (fixture: ApplianceFixture, flags = TOKEN): Promise<string> => {
    const client = fixture.pool.newClient();
    await fixture.pool.login(client, 0, 'user', octets(PINS.user));
    const { uuid } = await fixture.pool.generateKey(client, 0, { kind: 'ec', curve: Curve.P256, flags });
    await fixture.pool.setAttributes(client, uuid, [{ type: 3, value: octets('\u001b[2Jksk') }]);
    await fixture.pool.closeClient(client);
    return uuid;
  };

  test('S-424 (part) S-425 (part) list keys, keystore erase with and without preservePINs', async () => {
    await using fixture = await ApplianceFixture.make();
    let operator = await fixture.ready();
    const uuid = await generate(fixture);
    const lists = await operator.listKeys();
    const lines = lists.flatMap(({ keys }) => keys);
    assert.deepEqual(lines, [{ uuid, type: 'EC private', flags: TOKEN, label: '?[2Jksk' }]);
    await confirm(operator, 'keystore erase YesIAmSure preservePINs');
    await operator.eraseKeystore(true);
    assert.deepEqual(
      (await operator.listKeys()).flatMap(({ keys }) => keys),
      [],
    );
    operator = await fixture.wheel(PINS.wheel);
    await confirm(operator, 'keystore erase YesIAmSure');
    await operator.eraseKeystore(false);
    assert.equal(operator.role, undefined);
    await fixture.wheel(DEFAULT_WHEEL_PIN);
    await assert.rejects(fixture.wheel(PINS.wheel), status(HalStatus.PIN_INCORRECT));
  });

  test('what a device that is down keeps would come back: erase and restore are refused, and it is named', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    fixture.supervision.become(1, 'down');
    for (const [command, call] of [
      ['keystore erase', () => operator.eraseKeystore(true)],
      ['restore', () => operator.restore({ pins: true, keys: true })],
    ] as const) {
      await confirm(operator, command);
      await assert.rejects(call(), /device 1 is down and would come back with its keys/);
    }
  });

  for (const pins of [true, false])
    for (const keys of [true, false])
      test(`S-427 restore${pins ? ' preservePINs' : ''}${keys ? ' preserveKEYs' : ''}`, async () => {
        await using fixture = await ApplianceFixture.make();
        let operator = await fixture.ready();
        const uuid = await generate(fixture);
        await operator.setSetting('CONSOLE_IDLE_TIMEOUT', '5');
        await confirm(operator, 'restore');
        await operator.restore({ pins, keys });
        assert.equal(fixture.settings.current.CONSOLE_IDLE_TIMEOUT, 900);
        assert.notEqual(fixture.appliance.status, HalStatus.OK, 'locked');
        operator = await fixture.wheel(pins ? PINS.wheel : DEFAULT_WHEEL_PIN);
        const found = (await operator.listKeys()).flatMap((list) => list.keys.map((key) => key.uuid));
        assert.deepEqual(found, keys ? [uuid] : []);
        await assert.rejects(fixture.wheel(pins ? DEFAULT_WHEEL_PIN : PINS.wheel), status(HalStatus.PIN_INCORRECT));
      });

  test('S-433 a backup goes to another appliance under its KEKEK, exportable keys only', async () => {
    await using source = await ApplianceFixture.make();
    await using destination = await ApplianceFixture.make();
    const from = await source.ready();
    const to = await destination.ready();
    const exportable = await generate(source, TOKEN | KeyFlag.EXPORTABLE);
    const other = await generate(source);
    await confirm(to, 'sync external import_setup 0');
    const setup = await to.makeBackupSetup(0);
    const { kekek_uuid: kekek } = JSON.parse(Buffer.from(setup).toString()) as { kekek_uuid: string };
    const device = source.supervision.devices.findIndex(({ index }) => index === 0);
    await confirm(from, 'sync external export 0');
    await assert.rejects(
      from.exportBackup(device, setup, () => undefined),
      status(HalStatus.FORBIDDEN, /ENABLE_KEY_EXPORT/),
    );
    await confirm(from, 'set ENABLE_KEY_EXPORT TRUE');
    await from.setSetting('ENABLE_KEY_EXPORT', 'TRUE');
    await confirm(from, 'sync external export 0');
    const told: string[] = [];
    const backup = await from.exportBackup(device, setup, (line) => told.push(line));
    const { keys } = JSON.parse(Buffer.from(backup).toString()) as { keys: { uuid: string }[] };
    assert.deepEqual(
      keys.map(({ uuid }) => uuid),
      [exportable],
    );
    assert.ok(told.includes(`'${exportable}' was processed.`));
    assert.ok(!told.includes(`'${other}' was processed.`));
    await confirm(to, 'sync external import 0');
    assert.equal(await to.importBackup(0, backup, () => undefined), 1);
    const there = (await to.listKeys()).map((list) => list.keys.map(({ uuid }) => uuid));
    assert.ok(there[0].includes(exportable) && there[0].includes(kekek));
    assert.ok(there[1].includes(exportable), 'mirrored there');
    assert.ok(!there[1].includes(kekek), 'the KEKEK never leaves');
    assert.equal((await to.listKeys())[0].keys.find(({ uuid }) => uuid === exportable)?.label, '?[2Jksk');
    await confirm(to, 'sync external import 0');
    assert.equal(await to.importBackup(0, backup, () => undefined), 0, 'a second time nothing comes');
    // The KEKEK is used again.
    await confirm(to, 'sync external import_setup 0');
    assert.deepEqual(await to.makeBackupSetup(0), setup);
    // Somebody else's backup.
    await confirm(from, 'sync external import 0');
    await assert.rejects(
      from.importBackup(0, backup, () => undefined),
      /made for the KEKEK/,
    );
  });
});

suite('What must be recorded', LIMIT, () => {
  test('is not done when it cannot be recorded', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    const uuids = await operator.listKeys();
    await confirm(operator, 'keystore erase');
    fixture.isAuditBroken = true;
    await assert.rejects(operator.eraseKeystore(true), /audit disk is full/);
    await assert.rejects(operator.shutDown('stop'), /audit disk is full/);
    assert.deepEqual(fixture.shutDowns, []);
    await assert.rejects(operator.setPin('user', octets('9999')), /audit disk is full/);
    await assert.rejects(operator.setSetting('ENABLE_ZEROCONF', 'FALSE'), /audit disk is full/);
    assert.equal(fixture.settings.current.ENABLE_ZEROCONF, true);
    fixture.isAuditBroken = false;
    assert.deepEqual(await operator.listKeys(), uuids);
    const client = fixture.pool.newClient();
    await fixture.pool.login(client, 0, 'user', octets(PINS.user));
  });

  test('lights and state tell that nothing can be recorded; nobody logs in or unlocks meanwhile, and what only looks goes on', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    await fixture.appliance.endLogins();
    fixture.isAuditBroken = true;
    const { leds, troubles } = fixture.appliance.getState();
    assert.deepEqual([leds.system, leds.tamper], [{ colour: 'yellow', isBlinking: true }, { colour: 'green', isBlinking: false }]); // prettier-ignore
    assert.deepEqual(troubles, ['The audit disk is full.']);
    await assert.rejects(operator.login('wheel', octets(PINS.wheel)), /audit disk is full/);
    assert.equal(operator.role, undefined);
    assert.equal(fixture.appliance.status, HalStatus.FORBIDDEN, 'it is still locked');
    fixture.isAuditBroken = false;
    assert.deepEqual(fixture.appliance.getState().troubles, []);
    await operator.login('wheel', octets(PINS.wheel));
    fixture.isAuditBroken = true;
    assert.equal((await operator.listKeys()).length, 2);
    await assert.rejects(operator.confirm('masterkey set', 'so', octets(PINS.so)), /audit disk is full/);
    fixture.isAuditBroken = false;
    await assert.rejects(operator.setMasterKey(undefined), forbidden, 'that was no confirmation');
    assert.equal(fixture.appliance.getState().leds.system.colour, 'green');
  });

  test('names no secret', async () => {
    await using fixture = await ApplianceFixture.make();
    const operator = await fixture.ready();
    await assert.rejects(operator.login('wheel', octets('a wrong secret')));
    const told = JSON.stringify([fixture.events, fixture.log.records]);
    for (const secret of [...Object.values(PINS).filter((pin) => pin.length > 4), 'a wrong secret', DEFAULT_WHEEL_PIN])
      assert.ok(!told.includes(secret), secret);
  });
});

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 120_000;
  while (!isSo()) {
    assert.ok(Date.now() < end, 'it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function everyCall(operator: Operator): (() => Promise<unknown>)[] {
  const nothing = new Uint8Array();
  const quiet = (): void => undefined;
  return [
    () => operator.setPin('user', octets('1234')),
    () => operator.liftLockOut({}),
    () => operator.listLockOuts(),
    () => operator.masterKeyStatus(),
    () => operator.setMasterKey(undefined),
    () => operator.eraseMasterKey(),
    () => operator.listKeys(),
    () => operator.eraseKeystore(true),
    () => operator.restore({ pins: true, keys: true }),
    () => operator.synchronize(quiet),
    () => operator.copyKeys(0, 1, 0, quiet),
    () => operator.makeBackupSetup(0),
    () => operator.exportBackup(0, nothing, quiet),
    () => operator.importBackup(0, nothing, quiet),
    () => operator.setSetting('ENABLE_ZEROCONF', 'false'),
    () => operator.tamperStatus(),
    () => operator.testTamper(),
    () => operator.resetTamper(),
    () => operator.setThreshold('light', 5),
    () => operator.enableSensors(1),
    () => operator.disableSensors(1),
    () => operator.armTamper(),
    () => operator.installUpdate(nothing, { isOlderAllowed: false }),
    () => operator.reinstall('firmware'),
    async () => {
      for await (const _ of operator.showLog()) assert.fail('a line');
    },
    () => operator.flashLeds(),
    () => operator.shutDown('stop'),
  ];
}
