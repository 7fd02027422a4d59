import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { Curve, DEFAULT_WHEEL_PIN, KeyFlag, KeyType, Mechanism, ROLE_NUMBERS } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { FUNCTION_NAMES, FUNCTIONS, type FunctionName, isOwn } from '../../../src/hsm/protocol/functions.ts';
import { FakeDevice } from '../fake-device.ts';
import { pin, SO_PIN, USER_PIN } from '../pool/pool-fixture.ts';
import { message, startRpc } from './rpc-fixture.ts';

const TOKEN_SIGNER = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
const ANY = 0xffff_ffff;
const covered = new Set<FunctionName>();

interface Caller {
  readonly call: HsmClient['call'];
  login(partition: number, role: keyof typeof ROLE_NUMBERS, text: string): Promise<unknown>;
}

/** Remembers what was called. */
function callerOf(client: HsmClient): Caller {
  const call: HsmClient['call'] = (name, values) => {
    covered.add(name);
    return client.call(name, values);
  };
  return {
    call,
    login: (partition, role, text) => call('PARTITION_LOGIN', { partition, role: ROLE_NUMBERS[role], pin: pin(text) }),
  };
}

async function refused(promise: Promise<unknown>, status: HalStatus, words?: RegExp): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof HalError, String(error));
    assert.equal(error.status, status, error.message);
    if (words !== undefined) assert.match(error.message, words);
    return true;
  });
}

