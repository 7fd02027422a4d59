import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { SignetError } from '../../src/base/error.ts';
import { silentLog } from '../../src/base/log.ts';
import { type generateKeyInBackground, generateKey } from '../../src/crypto/key-generation.ts';
import { keyTag, tagOfOtherRevocation } from '../../src/crypto/key-tag.ts';
import type { PrivateKeyMaterial } from '../../src/crypto/private-key.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import { KeySearch } from '../../src/keys/key-search.ts';
import type { KeyRequest } from '../../src/keys/key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const START = 1_790_000_000;
const ZONE = mustName('example.');
/** Fast to make; the search does not care. */
const key = (): PrivateKeyMaterial => generateKey({ algorithm: 13, flags: 257 });

/** An RSA key whose tag satisfies; one in 16 at least has to. */
function keyWithTag(satisfies: (tag: number) => boolean): PrivateKeyMaterial {
  for (let tries = 0; tries < 1000; tries++) {
    const made = generateKey({ algorithm: 8, flags: 256, bits: 1024 });
    if (satisfies(keyTag(made.dnskey))) return made;
  }
  throw new Error('no RSA key has such a tag');
}

/** A generator that is told when to give which key. */
class Bench {
  readonly clock = new SimulatedClock(START);
  calls = 0;
  #waiting: (() => void) | undefined;
  #next: PrivateKeyMaterial | Error = key();
  readonly search: KeySearch;

  constructor() {
    const generate: typeof generateKeyInBackground = () => {
      this.calls++;
      return new Promise((resolve, reject) => {
        this.#waiting = () => (this.#next instanceof Error ? reject(this.#next) : resolve(this.#next));
      });
    };
    this.search = new KeySearch({ clock: this.clock, generate });
  }

  /** Ends the making that goes on, and lets what follows from it happen. */
  async give(what: PrivateKeyMaterial | Error): Promise<void> {
    this.#next = what;
    this.#waiting!();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const wanted = (name: string, isGood: (dnskey: Uint8Array) => boolean, ended = (): void => undefined) => ({
  name,
  request: { algorithm: 8, flags: 257, bits: 2048 },
  isGood,
  ended,
});

describe('S-063 (part) a search for a key with a rare tag', () => {
  test('goes on key by key until one is good, tells so once, and gives it away once', async () => {
    const bench = new Bench();
    const good = key();
    let ended = 0;
    const isGood = (dnskey: Uint8Array): boolean => dnskey === good.dnskey;
    const ask = (): string => bench.search.ask(wanted('a', isGood, () => void ended++)).kind;
    assert.equal(ask(), 'goes on');
    for (let i = 1; i < 20; i++) {
      assert.equal(bench.calls, i, 'one at a time');
      await bench.give(key());
      assert.equal(ask(), 'goes on');
    }
    await bench.give(good);
    assert.equal(ended, 1);
    const outcome = bench.search.ask(wanted('a', isGood));
    assert.ok(outcome.kind === 'found' && outcome.material === good);
    assert.ok(!bench.search.isKnown('a'));
  });

  test('makes one key at a time, whatever many are asked for, and comes to all', async () => {
    const bench = new Bench();
    const ended: string[] = [];
    for (const name of ['a', 'b', 'c'])
      assert.equal(
        bench.search.ask(
          wanted(
            name,
            () => true,
            () => ended.push(name),
          ),
        ).kind,
        'goes on',
      );
    for (let i = 1; i <= 3; i++) {
      assert.equal(bench.calls, i);
      await bench.give(key());
    }
    assert.deepEqual(ended, ['a', 'b', 'c']);
    assert.equal(bench.calls, 3, 'and then rests');
  });

  test('judges by what is known at the last time that it was asked for', async () => {
    const bench = new Bench();
    bench.search.ask(wanted('a', () => true));
    bench.search.ask(wanted('a', () => false));
    await bench.give(key());
    assert.equal(bench.search.ask(wanted('a', () => true)).kind, 'goes on');
    await bench.give(key());
    assert.equal(bench.search.ask(wanted('a', () => true)).kind, 'found');
  });

  test('ends when nobody asks any more, and when it is disposed of', async () => {
    for (const isDisposed of [false, true]) {
      const bench = new Bench();
      let ended = 0;
      bench.search.ask(
        wanted(
          'a',
          () => true,
          () => void ended++,
        ),
      );
      if (isDisposed) bench.search[Symbol.dispose]();
      else await bench.clock.advance(3 * 3600);
      await bench.give(key());
      assert.deepEqual([bench.search.isKnown('a'), ended, bench.calls], [false, 0, 1]);
    }
  });

  test('tells what broke it, and can be asked anew', async () => {
    const bench = new Bench();
    let ended = 0;
    bench.search.ask(
      wanted(
        'a',
        () => true,
        () => void ended++,
      ),
    );
    const fault = new SignetError('KEY_SIZE', 'no', {});
    await bench.give(fault);
    assert.equal(ended, 1);
    const outcome = bench.search.ask(wanted('a', () => true));
    assert.ok(outcome.kind === 'broken' && outcome.cause === fault);
    assert.equal(bench.search.ask(wanted('a', () => true)).kind, 'goes on');
  });
});

