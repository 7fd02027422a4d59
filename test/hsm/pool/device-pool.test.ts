import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { DEFAULT_WHEEL_PIN, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { FakeDevice } from '../fake-device.ts';
import { everything, pages, pin, signer, SO_PIN, startPool, USER_PIN, status } from './pool-fixture.ts';

const DIGEST = Buffer.alloc(32, 7);

suite('S-341 load', () => {
  test('two devices share what is asked at once, and take turns when they are idle', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    for (let i = 0; i < 20; i++) await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
    assert.deepEqual(
      devices.map(({ calls }) => calls.get('sign')),
      [10, 10],
    );
    // One is slow: the other one does the work.
    const { promise, resolve } = Promise.withResolvers<void>();
    devices[0].faults.before = (call) => (call === 'sign' ? promise : undefined);
    const slow = [pool.sign(user, uuid, Mechanism.ECDSA, DIGEST), pool.sign(user, uuid, Mechanism.ECDSA, DIGEST)];
    for (let i = 0; i < 20; i++) await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
    assert.equal(pool.underWay(0), 1);
    assert.equal(devices[0].calls.get('sign'), 10);
    resolve();
    await Promise.all(slow);
    assert.equal(pool.underWay(0), 0);
    assert.equal(devices[0].calls.get('sign'), 11);
  });

  test('RPC_DEVICE: a client of one device is served by that one only', async () => {
    await using fixture = await startPool();
    const { pool, devices } = fixture;
    const client = pool.newClient(1);
    await pool.login(client, 0, 'user', pin(USER_PIN));
    const { uuid } = await pool.generateKey(client, 0, signer('mirrored'));
    for (let i = 0; i < 10; i++) await pool.sign(client, uuid, Mechanism.ECDSA, DIGEST);
    assert.equal(devices[0].calls.get('sign'), undefined);
    assert.equal(devices[0].tokenKeys.length, 1);
    fixture.kill(1);
    await assert.rejects(pool.sign(client, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.IO_OS_ERROR, /device 1/));
  });
});

