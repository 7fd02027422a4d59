import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CryptoDevice, KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { Bench, logIn, refusedWith, setUp, TOKEN_KEY, USER, uuid, WHEEL } from './bench-device.ts';

const DATA = Buffer.from('signed once with each number');
const hashsig = (flags: number = TOKEN_KEY): KeySpec => ({ kind: 'hashsig', levels: 1, lms: 5, lmots: 4, flags });
const sign = (device: CryptoDevice, key: string): Promise<Uint8Array> => device.sign(USER, key, Mechanism.HSS, DATA);

/** All numbers with which the only key of the engine has signed; none twice. */
function numbersOf({ engine }: Bench): number[] {
  const [numbers] = [...engine.signatures.values()];
  assert.equal(new Set(numbers).size, numbers.length, `a number signed twice: ${numbers.join(' ')}`);
  return numbers;
}

/** FakeEngine's keys have 40 signatures. */
describe('RFC 8554 section 5.2: hash-based keys sign with each number once', () => {
  test('many at once, and then no more', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const key = uuid();
    await bench.device.generateKey(USER, key, 0, hashsig());
    const all = await Promise.allSettled(Array.from({ length: 45 }, () => sign(bench.device, key)));
    assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 40);
    assert.equal(numbersOf(bench).length, 40);
    await assert.rejects(sign(bench.device, key), refusedWith(HalStatus.HASHSIG_KEY_EXHAUSTED));
    await logIn(await bench.restart());
    await assert.rejects(sign(bench.device, key), refusedWith(HalStatus.HASHSIG_KEY_EXHAUSTED));
  });

  test('after a restart it goes on behind what was reserved: at most 16 are lost', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const key = uuid();
    await bench.device.generateKey(USER, key, 0, hashsig());
    await sign(bench.device, key);
    await logIn(await bench.restart());
    await sign(bench.device, key);
    assert.deepEqual(numbersOf(bench), [0, 16]);
    await bench.device.setAttributes(USER, key, [{ type: 3, value: Buffer.from('label') }]);
    await sign(bench.device, key);
    await bench.device.eraseMasterKey(WHEEL);
    await bench.device.setMasterKey(WHEEL, Buffer.alloc(32, 0x42));
    await sign(bench.device, key);
    assert.deepEqual(numbersOf(bench), [0, 16, 17, 32]);
  });

  test('a state that cannot be written signs nothing', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const key = uuid();
    await bench.device.generateKey(USER, key, 0, hashsig());
    for (let i = 0; i < 16; i++) await sign(bench.device, key);
    bench.memory.failsToWrap = true;
    await assert.rejects(sign(bench.device, key), refusedWith(HalStatus.IO_UNEXPECTED));
    await assert.rejects(sign(bench.device, key), refusedWith(HalStatus.IO_UNEXPECTED));
    assert.equal(numbersOf(bench).length, 16);
    bench.memory.failsToWrap = false;
    await sign(bench.device, key);
    assert.deepEqual(numbersOf(bench).slice(15), [15, 16], 'what was not written was not used either');
  });

  test('SP 800-208 section 6: it never leaves the device, whatever flags it was made with', async () => {
    await using bench = await Bench.start();
    await using other = await Bench.start('device 1');
    for (const { device } of [bench, other]) await setUp(device);
    const [key, kekek] = [uuid(), uuid()];
    const info = await bench.device.generateKey(USER, key, 0, hashsig(TOKEN_KEY | KeyFlag.EXPORTABLE));
    assert.equal(info.flags, TOKEN_KEY);
    const flags = KeyFlag.TOKEN | KeyFlag.KEY_ENCIPHERMENT;
    await bench.device.generateKey(USER, kekek, 0, {
      kind: 'rsa',
      bits: 1024,
      exponent: Uint8Array.of(1, 0, 1),
      flags,
    });
    await assert.rejects(bench.device.readRecord(key), refusedWith(HalStatus.FORBIDDEN));
    await assert.rejects(bench.device.exportKey(USER, key, kekek), refusedWith(HalStatus.FORBIDDEN));
    const [head] = (await bench.device.listRecords(undefined, 10)).filter((one) => one.uuid === key);
    assert.equal(head.isExportable, false);
    const { privateDer } = await bench.engine.generate(hashsig());
    await assert.rejects(
      other.device.loadKey(USER, uuid(), 0, privateDer, TOKEN_KEY),
      refusedWith(HalStatus.UNSUPPORTED_KEY),
    );
  });

  test('a volatile one needs no disk, and ends with its connection', async () => {
    await using bench = await Bench.start();
    await setUp(bench.device);
    const key = uuid();
    await bench.device.generateKey(USER, key, 0, hashsig(KeyFlag.DIGITAL_SIGNATURE));
    for (let i = 0; i < 20; i++) await sign(bench.device, key);
    assert.equal(numbersOf(bench).length, 20);
    await bench.device.logout(USER);
    await logIn(bench.device);
    await assert.rejects(sign(bench.device, key), refusedWith(HalStatus.KEY_NOT_FOUND));
  });

  test('private keys in memory are closed when the key goes, the client leaves, the master key goes, the device ends', async () => {
    const bench = await Bench.start();
    const { engine } = bench;
    await setUp(bench.device);
    const keys = [uuid(), uuid(), uuid()];
    const use = async (key: string, flags: number): Promise<void> => {
      await bench.device.generateKey(USER, key, 0, { kind: 'ec', curve: 4, flags });
      await bench.device.sign(USER, key, Mechanism.EDDSA, DATA);
    };
    await use(keys[0], TOKEN_KEY);
    await use(keys[1], KeyFlag.DIGITAL_SIGNATURE);
    await use(keys[2], TOKEN_KEY);
    assert.deepEqual([engine.opened, engine.closed], [3, 0]);
    await bench.device.deleteKey(USER, keys[0]);
    await bench.device.logout(USER);
    assert.equal(engine.closed, 2);
    await bench.device.eraseMasterKey(WHEEL);
    assert.equal(engine.closed, 3);
    await bench.device.setMasterKey(WHEEL, Buffer.alloc(32, 0x42));
    await bench.device.sign(WHEEL, keys[2], Mechanism.EDDSA, DATA);
    await bench[Symbol.asyncDispose]();
    assert.deepEqual([engine.opened, engine.closed], [4, 4]);
  });
});
