import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { pages, pin, type PoolFixture, signer, startPool, USER_PIN, status } from './pool-fixture.ts';

const DIGEST = Buffer.alloc(32, 9);

suite('hsmd is started anew while a device is away', () => {
  test('S-430 a deletion that only a device knows of which is away now: the other one does not bring the key back', async () => {
    await using fixture = await startPool();
    const { uuid } = await fixture.pool.generateKey(fixture.user, 0, signer('mirrored'));
    fixture.kill(1);
    fixture.time.now++;
    await fixture.pool.deleteKey(fixture.user, uuid);
    fixture.kill(0);
    await fixture.restart();
    await fixture.restore(1);
    const user = fixture.pool.newClient();
    await fixture.pool.login(user, 0, 'user', pin(USER_PIN));
    await assert.rejects(fixture.pool.sign(user, uuid, Mechanism.ECDSA, DIGEST), status(HalStatus.KEY_NOT_FOUND));
    assert.deepEqual(await pages(fixture.pool, user, 5), []);
    assert.deepEqual(fixture.devices[1].tokenKeys, [], 'it is deleted there, too');
    await fixture.restore(0);
    assert.deepEqual(fixture.devices[0].tokenKeys, []);
    assert.equal(fixture.disk.facts('/state/deletions.log')?.size, 0, 'nothing is left to do');
  });

  test('S-430 while the returned device cannot delete it, nobody sees or uses the key, and it is not mirrored', async () => {
    await using fixture = await startPool(3);
    const { uuid } = await fixture.pool.generateKey(fixture.user, 0, signer('mirrored'));
    fixture.kill(1);
    fixture.kill(2);
    fixture.time.now++;
    await fixture.pool.deleteKey(fixture.user, uuid);
    fixture.kill(0);
    fixture.devices[1].faults.before = (call) => {
      if (call === 'deleteKey' || call === 'writeRecord')
        throw new HalError(HalStatus.KEYSTORE_ACCESS, 'the disk is full');
    };
    await fixture.restart();
    await fixture.restore(1);
    await fixture.restore(2);
    const user = fixture.pool.newClient();
    await fixture.pool.login(user, 0, 'user', pin(USER_PIN));
    await assert.rejects(fixture.pool.openKey(user, uuid), status(HalStatus.KEY_NOT_FOUND));
    assert.deepEqual(await pages(fixture.pool, user, 5), []);
    assert.deepEqual(fixture.pool.devicesOf(uuid), []);
    assert.deepEqual(fixture.devices[1].tokenKeys, [uuid]);
    assert.deepEqual(fixture.devices[2].tokenKeys, []);
    // There is room: the pool looks again by itself.
    delete fixture.devices[1].faults.before;
    for (let i = 0; i < 200 && fixture.devices[1].tokenKeys.length > 0; i++) await fixture.clock.advance(1);
    assert.deepEqual(fixture.devices[1].tokenKeys, []);
  });

  test('a deletion that cannot be written down is not acknowledged, holds meanwhile, and is written when there is room', async () => {
    await using fixture = await startPool();
    const { uuid } = await fixture.pool.generateKey(fixture.user, 0, signer('mirrored'));
    fixture.kill(1);
    fixture.time.now++;
    fixture.disk.refusal = 'ENOSPC';
    await assert.rejects(
      fixture.pool.deleteKey(fixture.user, uuid),
      status(HalStatus.KEYSTORE_ACCESS, /device 1 may still have it, and that could not be written down/),
    );
    await assert.rejects(fixture.pool.openKey(fixture.user, uuid), status(HalStatus.KEY_NOT_FOUND));
    fixture.disk.refusal = undefined;
    for (let i = 0; i < 200 && fixture.disk.facts('/state/deletions.log') === undefined; i++)
      await fixture.clock.advance(1);
    fixture.kill(0);
    await fixture.restart();
    await fixture.restore(1);
    assert.deepEqual(fixture.devices[1].tokenKeys, []);
  });

  test('a key that was being made when its device went away is deleted there, though hsmd is another one by then', async () => {
    await using fixture = await startPool();
    const { devices } = fixture;
    for (const index of devices.keys())
      devices[index].faults.after = (call) => {
        if (call !== 'generateKey') return;
        for (const one of devices) delete one.faults.after;
        fixture.kill(index);
      };
    const { uuid } = await fixture.pool.generateKey(fixture.user, 0, signer('mirrored'));
    const dead = devices.findIndex(({ isAlive }) => !isAlive);
    assert.equal(devices[dead].tokenKeys.length, 1);
    await fixture.restart();
    await fixture.restore(dead);
    assert.deepEqual(
      devices.map(({ tokenKeys }) => tokenKeys),
      [[uuid], [uuid]],
    );
  });

  test('a key that is taken back is gone, now or as soon as the device can', async () => {
    await using fixture = await startPool();
    const { pool, user, devices } = fixture;
    const one = await pool.generateKey(user, 0, signer('mirrored'));
    await pool.discardKey(user, one.uuid);
    assert.deepEqual(
      devices.map(({ tokenKeys }) => tokenKeys),
      [[], []],
    );
    const other = await pool.generateKey(user, 0, signer('mirrored'));
    for (const device of devices)
      device.faults.before = (call) => {
        if (call === 'deleteKey') throw new HalError(HalStatus.KEYSTORE_ACCESS, 'the disk is full');
      };
    await pool.discardKey(user, other.uuid);
    await assert.rejects(pool.openKey(user, other.uuid), status(HalStatus.KEY_NOT_FOUND));
    for (const device of devices) delete device.faults.before;
    const left = (): number => devices.reduce((sum, { tokenKeys }) => sum + tokenKeys.length, 0);
    for (let i = 0; i < 200 && left() > 0; i++) await fixture.clock.advance(1);
    assert.equal(left(), 0);
  });

  test('S-358 of partitions and their PINs the newer wins, whoever was away when they changed and whoever comes first', async () => {
    for (const first of [0, 1]) {
      await using fixture = await startPool();
      const { devices, time } = fixture;
      const renamed = await fixture.pool.writePartition(fixture.wheel, undefined, 'old name');
      const deleted = await fixture.pool.writePartition(fixture.wheel, undefined, 'old partition');
      await fixture.pool.setPin(fixture.wheel, renamed, 'user', pin('old-pin'));
      // Device 0 misses all of it, the deletion because it dies in its middle.
      devices[0].faults.before = (call) => {
        if (call === 'deletePartition') fixture.kill(0);
      };
      time.now++;
      await fixture.pool.deletePartition(fixture.wheel, deleted);
      assert.equal(devices[0].isAlive, false);
      delete devices[0].faults.before;
      await fixture.pool.writePartition(fixture.wheel, renamed, 'new name');
      await fixture.pool.setPin(fixture.wheel, renamed, 'user', pin('new-pin'));
      const made = await fixture.pool.writePartition(fixture.wheel, undefined, 'new partition');
      assert.equal(made, deleted, 'the number is free again');
      await fixture.pool.deletePartition(fixture.wheel, made).catch(status(HalStatus.NOT_READY, /device 0/));
      fixture.kill(1);
      await fixture.restart();
      await fixture.restore(first);
      await fixture.restore(1 - first);
      for (const device of devices)
        assert.deepEqual(await device.listPartitions(), [
          { number: 0, label: 'Cryptech Token' },
          { number: renamed, label: 'new name' },
          { number: made, label: 'new partition' },
        ]);
      for (const index of devices.keys()) {
        const client = fixture.pool.newClient(index);
        await assert.rejects(
          fixture.pool.login(client, renamed, 'user', pin('old-pin')),
          status(HalStatus.PIN_INCORRECT),
        );
        await fixture.pool.login(client, renamed, 'user', pin('new-pin'));
      }
    }
  });

  test('no partition is made while a device has not been seen that may have one of its number', async () => {
    await using fixture = await startPool();
    fixture.kill(1);
    const first = await fixture.pool.writePartition(fixture.wheel, undefined, 'device 1 knows');
    await fixture.restart();
    await assert.rejects(
      fixture.pool.writePartition(fixture.wheel, undefined, 'another'),
      status(HalStatus.NOT_READY, /device 1 may have one of that number/),
    );
    await fixture.pool.writePartition(fixture.wheel, first, 'renamed');
    await fixture.restore(1);
    assert.notEqual(await fixture.pool.writePartition(fixture.wheel, undefined, 'another'), first);
    assert.deepEqual(await fixture.devices[0].listPartitions(), await fixture.devices[1].listPartitions());
  });
});