suite('S-342 a device dies', () => {
  test('mirrored keys sign on; a key that lived there alone gives an error that names the device', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    const mirrored = await pool.generateKey(user, 0, signer('mirrored'));
    const lone: string[] = [];
    while (!devices.every(({ tokenKeys }) => tokenKeys.length >= 3))
      lone.push((await pool.generateKey(user, 0, signer('alone'))).uuid);
    assert.deepEqual(
      devices.map(({ tokenKeys }) => tokenKeys.includes(mirrored.uuid)),
      [true, true],
    );
    // In the middle of the work: half of it is on the device that dies.
    const work = Array.from({ length: 50 }, () => pool.sign(user, mirrored.uuid, Mechanism.ECDSA, DIGEST));
    fixture.kill(0);
    for (const signature of await Promise.all(work))
      assert.deepEqual(signature, FakeDevice.signatureOf(mirrored.uuid, Mechanism.ECDSA, DIGEST));
    assert.equal(pool.conditionOf(0), 'down');
    for (const uuid of lone) {
      const signing = pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
      if (devices[0].tokenKeys.includes(uuid))
        await assert.rejects(signing, status(HalStatus.IO_OS_ERROR, /is on device 0 .* alone/));
      else assert.ok(await signing);
    }
    await assert.rejects(
      pool.sign(user, '00000000-0000-4000-8000-000000000000', Mechanism.ECDSA, DIGEST),
      status(HalStatus.KEY_NOT_FOUND),
    );
    await fixture.restore(0);
    for (const uuid of lone) assert.ok(await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST));
  });

  test('a hash-based key is on one device, its flag notwithstanding, and is never tried on another', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    const flags = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE | KeyFlag.EXPORTABLE;
    const { uuid } = await pool.generateKey(user, 0, { kind: 'hashsig', levels: 1, lms: 5, lmots: 4, flags });
    const home = devices.findIndex(({ tokenKeys }) => tokenKeys.includes(uuid));
    assert.equal(devices[1 - home].tokenKeys.length, 0);
    devices[home].faults.after = (call) => {
      if (call === 'sign') fixture.kill(home);
    };
    await assert.rejects(
      pool.sign(user, uuid, Mechanism.HSS, DIGEST),
      status(HalStatus.IO_OS_ERROR, new RegExp(`device ${home}`)),
    );
    assert.equal(devices[1 - home].calls.get('sign'), undefined);
  });

  test('a key that was being made is made elsewhere; its half-made brother does not come back', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    for (const index of devices.keys())
      devices[index].faults.after = (call) => {
        if (call !== 'generateKey') return;
        for (const one of devices) delete one.faults.after;
        fixture.kill(index);
      };
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    const dead = devices.findIndex(({ isAlive }) => !isAlive);
    assert.equal(devices[dead].tokenKeys.length, 1);
    await fixture.restore(dead);
    assert.deepEqual(
      devices.map(({ tokenKeys }) => tokenKeys),
      [[uuid], [uuid]],
    );
    assert.deepEqual(await pages(pool, user, 10), [uuid]);
  });

  test('all devices dead: every call says so, and nothing hangs', async () => {
    await using fixture = await startPool();
    const { pool, user } = fixture;
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    fixture.kill(0);
    fixture.kill(1);
    await assert.rejects(
      pool.sign(user, uuid, Mechanism.ECDSA, DIGEST),
      status(HalStatus.IO_OS_ERROR, /device 0.*device 1/),
    );
    await assert.rejects(pool.generateKey(user, 0, signer('alone')), status(HalStatus.IO_OS_ERROR, /No device/));
    await assert.rejects(pool.matchKeys(user, 0, everything(5)), status(HalStatus.IO_OS_ERROR));
    await assert.rejects(pool.random(user, 8), status(HalStatus.IO_OS_ERROR));
    await pool.logout(user);
  });

  test('the pool is idle when those that came up serve, or are away again', async () => {
    await using fixture = await startPool();
    const { pool, devices } = fixture;
    for (const dies of [false, true]) {
      fixture.kill(1);
      pool.markDown(1, 'it was killed');
      devices[1].revive();
      const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>();
      devices[1].faults.before = (call) => (call === 'listRecords' ? goesOn : undefined);
      void pool.markUp(1);
      let isIdle = false;
      const idle = pool.idle().then(() => (isIdle = true));
      for (let i = 0; i < 100; i++) await Promise.resolve();
      assert.deepEqual([isIdle, pool.conditionOf(1)], [false, 'joining']);
      if (dies) fixture.kill(1);
      goOn();
      await idle;
      assert.equal(pool.conditionOf(1), dies ? 'down' : 'up');
      delete devices[1].faults.before;
    }
  });

  test('the pool finds a device that came back by itself', async () => {
    await using fixture = await startPool();
    const { pool, devices, user, clock } = fixture;
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    fixture.kill(0);
    for (let i = 0; i < 4; i++) await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
    assert.equal(pool.conditionOf(0), 'down');
    devices[0].revive();
    for (let i = 0; i < 200 && pool.conditionOf(0) !== 'up'; i++) await clock.advance(1);
    assert.equal(pool.conditionOf(0), 'up');
    const before = devices[0].calls.get('sign') ?? 0;
    for (let i = 0; i < 4; i++) await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
    assert.ok((devices[0].calls.get('sign') ?? 0) > before);
  });
});

