import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { CryptoDevice, SignatureTaker } from '../../../src/hsm/device/crypto-device.ts';
import { Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import type { FakeDevice } from '../fake-device.ts';
import { type PoolFixture, signer, startPool } from './pool-fixture.ts';

const DIGEST = Buffer.alloc(32, 7);

/** Lets devices sign without a promise, as those in a process do. */
function signDirectly(devices: readonly FakeDevice[]): void {
  for (const device of devices)
    (device as CryptoDevice).signFor = (client, uuid, mechanism, data, taker) =>
      void device.sign(client, uuid, mechanism, data).then(
        (signature) => {
          taker.signed(signature);
          signature.fill(0); // It was good until `signed` returned.
        },
        (fault: unknown) => taker.refused(fault),
      );
}

/** Takes one outcome, and no second one. */
function taken(ask: (taker: SignatureTaker) => void): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let outcomes = 0;
  ask({
    signed: (signature) => {
      assert.equal(++outcomes, 1);
      resolve(Buffer.from(signature).toString('hex'));
    },
    refused: (fault) => {
      assert.equal(++outcomes, 1);
      reject(fault);
    },
  });
  return promise;
}

const sign = ({ pool, user }: PoolFixture, uuid: string, client = user): Promise<string> =>
  taken((taker) => pool.signFor(client, uuid, Mechanism.ECDSA, DIGEST, taker));

const refusedWith =
  (status: HalStatus) =>
  (error: unknown): boolean =>
    error instanceof HalError && error.status === status;

for (const isDirect of [true, false])
  suite(`signatures for takers, devices ${isDirect ? 'without' : 'with'} promises`, () => {
    async function start(): Promise<PoolFixture> {
      const fixture = await startPool();
      if (isDirect) signDirectly(fixture.devices);
      return fixture;
    }

    test('S-341 they are those of sign, and devices take turns', async () => {
      await using fixture = await start();
      const { pool, devices, user } = fixture;
      const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
      const expected = Buffer.from(await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST)).toString('hex');
      const begun = devices.map(({ calls }) => calls.get('sign') ?? 0);
      const signatures = Array.from({ length: 20 }, () => sign(fixture, uuid));
      assert.deepEqual([pool.underWay(0), pool.underWay(1)], [10, 10]);
      assert.deepEqual(new Set(await Promise.all(signatures)), new Set([expected]));
      assert.deepEqual(
        devices.map(({ calls }, i) => (calls.get('sign') ?? 0) - begun[i]),
        [10, 10],
      );
      assert.deepEqual([pool.underWay(0), pool.underWay(1)], [0, 0]);
    });

    test('S-342 a device dies in the middle: the other one signs what it owed', async () => {
      await using fixture = await start();
      const { pool, devices, user } = fixture;
      const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
      const gate = Promise.withResolvers<void>();
      devices[0].faults.before = (call) => (call === 'sign' ? gate.promise : undefined);
      const signatures = Array.from({ length: 8 }, () => sign(fixture, uuid));
      fixture.kill(0);
      gate.resolve();
      assert.equal(new Set(await Promise.all(signatures)).size, 1);
      assert.equal(pool.conditionOf(0), 'down');
      assert.deepEqual([pool.underWay(0), pool.underWay(1)], [0, 0]);
    });

    test('S-342 a key that was there alone is refused when its device dies', async () => {
      await using fixture = await start();
      const { pool, devices, user } = fixture;
      const { uuid } = await pool.generateKey(user, 0, signer('alone'));
      const at = devices.findIndex(({ tokenKeys }) => tokenKeys.includes(uuid));
      fixture.kill(at);
      await assert.rejects(sign(fixture, uuid), refusedWith(HalStatus.IO_OS_ERROR));
      await assert.rejects(sign(fixture, uuid), refusedWith(HalStatus.IO_OS_ERROR));
    });

    test('a device that was started anew knows the login no more: the other one signs', async () => {
      await using fixture = await start();
      const { pool, devices, user } = fixture;
      const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
      devices[0].kill();
      devices[0].revive();
      for (let i = 0; i < 4; i++) await sign(fixture, uuid);
      assert.equal(pool.conditionOf(0), 'down');
    });

    test('what a device refuses, a key that is not there, and a client that is gone are told once', async () => {
      await using fixture = await start();
      const { pool, user } = fixture;
      const { uuid } = await pool.generateKey(user, 0, signer('mirrored'));
      const stranger = pool.newClient();
      await assert.rejects(sign(fixture, uuid, stranger), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(sign(fixture, uuid.replace(/^./, 'f')), refusedWith(HalStatus.KEY_NOT_FOUND));
      await pool.closeClient(stranger);
      await assert.rejects(sign(fixture, uuid, stranger), refusedWith(HalStatus.BAD_ARGUMENTS));
      assert.deepEqual([pool.conditionOf(0), pool.conditionOf(1)], ['up', 'up']);
      assert.deepEqual([pool.underWay(0), pool.underWay(1)], [0, 0]);
    });
  });