describe('S-063 (part) RSA keys with tags in a narrow range', () => {
  const request = (tagRange: { low: number; high: number }, onFound?: () => void): KeyRequest => ({
    zone: ZONE,
    algorithm: 8,
    flags: 256,
    bits: 1024,
    times: {},
    tagRange,
    ...(onFound && { onFound }),
  });

  test('are looked for in the background: the call comes back after two keys at most, and a later one has the key', async () => {
    const clock = new SimulatedClock(START);
    using search = new KeySearch({ clock });
    const disk = new MemoryDisk({ '/keys/.keep': '' });
    const store = new FileKeyStore({ directory: '/keys' }, { disk, clock, log: silentLog, search });
    const range = { low: 1000, high: 9000 };
    for (let i = 0; i < 3; i++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let made: KeyPair | undefined;
      for (let looks = 0; looks < 10 && made === undefined; looks++) {
        try {
          made = store.generate(request(range, resolve));
        } catch (fault) {
          assert.ok(fault instanceof SignetError && fault.code === 'KEY_TAG_SOUGHT', String(fault));
          assert.match(fault.message, /one RSASHA256 key in 9 or more .*tag-range 1000 9000.*example\./);
          assert.ok(!fault.message.includes('take long'));
          await promise;
        }
      }
      assert.ok(made);
      for (const tag of [keyTag(made.dnskey), tagOfOtherRevocation(made.dnskey)])
        assert.ok(tag >= range.low && tag <= range.high, String(tag));
    }
    assert.equal(store.list(ZONE).keys.length, 3);
  });

  test('a range that is hard to hit is told of with what helps; the wait costs no more than two keys', () => {
    const clock = new SimulatedClock(START);
    using search = new KeySearch({ clock, generate: () => new Promise(() => undefined) });
    let made = 0;
    const bad = keyWithTag((tag) => tag < 1000 || tag > 1130);
    const generate = (): PrivateKeyMaterial => (made++, bad);
    const disk = new MemoryDisk({ '/keys/.keep': '' });
    const store = new FileKeyStore({ directory: '/keys' }, { disk, clock, log: silentLog, search, generate });
    const ask = (): unknown => store.generate(request({ low: 1000, high: 1130 }));
    const isHard = (fault: unknown): boolean =>
      fault instanceof SignetError &&
      fault.code === 'KEY_TAG_SOUGHT' &&
      /one RSASHA256 key in 21846 .* which may take long: a wider range or algorithm 13/.test(fault.message);
    assert.throws(ask, isHard);
    assert.throws(ask, isHard);
    assert.equal(made, 2);
  });

  test('a key that another took the tag of meanwhile is not used', async () => {
    const clock = new SimulatedClock(START);
    const rsa = keyWithTag((one) => one > 1000 && one < 60_000);
    const bad = keyWithTag((one) => one > 61_000 && one < 65_000);
    const tag = keyTag(rsa.dnskey);
    const range = { low: tag, high: tag + 130 };
    using search = new KeySearch({ clock, generate: async () => rsa });
    const disk = new MemoryDisk({ '/keys/.keep': '' });
    const generate = (): PrivateKeyMaterial => bad;
    const store = new FileKeyStore({ directory: '/keys' }, { disk, clock, log: silentLog, search, generate });
    const { promise, resolve } = Promise.withResolvers<void>();
    const isSought = (fault: unknown): boolean => fault instanceof SignetError && fault.code === 'KEY_TAG_SOUGHT';
    assert.throws(() => store.generate(request(range, resolve)), isSought);
    await promise;
    disk.put(`/keys/Kexample.+008+${String(tag).padStart(5, '0')}.key`, 'nonsense');
    assert.throws(() => store.generate(request(range)), isSought);
    search[Symbol.dispose]();
  });
});