suite('S-358 PINs, logins and partitions are the same on all devices', () => {
  test('a PIN that changed while a device was down is changed there when it is back', async () => {
    await using fixture = await startPool();
    const { pool, wheel, user } = fixture;
    fixture.kill(1);
    fixture.time.now++;
    await pool.setPin(wheel, 0, 'user', pin('another-pin'));
    await fixture.restore(1);
    const only = pool.newClient(1);
    await assert.rejects(pool.login(only, 0, 'user', pin(USER_PIN)), status(HalStatus.PIN_INCORRECT));
    await pool.login(only, 0, 'user', pin('another-pin'));
    assert.deepEqual(pool.loginOf(only), { partition: 0, role: 'user', pinVersion: fixture.time.now });
    assert.equal(pool.loginOf(user)?.role, 'user');
  });

  test('a login goes on on a device that died and came back, and on no other role', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    const so = pool.newClient();
    await pool.login(so, 0, 'so', pin(SO_PIN));
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    fixture.kill(1);
    await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
    await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST);
    await fixture.restore(1);
    fixture.kill(0);
    for (let i = 0; i < 3; i++) assert.ok(await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST));
    assert.ok((devices[1].calls.get('sign') ?? 0) >= 3);
    await assert.rejects(pool.sign(so, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.FORBIDDEN));
    const nobody = pool.newClient();
    await assert.rejects(pool.sign(nobody, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.FORBIDDEN));
  });

  test('a device that was started anew and nobody noticed refuses no call', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    fixture.kill(0);
    devices[0].revive();
    for (let i = 0; i < 4; i++) assert.ok(await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST));
    fixture.kill(1);
    devices[1].revive();
    await pool.markUp(0);
    assert.ok(await pool.generateKey(user, 0, signer('mirrored')));
    assert.ok(await pool.generateKey(user, 0, signer('mirrored')));
  });

  test('after a tamper event every login is gone', async () => {
    await using fixture = await startPool();
    const { pool, devices, user, wheel } = fixture;
    const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
    pool.markTampered(0);
    assert.equal(pool.loginOf(user), undefined);
    await assert.rejects(pool.sign(user, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.FORBIDDEN));
    devices[0].isTampered = true;
    await pool.markUp(0);
    assert.equal(pool.conditionOf(0), 'tampered');
    // All devices: an operator still gets in to reset them, and nothing throws the operator out again.
    pool.markTampered(1);
    devices[1].isTampered = true;
    await pool.login(wheel, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    for (const device of devices) assert.equal(await device.roleOf(wheel), 'wheel');
    pool.markTampered(1);
    assert.equal(pool.loginOf(wheel)?.role, 'wheel');
    await assert.rejects(pool.sign(wheel, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.IO_OS_ERROR, /tampered/));
    await pool.logout(wheel);
    for (const device of devices) assert.equal(await device.roleOf(wheel), undefined);
    devices[1].isTampered = false;
    await pool.markUp(1);
    devices[0].isTampered = false;
    await pool.markUp(0);
    assert.equal(pool.conditionOf(0), 'up');
  });

  test('a device that says for a moment too long that it was tampered with is up when it says so no more', async () => {
    await using fixture = await startPool();
    const { pool, devices, clock } = fixture;
    pool.markTampered(0);
    devices[0].isTampered = true;
    await pool.markUp(0);
    assert.equal(pool.conditionOf(0), 'tampered');
    devices[0].isTampered = false;
    for (let i = 0; i < 200 && pool.conditionOf(0) !== 'up'; i++) await clock.advance(1);
    assert.equal(pool.conditionOf(0), 'up');
  });

  test('partitions are made, renamed and deleted on all, and on those that were away', async () => {
    await using fixture = await startPool();
    const { pool, devices, wheel, user } = fixture;
    await assert.rejects(pool.writePartition(user, undefined, 'mine'), status(HalStatus.FORBIDDEN));
    const first = await pool.writePartition(wheel, undefined, 'zone keys');
    fixture.kill(0);
    const second = await pool.writePartition(wheel, undefined, 'more keys');
    await pool.writePartition(wheel, first, 'renamed');
    await assert.rejects(pool.deletePartition(wheel, second), status(HalStatus.NOT_READY, /device 0/));
    await fixture.restore(0);
    const expected = [
      { number: 0, label: 'Cryptech Token', pins: 3 },
      { number: first, label: 'renamed', pins: 0 },
      { number: second, label: 'more keys', pins: 0 },
    ];
    for (const index of devices.keys())
      assert.deepEqual(
        (await pool.listPartitions(pool.newClient(index))).toSorted((a, b) => a.number - b.number),
        expected,
      );
    await pool.generateKey(wheel, second, signer('alone'));
    // One device has a key in it: nothing is deleted anywhere.
    await assert.rejects(pool.deletePartition(wheel, second), status(HalStatus.FORBIDDEN));
    for (const device of devices) assert.equal((await device.listPartitions()).length, 3);
    await pool.deletePartition(wheel, first);
    for (const device of devices) assert.equal((await device.listPartitions()).length, 2);
  });
});

