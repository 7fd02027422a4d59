import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeyFlag, KeyType, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { Bench, ed, logIn, query, refusedWith, setUp, TOKEN_KEY, USER, uuid, WHEEL } from './bench-device.ts';

const DATA = Buffer.from('signed');

describe('memory of a device is bounded', () => {
  test('a connection has places for 1,024 volatile keys, others have theirs', async () => {
    await using bench = await Bench.start();
    const { device } = bench;
    await setUp(device);
    const load = (client: number): Promise<unknown> =>
      device.loadKey(client, uuid(), 0, Buffer.from('data'), 0, KeyType.DATA);
    for (let i = 0; i < 1024; i++) await load(USER);
    await assert.rejects(load(USER), refusedWith(HalStatus.NO_KEY_SLOTS_AVAILABLE));
    await load(WHEEL);
    assert.equal((await device.getStatus()).volatileKeys, 1025);
    await device.logout(USER);
    assert.equal((await device.getStatus()).volatileKeys, 1);
  });

  test('volatile keys take 64 MiB together, whatever is stored with them; what goes makes room', async () => {
    await using bench = await Bench.start();
    const { device } = bench;
    await setUp(device);
    const large = Buffer.alloc(65_000, 1);
    let refused = 0;
    const keys: string[] = [];
    for (let i = 0; i < 1020; i++) {
      const key = uuid();
      keys.push(key);
      await device.loadKey(USER, key, 0, Buffer.from('data'), 0, KeyType.DATA);
    }
    for (const key of keys) await device.setAttributes(USER, key, [{ type: 0x1000, value: large }]);
    const client = 50;
    await device.login(client, 0, 'user', Buffer.from('user pin'));
    for (let i = 0; i < 40 && refused === 0; i++) {
      const key = uuid();
      await device.loadKey(client, key, 0, Buffer.from('data'), 0, KeyType.DATA);
      await device.setAttributes(client, key, [{ type: 0x1000, value: large }]).catch((fault: unknown) => {
        refusedWith(HalStatus.ALLOCATION_FAILURE)(fault);
        refused++;
      });
    }
    assert.equal(refused, 1);
    await device.logout(USER);
    const key = uuid();
    await device.loadKey(client, key, 0, Buffer.from('data'), 0, KeyType.DATA);
    await device.setAttributes(client, key, [{ type: 0x1000, value: large }]);
  });

  test('keys pushed out of memory by others are closed, come back from the disk, and sign', async () => {
    await using bench = await Bench.start();
    const { device, engine } = bench;
    await setUp(device);
    const first = uuid();
    await device.generateKey(USER, first, 0, ed());
    await device.sign(USER, first, Mechanism.EDDSA, DATA);
    assert.equal(engine.closed, 0);
    const large = Buffer.alloc(65_000, 2);
    // 64 MiB and some.
    for (let i = 0; i < 1040; i++) {
      const key = uuid();
      await device.loadKey(USER, key, 0, Buffer.from('data'), KeyFlag.TOKEN, KeyType.DATA);
      await device.setAttributes(USER, key, [{ type: 0x1000, value: large }]);
    }
    // What grew in memory is seen with the next one that comes in.
    await device.generateKey(USER, uuid(), 0, ed());
    assert.equal(engine.closed, 1);
    const signature = await device.sign(USER, first, Mechanism.EDDSA, DATA);
    await device.verify(USER, first, Mechanism.EDDSA, DATA, signature);
    assert.equal(engine.opened, 2);
  });

  test('keys that are being made when the keystore is erased are not made', async () => {
    await using bench = await Bench.start();
    const { device } = bench;
    await setUp(device);
    const making = device.generateKey(USER, uuid(), 0, ed());
    await Promise.all([device.eraseKeystore(WHEEL, true), assert.rejects(making)]);
    await logIn(device);
    assert.deepEqual(await device.matchKeys(WHEEL, 0, query()), []);
    assert.equal((await device.getStatus()).tokenKeys, 0);
  });

  test('a wait for a key that was deleted meanwhile ends', async () => {
    await using bench = await Bench.start();
    const { device } = bench;
    await setUp(device);
    const key = uuid();
    await device.generateKey(USER, key, 0, ed(TOKEN_KEY));
    const signing = device.sign(USER, key, Mechanism.EDDSA, DATA);
    await Promise.all([device.deleteKey(USER, key), assert.rejects(signing, refusedWith(HalStatus.KEY_NOT_FOUND))]);
    assert.equal(bench.engine.opened, bench.engine.closed);
  });
});