type Step =
  'generate' | 'delete' | 'kill 0' | 'kill 1' | 'restore 0' | 'restore 1' | 'restart' | 'full' | 'room' | 'crash';

suite('S-342 S-430 devices and hsmd that die and return', () => {
  test('a key whose deletion was acknowledged never comes back, a key that was told is never lost', async () => {
    const step = fc.record({
      what: fc.constantFrom<Step>(
        ...(['generate', 'generate', 'delete', 'delete', 'kill 0', 'kill 1', 'restore 0', 'restore 1'] as const),
        ...(['restore 0', 'restore 1', 'restart', 'full', 'room', 'crash'] as const),
      ),
      key: fc.nat({ max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await using fixture = await startPool();
        const promised = new Map<string, 'live' | 'perhaps' | 'deleted'>();
        for (const { what, key } of steps) {
          fixture.time.now++;
          await perform(fixture, what, key, promised);
        }
        fixture.disk.refusal = undefined;
        if (fixture.disk.crashed) await fixture.restart();
        for (const index of [0, 1]) await fixture.restore(index);
        await fixture.pool.synchronize();
        const user = fixture.pool.newClient();
        await fixture.pool.login(user, 0, 'user', pin(USER_PIN));
        const found = await pages(fixture.pool, user, 3);
        for (const [uuid, state] of promised) {
          const holders = fixture.devices.filter(({ tokenKeys }) => tokenKeys.includes(uuid)).length;
          if (state === 'live') assert.equal(holders, 2, `${uuid} is lost`);
          if (state === 'deleted') assert.equal(holders, 0, `${uuid} is back from the dead`);
          assert.equal(found.includes(uuid), holders === 2);
        }
        for (const uuid of found) assert.ok(promised.has(uuid), 'a key that nobody was told of');
      }),
      { seed: 12, numRuns: Number(process.env['SIGNET_POOL_RUNS'] ?? 400) },
    );
  });
});

async function perform(
  fixture: PoolFixture,
  what: Step,
  key: number,
  promised: Map<string, 'live' | 'perhaps' | 'deleted'>,
): Promise<void> {
  const index = what.endsWith('1') ? 1 : 0;
  switch (what) {
    case 'generate': {
      const made = await fixture.pool.generateKey(fixture.user, 0, signer('mirrored')).catch(isRefusal);
      if (made !== undefined) promised.set(made.uuid, 'live');
      return;
    }
    case 'delete': {
      const uuid = [...promised.keys()].at(key % Math.max(1, promised.size));
      if (uuid === undefined || promised.get(uuid) === 'deleted') return;
      const isDone = await fixture.pool.deleteKey(fixture.user, uuid).then(() => true, isRefusal);
      promised.set(uuid, isDone === true ? 'deleted' : 'perhaps');
      return;
    }
    case 'kill 0':
    case 'kill 1':
      return fixture.kill(index);
    case 'restore 0':
    case 'restore 1':
      return fixture.restore(index);
    case 'restart':
      return fixture.restart();
    case 'full':
    case 'room':
      fixture.disk.refusal = what === 'full' ? 'ENOSPC' : undefined;
      return;
    case 'crash':
      fixture.disk.changesUntilCrash = key;
  }
}

/** Refusals promise nothing; after a crash of the disk hsmd is dead, and what it says is heard by nobody. */
function isRefusal(error: unknown): undefined {
  assert.ok(error instanceof HalError, String(error));
  return undefined;
}
