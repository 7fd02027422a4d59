import assert from 'node:assert/strict';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { suite, test } from 'node:test';
import type { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { Curve, KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { HsmdProcess, setUp } from './hsmd-process.ts';

const TOKEN = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
const MIRRORED = TOKEN | KeyFlag.EXPORTABLE;

suite('hsmd and kill -9', { timeout: 600_000 }, () => {
  test('S-342 S-457 (part) S-458 (part) S-459 (part) a device dies under load: mirrored keys sign on, the others say which device they miss', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    const client = await hsmd.rpc('user');
    await using _client = client;
    const mirrored = await generate(client, MIRRORED);
    const single = await onDevice(hsmd, client, 0);
    const load = new Load(client, mirrored);
    load.begin(8);
    await load.reaches(50);
    process.kill(hsmd.deviceProcess(0), 'SIGKILL');
    const down = await hsmd.until(({ devices }) => devices[0].condition !== 'up', 'device 0 is missed');
    // It is started again by itself within moments; both looks are of that time or after it.
    if (down.devices[0].condition === 'down') {
      assert.deepEqual(lights(down), ['yellow blinks', 'green']);
      assert.match(down.devices[0].text, /Device failure/);
      await sign(client, single).then(
        () => undefined, // it came back meanwhile
        (error: HalError) => {
          assert.equal(error.status, HalStatus.IO_OS_ERROR);
          assert.match(error.message, /device 0/);
        },
      );
    }
    await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'device 0 is back');
    process.kill(hsmd.deviceProcess(1), 'SIGKILL');
    await load.reaches(load.done + 100);
    await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'device 1 is back');
    assert.deepEqual(await load.end(), []);
    await sign(client, single);

    // Both at once: an error, not a hang, and all is well when they are back.
    for (const index of [0, 1]) process.kill(hsmd.deviceProcess(index), 'SIGSTOP');
    for (const index of [0, 1]) process.kill(hsmd.deviceProcess(index), 'SIGKILL');
    const dead = await hsmd.until(
      ({ devices }) => devices.every(({ condition }) => condition !== 'up'),
      'both are missed',
    );
    if (dead.devices.every(({ condition }) => condition === 'down'))
      assert.deepEqual(lights(dead), ['red blinks', 'yellow']);
    const back = await hsmd.until(
      ({ isLocked, devices }) => !isLocked && devices.every(({ condition }) => condition === 'up'),
      'both are back',
    );
    assert.deepEqual(lights(back), ['green', 'green']);
    await using again = await hsmd.rpc('user');
    await sign(again, mirrored);
    await sign(again, single);
  });
});

interface Key {
  readonly uuid: string;
  readonly spki: Uint8Array;
}

async function generate(client: HsmClient, flags: number): Promise<Key> {
  const { uuid } = await client.call('KEY_GENERATE_EC', { partition: 0, curve: Curve.P256, flags });
  return { uuid, spki: (await client.call('KEY_PUBLIC', { uuid })).spki };
}

/** A key that is on one device only, and that is this one. */
async function onDevice(hsmd: HsmdProcess, client: HsmClient, index: number): Promise<Key> {
  for (let i = 0; i < 20; i++) {
    const before = (await hsmd.status()).devices[index].tokenKeys;
    const key = await generate(client, TOKEN);
    const { devices } = await hsmd.until(
      ({ devices: now }) => now[0].tokenKeys + now[1].tokenKeys >= 2 + i + 1,
      'the key is counted',
    );
    if (devices[index].tokenKeys > before) return key;
  }
  return assert.fail(`no key was made on device ${index}`);
}

let counter = 0;

/** Signs, and checks the signature by OpenSSL's own hands. */
async function sign(client: HsmClient, { uuid, spki }: Key): Promise<void> {
  const message = Buffer.from(`message ${++counter}`);
  const data = createHash('sha256').update(message).digest();
  const { signature } = await client.call('KEY_SIGN', { partition: 0, uuid, mechanism: Mechanism.ECDSA, data });
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  assert.ok(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature), 'a wrong signature');
}

/** Signers that go on until they are ended; what failed is remembered. */
class Load {
  readonly #client: HsmClient;
  readonly #key: Key;
  readonly #failed: string[] = [];
  #workers: Promise<void>[] = [];
  #isEnding = false;
  done = 0;

  constructor(client: HsmClient, key: Key) {
    this.#client = client;
    this.#key = key;
  }

  begin(count: number): void {
    this.#workers = Array.from({ length: count }, () => this.#work());
  }

  async reaches(count: number): Promise<void> {
    const end = Date.now() + 120_000;
    while (this.done < count) {
      assert.ok(Date.now() < end, `only ${this.done} signatures; ${this.#failed.join('; ')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What failed. */
  async end(): Promise<readonly string[]> {
    this.#isEnding = true;
    await Promise.all(this.#workers);
    return this.#failed;
  }

  async #work(): Promise<void> {
    while (!this.#isEnding)
      try {
        await sign(this.#client, this.#key);
        this.done++;
      } catch (error) {
        this.#failed.push(String(error));
        if (this.#failed.length > 20) return;
      }
  }
}

function lights({ leds }: Awaited<ReturnType<HsmdProcess['status']>>): string[] {
  return [leds.system, leds.tamper].map(({ colour, isBlinking }) => (isBlinking ? `${colour} blinks` : colour));
}