suite('our functions of the RPC port', () => {
  test('who the appliance is, and why it does not serve, also while it is locked', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call } = callerOf(client);
    rpc.gate.status = HalStatus.FORBIDDEN;
    assert.deepEqual(await call('HSM_VERSION', {}), {
      protocol: 1,
      version: '2026-11-21-01 - 0.1.0.0',
      serial: '1000-0002',
      servername: 'dks-hsm',
    });
    assert.deepEqual(await call('HSM_STATE', {}), {
      status: HalStatus.FORBIDDEN,
      devices: ['Active - Ready', 'Active - Ready'],
    });
    await refused(call('HSM_RANDOM', { count: 1 }), HalStatus.FORBIDDEN, /status page/);
    rpc.gate.status = HalStatus.OK;
    assert.equal((await call('HSM_RANDOM', { count: 65_536 })).octets.length, 65_536);
    assert.equal((await call('HSM_RANDOM', { count: 0 })).octets.length, 0);
    await refused(call('HSM_RANDOM', { count: 65_537 }), HalStatus.RPC_PACKET_OVERFLOW);
  });

  test('partitions: each has a label, PINs and keys of its own', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call, login } = callerOf(client);
    await refused(call('PARTITION_WRITE', { number: ANY, label: 'x' }), HalStatus.FORBIDDEN);
    await login(0, 'wheel', DEFAULT_WHEEL_PIN);
    const { number } = await call('PARTITION_WRITE', { number: ANY, label: 'zönes' });
    assert.equal(number, 1);
    await call('PARTITION_SET_PIN', { partition: 1, role: ROLE_NUMBERS.user, pin: pin('second-user') });
    assert.deepEqual(await call('PARTITION_LIST', {}), {
      partitions: [
        { number: 0, label: 'Cryptech Token', pins: 3 },
        { number: 1, label: 'zönes', pins: 1 },
      ],
    });
    await refused(login(1, 'user', USER_PIN), HalStatus.PIN_INCORRECT);
    await login(1, 'user', 'second-user');
    assert.deepEqual(await call('PARTITION_ROLE', {}), { partition: 1, role: ROLE_NUMBERS.user });
    const { uuid } = await call('KEY_GENERATE_EC', { partition: 1, curve: Curve.P256, flags: TOKEN_SIGNER });
    await refused(
      call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags: TOKEN_SIGNER }),
      HalStatus.FORBIDDEN,
      /partition 1, not 0/,
    );
    const data = Buffer.alloc(32);
    await refused(call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data }), HalStatus.FORBIDDEN);
    assert.ok(await call('KEY_SIGN', { partition: 1, uuid, mechanism: Mechanism.ECDSA, data }));
    await login(0, 'user', USER_PIN);
    await refused(call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data }), HalStatus.FORBIDDEN);
    await call('PARTITION_LOGOUT', {});
    assert.deepEqual(await call('PARTITION_ROLE', {}), { partition: 0, role: 0 });
    await login(0, 'wheel', DEFAULT_WHEEL_PIN);
    await refused(call('PARTITION_DELETE', { number: 1 }), HalStatus.FORBIDDEN);
    await call('KEY_DELETE', { uuid });
    await call('PARTITION_DELETE', { number: 1 });
    assert.equal((await call('PARTITION_LIST', {})).partitions.length, 1);
  });

  test('keys by UUID: made, loaded, found, signed with, wrapped, deleted', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call, login } = callerOf(client);
    await login(0, 'user', USER_PIN);
    const rsa = await call('KEY_GENERATE_RSA', {
      partition: 0,
      bits: 2048,
      exponent: Buffer.from('010001', 'hex'),
      flags: TOKEN_SIGNER,
    });
    const ed = await call('KEY_GENERATE_ED', { partition: 0, curve: Curve.ED25519, flags: TOKEN_SIGNER });
    await refused(
      call('KEY_GENERATE_ED', { partition: 0, curve: Curve.P256, flags: TOKEN_SIGNER }),
      HalStatus.BAD_ARGUMENTS,
    );
    const hss = await call('KEY_GENERATE_HASHSIG', { partition: 0, levels: 1, lms: 5, lmots: 4, flags: TOKEN_SIGNER });
    assert.deepEqual(await call('KEY_INFO', { uuid: rsa.uuid }), {
      partition: 0,
      type: KeyType.RSA_PRIVATE,
      curve: 0,
      flags: TOKEN_SIGNER,
    });
    assert.deepEqual(Buffer.from((await call('KEY_PUBLIC', ed)).spki), FakeDevice.publicKeyOf(ed.uuid));
    const loaded = await call('KEY_LOAD', { partition: 0, flags: KeyFlag.TOKEN, der: Buffer.from('3000', 'hex') });
    assert.equal(loaded.type, KeyType.EC_PUBLIC);
    const stored = await call('DATA_STORE', { partition: 0, flags: KeyFlag.TOKEN, data: Buffer.alloc(60_000, 1) });
    // A message of 64 KiB goes through whole.
    const data = Buffer.alloc(65_535, 0xc0);
    const { signature } = await call('KEY_SIGN', { partition: 0, uuid: ed.uuid, mechanism: Mechanism.EDDSA, data });
    assert.deepEqual(Buffer.from(signature), FakeDevice.signatureOf(ed.uuid, Mechanism.EDDSA, data));
    const proof = { partition: 0, uuid: ed.uuid, mechanism: Mechanism.EDDSA, data };
    assert.deepEqual(await call('KEY_VERIFY', { ...proof, signature }), {});
    await refused(call('KEY_VERIFY', { ...proof, signature: Buffer.alloc(64) }), HalStatus.INVALID_SIGNATURE);
    await refused(call('KEY_SIGN', { ...proof, mechanism: 0x99 }), HalStatus.UNSUPPORTED_KEY, /0x99/);

    await call('KEY_SET_ATTRIBUTES', {
      uuid: rsa.uuid,
      changes: [
        { type: 3, value: Buffer.from('ksk') },
        { type: 0x102, value: Buffer.from([1, 2]) },
        { type: 0x77, value: Buffer.alloc(0) },
      ],
    });
    await call('KEY_SET_ATTRIBUTES', { uuid: rsa.uuid, changes: [{ type: 0x77, value: undefined }] });
    await call('KEY_SET_ATTRIBUTES', { uuid: ed.uuid, changes: [{ type: 3, value: Buffer.from('ksk') }] });
    const { attributes } = await call('KEY_LIST_ATTRIBUTES', { uuid: rsa.uuid });
    assert.deepEqual(
      attributes.map(({ type, value }) => [type, Buffer.from(value).toString('hex')]),
      [
        [3, '6b736b'],
        [0x102, '0102'],
      ],
    );
    assert.equal((await call('KEY_GET_ATTRIBUTES', { uuid: rsa.uuid, types: [0x102, 0x99] })).attributes.length, 1);
    const label = Buffer.from('ksk');
    const none = Buffer.alloc(0);
    assert.deepEqual(
      (await call('KEY_FIND', { partition: 0, label, id: none, most: 9 })).uuids,
      [rsa.uuid, ed.uuid].sort(),
    );
    assert.deepEqual((await call('KEY_FIND', { partition: 0, label, id: Buffer.from([1, 2]), most: 9 })).uuids, [
      rsa.uuid,
    ]);
    await refused(call('KEY_FIND', { partition: 0, label: none, id: none, most: 9 }), HalStatus.BAD_ARGUMENTS);
    const query = { partition: 0, type: 0, curve: 0, mask: 0, flags: 0, attributes: [] };
    const all = [rsa.uuid, ed.uuid, hss.uuid, loaded.uuid, stored.uuid].sort();
    const first = await call('KEY_MATCH', { ...query, after: undefined, most: 3 });
    const second = await call('KEY_MATCH', { ...query, after: first.uuids.at(-1), most: 3 });
    assert.deepEqual([...first.uuids, ...second.uuids], all);
    assert.deepEqual((await call('KEY_MATCH', { ...query, type: KeyType.DATA, after: undefined, most: 9 })).uuids, [
      stored.uuid,
    ]);
    await refused(call('KEY_MATCH', { ...query, after: undefined, most: 0 }), HalStatus.BAD_ARGUMENTS);

    await call('KEY_DELETE', { uuid: ed.uuid });
    await refused(call('KEY_INFO', { uuid: ed.uuid }), HalStatus.KEY_NOT_FOUND, new RegExp(ed.uuid));
  });

  test('wrapping needs ENABLE_KEY_EXPORT, an exportable key and a login', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call, login } = callerOf(client);
    await login(0, 'user', USER_PIN);
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    const exportable = KeyFlag.TOKEN | KeyFlag.EXPORTABLE;
    const exponent = Buffer.from('010001', 'hex');
    const kekek = await call('KEY_GENERATE_RSA', {
      partition: 0,
      bits: 2048,
      exponent,
      flags: exportable | KeyFlag.KEY_ENCIPHERMENT,
    });
    const key = await call('KEY_GENERATE_EC', {
      partition: 0,
      curve: Curve.P256,
      flags: exportable | KeyFlag.DIGITAL_SIGNATURE,
    });
    const asked = { uuid: key.uuid, kekek: kekek.uuid };
    await refused(call('KEY_EXPORT', asked), HalStatus.FORBIDDEN, /ENABLE_KEY_EXPORT/);
    rpc.settings.ENABLE_KEY_EXPORT = true;
    const wrapped = await call('KEY_EXPORT', asked);
    const flags = KeyFlag.TOKEN;
    const imported = await call('KEY_IMPORT', { partition: 0, kekek: kekek.uuid, ...wrapped, flags });
    assert.equal((await call('KEY_INFO', imported)).type, KeyType.EC_PRIVATE);
    await login(0, 'so', SO_PIN);
    await refused(call('KEY_EXPORT', asked), HalStatus.FORBIDDEN);
  });

  test('calls are pipelined: many under way, replies as they are ready, each to its number', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call, login } = callerOf(client);
    await login(0, 'user', USER_PIN);
    rpc.settings.ENABLE_EXPORTABLE_PRIVATE_KEYS = true;
    const { uuid } = await call('KEY_GENERATE_EC', {
      partition: 0,
      curve: Curve.P256,
      flags: TOKEN_SIGNER | KeyFlag.EXPORTABLE,
    });
    const order: number[] = [];
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let signs = 0;
    for (const device of rpc.pool.devices)
      device.faults.before = (name) => (name === 'sign' && signs++ === 0 ? held : undefined);
    const work = Array.from({ length: 1000 }, async (_, i) => {
      const data = message(i);
      const { signature } = await call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data });
      assert.deepEqual(Buffer.from(signature), FakeDevice.signatureOf(uuid, Mechanism.ECDSA, data));
      order.push(i);
    });
    await Promise.all(work.slice(1));
    assert.ok(!order.includes(0), 'the first one was held, and held up no other');
    release();
    await Promise.all(work);
  });

  test('S-342 an error names the device that a key was alone on', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call, login } = callerOf(client);
    await login(0, 'user', USER_PIN);
    const { uuid } = await call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags: TOKEN_SIGNER });
    const home = rpc.pool.devices.findIndex(({ tokenKeys }) => tokenKeys.includes(uuid));
    rpc.pool.kill(home);
    const data = Buffer.alloc(32);
    await refused(
      call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data }),
      HalStatus.IO_OS_ERROR,
      new RegExp(`device ${home}`),
    );
  });

  test('a key that cannot be recorded in the audit log is not made', async () => {
    await using rpc = await startRpc();
    await using client = await rpc.connect();
    const { call, login } = callerOf(client);
    await login(0, 'user', USER_PIN);
    rpc.audit.append = () => Promise.reject(new Error('no space left'));
    await refused(
      call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags: TOKEN_SIGNER }),
      HalStatus.IO_UNEXPECTED,
    );
    for (const device of rpc.pool.devices) assert.deepEqual(device.tokenKeys, []);
    assert.ok(rpc.pool.log.records.some(({ text }) => /KEY_GENERATE_EC failed: no space left/.test(text)));
  });

  test('every one of our functions was called above', () => {
    for (const name of FUNCTION_NAMES) if (isOwn(FUNCTIONS[name].code)) assert.ok(covered.has(name), name);
  });
});