suite('S-430 mirroring', () => {
  test('an exportable token key is on all devices at once, its attributes too; others on one', async () => {
    await using fixture = await startPool(3);
    const { pool, devices, user } = fixture;
    const mirrored = await pool.generateKey(user, 0, signer('mirrored'));
    const alone = await pool.generateKey(user, 0, signer('alone'));
    const label = { type: 3, value: Buffer.from('zone') };
    await pool.setAttributes(user, mirrored.uuid, [label]);
    for (const device of devices) assert.ok(device.tokenKeys.includes(mirrored.uuid));
    assert.equal(devices.filter(({ tokenKeys }) => tokenKeys.includes(alone.uuid)).length, 1);
    assert.deepEqual(pool.devicesOf(mirrored.uuid), ['device 0', 'device 1', 'device 2']);
    fixture.kill(0);
    fixture.kill(1);
    const found = await pool.getAttributes(user, mirrored.uuid, [3]);
    assert.deepEqual(
      found.map(({ type, value }) => ({ type, value: Buffer.from(value) })),
      [label],
    );
  });

  test('what a device missed is not used there: a deleted key stays deleted, old attributes are not served', async () => {
    await using fixture = await startPool();
    const { pool, user } = fixture;
    const deleted = await pool.generateKey(user, 0, signer('mirrored'));
    const changed = await pool.generateKey(user, 0, signer('mirrored'));
    fixture.kill(1);
    fixture.time.now++;
    await pool.deleteKey(user, deleted.uuid);
    await pool.setAttributes(user, changed.uuid, [{ type: 3, value: Buffer.from('new') }]);
    // Who knows of it goes away before the other one is back.
    fixture.kill(0);
    await assert.rejects(pool.random(user, 1));
    await fixture.restore(1);
    await assert.rejects(pool.sign(user, deleted.uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.KEY_NOT_FOUND));
    await assert.rejects(pool.listAttributes(user, changed.uuid), status(HalStatus.IO_OS_ERROR, /device 0/));
    assert.deepEqual(await pages(pool, user, 1), []);
    await fixture.restore(0);
    assert.deepEqual(await pages(pool, user, 1), [changed.uuid]);
    assert.deepEqual(fixture.devices[1].tokenKeys, [changed.uuid]);
  });

  test('a device that cannot take copies is told of in the log, and gets them later', async () => {
    await using fixture = await startPool();
    const { pool, devices, user, clock } = fixture;
    devices[1].hasMasterKey = false;
    const only = pool.newClient(0);
    await pool.login(only, 0, 'user', pin(USER_PIN));
    const { uuid } = await pool.generateKey(only, 0, signer('mirrored'));
    assert.ok(fixture.log.records.some(({ text }) => /^device 1: .*could not be mirrored/.test(text)));
    assert.deepEqual(pool.devicesOf(uuid), ['device 0']);
    devices[1].hasMasterKey = true;
    const lines: string[] = [];
    await pool.synchronize((line) => lines.push(line));
    assert.deepEqual(pool.devicesOf(uuid), ['device 0', 'device 1']);
    assert.equal(lines.length, 2);
    assert.ok(fixture.audit.events.some(({ kind }) => kind === 'key mirrored'));
    await clock.advance(600);
    assert.ok(await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST));
  });

  test('erasing the keystore needs all devices, and leaves nothing that could come back', async () => {
    await using fixture = await startPool();
    const { pool, devices, user, wheel } = fixture;
    await pool.generateKey(user, 0, signer('mirrored'));
    fixture.kill(1);
    await assert.rejects(pool.random(pool.newClient(1), 1));
    await assert.rejects(pool.eraseKeystore(wheel, true), status(HalStatus.NOT_READY, /device 1/));
    await fixture.restore(1);
    await pool.eraseKeystore(wheel, true);
    for (const device of devices) assert.deepEqual(device.tokenKeys, []);
    assert.deepEqual(await pages(pool, user, 5), []);
  });
});

suite('volatile keys', () => {
  test('they live with their client, and go with it', async () => {
    await using fixture = await startPool();
    const { pool, user } = fixture;
    const other = pool.newClient();
    await pool.login(other, 0, 'user', pin(USER_PIN));
    const { uuid } = await pool.generateKey(user, 0, signer('volatile'));
    assert.deepEqual(await pages(pool, user, 1), [uuid]);
    assert.deepEqual(await pages(pool, other, 1), []);
    await assert.rejects(pool.sign(other, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.FORBIDDEN));
    await pool.closeClient(user);
    await assert.rejects(pool.sign(other, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.KEY_NOT_FOUND));
    for (const device of fixture.devices) assert.equal((await device.getStatus()).volatileKeys, 0);
  });

  test('one whose client ended while it was made does not stay', async () => {
    await using fixture = await startPool();
    const { pool, devices, user } = fixture;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const device of devices) device.faults.before = (call) => (call === 'generateKey' ? promise : undefined);
    const loose = { ...signer('volatile'), flags: KeyFlag.DIGITAL_SIGNATURE | KeyFlag.PUBLIC };
    const making = pool.generateKey(user, 0, loose);
    await pool.closeClient(user);
    resolve();
    await making;
    for (const device of devices) assert.equal((await device.getStatus()).volatileKeys, 0);
  });
});
