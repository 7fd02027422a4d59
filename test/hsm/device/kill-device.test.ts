import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../../src/base/random.ts';
import { KeyFlag, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { builtNativeKeys } from '../crypto/built-engine.ts';
import { ec, ed, logIn, query, setUp, TOKEN_KEY, USER, uuid, WHEEL } from './bench-device.ts';
import { ProcessBench } from './process-bench.ts';

const ROUNDS = 8;
const WORKERS = 6;
const DATA = Buffer.alloc(32, 7);
const LABEL = 0x0003;

/** What the one who asked knows of a key. Several labels, or gone and not gone, are possible after a call without an answer. */
interface Known {
  /** In the order in which they were asked for; what is before the last one that was acknowledged is over. */
  labels: string[];
  state: 'there' | 'gone' | 'unknown';
}

builtNativeKeys();

test('S-343 kill -9 at any instant: no key that was reported as made is lost, none is half there, none that was deleted comes back', async () => {
  await using bench = await ProcessBench.start();
  const random = new SeededRandom(20_261_121);
  await setUp(bench.device);
  const known = new Map<string, Known>();
  const hashBased = uuid();
  await bench.device.generateKey(USER, hashBased, 0, {
    kind: 'hashsig',
    levels: 1,
    lms: 6,
    lmots: 3,
    flags: TOKEN_KEY,
  });
  const numbers: number[] = [];

  /** One call of the load; rejects when the device is gone. */
  const step = async (): Promise<void> => {
    const mine = [...known].filter(([, { state }]) => state === 'there').map(([name]) => name);
    const choice = mine.length === 0 ? 0 : randomBelow(random, 4);
    const key = mine.length === 0 ? '' : mine[randomBelow(random, mine.length)];
    if (choice <= 1) await make();
    else if (choice === 2) await label(key);
    else await remove(key);
    if (randomBelow(random, 4) === 0) await signOnce();
  };
  const make = async (): Promise<void> => {
    const name = uuid();
    const one: Known = { labels: [''], state: 'unknown' };
    known.set(name, one);
    const flags = randomBelow(random, 2) ? TOKEN_KEY : TOKEN_KEY | KeyFlag.EXPORTABLE;
    await bench.device.generateKey(USER, name, 0, randomBelow(random, 2) ? ec(flags) : ed(flags));
    one.state = 'there';
  };
  const label = async (name: string): Promise<void> => {
    const one = known.get(name)!;
    const text = `label ${randomBelow(random, 1_000_000)}`;
    one.labels.push(text);
    try {
      await bench.device.setAttributes(USER, name, [{ type: LABEL, value: Buffer.from(text) }]);
      one.labels = one.labels.slice(one.labels.indexOf(text));
    } catch (fault) {
      // Another worker was quicker to delete it.
      if (fault instanceof HalError && fault.status === HalStatus.KEY_NOT_FOUND) return;
      throw fault;
    }
  };
  const remove = async (name: string): Promise<void> => {
    const one = known.get(name)!;
    one.state = 'unknown';
    await bench.device.deleteKey(USER, name);
    one.state = 'gone';
  };
  const signOnce = async (): Promise<void> => {
    const signature = Buffer.from(await bench.device.sign(USER, hashBased, Mechanism.HSS, DATA));
    // RFC 8554 section 6.2 and 5.4: Nspk (4), then the LMS signature, which begins with q (4).
    numbers.push(signature.readUInt32BE(4));
  };

  let reported = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let left = 5 + randomBelow(random, 40);
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 1000; i++) {
        try {
          await step();
          reported++;
        } catch (fault) {
          assert.ok(fault instanceof HalError && fault.status === HalStatus.IO_OS_ERROR, String(fault));
          return;
        }
        if (--left === 0) bench.kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, worker));
    assert.equal(await bench.ended(), 'SIGKILL');
    await bench.startDevice();
    await logIn(bench.device);

    const found = new Set(await bench.device.matchKeys(WHEEL, 0, query({ limit: 10_000 })));
    assert.ok(found.delete(hashBased));
    for (const [name, one] of known) {
      if (one.state !== 'unknown') assert.equal(found.has(name), one.state === 'there', `${name} is ${one.state}`);
      if (!found.delete(name)) {
        one.state = 'gone';
        continue;
      }
      one.state = 'there';
      const signature = await bench.device.sign(
        USER,
        name,
        (await bench.device.openKey(USER, name)).curve === 4 ? Mechanism.EDDSA : Mechanism.ECDSA,
        DATA,
      );
      assert.ok(signature.length === 64);
      const [attribute] = await bench.device.getAttributes(USER, name, [LABEL]);
      const text = attribute ? Buffer.from(attribute.value).toString() : '';
      assert.ok(one.labels.includes(text), `${name} has a label that nobody gave it: ${text}`);
      one.labels = [text];
    }
    assert.deepEqual([...found], [], 'keys that nobody made');
  }
  assert.ok(reported > ROUNDS * 4, `${reported} calls were answered`);
  assert.ok(numbers.length > 0);
  assert.equal(new Set(numbers).size, numbers.length, `a hash-based key used a number twice: ${numbers.join(' ')}`);
});
