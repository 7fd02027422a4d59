/**
 * What a device does on a disk that gets full: run by full-disk.test.ts in a mount namespace of its own, on a file system of a megabyte or two.
 * Prints what it found as JSON.
 */
import path from 'node:path';
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { LocalDevice } from '../../../src/hsm/device/local-device.ts';
import { Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, halStatusName } from '../../../src/hsm/hal-status.ts';
import { Bench, CHEAP, ed, pin, query, setUp, USER, uuid, WHEEL } from './bench-device.ts';
import fs from 'node:fs';

const directory = process.argv[2];
const bench = await Bench.start();
const options = { name: 'device 0', keystore: path.join(directory, 'keystore.db'), scrypt: CHEAP };
const dependencies = {
  engine: bench.engine,
  watchdog: bench.watchdog,
  clock: new SystemClock(),
  random: new SystemRandom(),
  log: silentLog,
};
let device = await LocalDevice.open(options, dependencies);
await setUp(device);

const made: string[] = [];
let refusal = '';
const value = Buffer.alloc(20_000, 1);
while (refusal === '' && made.length < 1000) {
  const key = uuid();
  try {
    await device.generateKey(USER, key, 0, ed());
    made.push(key);
    await device.setAttributes(USER, key, [{ type: 0x1000, value }]);
  } catch (fault) {
    refusal = fault instanceof HalError ? `${halStatusName(fault.status)}: ${fault.message}` : String(fault);
  }
}
const attempts: Record<string, string> = {};
const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
  attempts[what] = await work().then(
    () => 'done',
    (fault: unknown) => (fault instanceof HalError ? halStatusName(fault.status) : String(fault)),
  );
};
const signs = async (): Promise<void> => {
  for (const key of made) {
    const signature = await device.sign(USER, key, Mechanism.EDDSA, Buffer.from('read'));
    await device.verify(USER, key, Mechanism.EDDSA, Buffer.from('read'), signature);
  }
};
await attempt('sign', signs);
await attempt('match', () => device.matchKeys(USER, 0, query()));
await attempt('login', () => device.login(9, 0, 'user', pin('user pin')));
await attempt('larger', () => device.setAttributes(USER, made[0], [{ type: 0x1001, value: Buffer.alloc(40_000, 2) }]));

// Somebody makes room.
fs.rmSync(path.join(directory, 'ballast'));
await attempt('generate after that', async () => {
  const key = uuid();
  await device.generateKey(USER, key, 0, ed());
  made.push(key);
});
await device[Symbol.asyncDispose]();
device = await LocalDevice.open(options, dependencies);
await device.login(USER, 0, 'user', pin('user pin'));
await device.login(WHEEL, 0, 'wheel', pin('wheel pin'));
await attempt('sign after a restart', signs);
const found = await device.matchKeys(USER, 0, query());
await device[Symbol.asyncDispose]();
await bench[Symbol.asyncDispose]();
console.log(
  JSON.stringify({
    made: made.length,
    found: found.length,
    same: [...found].join() === made.sort().join(),
    refusal,
    attempts,
  }),
);
