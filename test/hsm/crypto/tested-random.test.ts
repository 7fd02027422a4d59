import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type Random, SeededRandom, SystemRandom } from '../../../src/base/random.ts';
import { OpensslEngine } from '../../../src/hsm/crypto/openssl-engine.ts';
import {
  PROPORTION_CUTOFF,
  REPETITION_CUTOFF,
  STARTUP_SAMPLES,
  TestedRandom,
  WINDOW,
} from '../../../src/hsm/crypto/tested-random.ts';
import { builtNativeKeys } from './built-engine.ts';
import { SAMPLE_KINDS } from './sample-keys.ts';

/** Good octets, then those of `change` from octet `from` on. */
class FaultySource implements Random {
  readonly #good = new SeededRandom(80090);
  readonly #from: number;
  readonly #change: (good: number, at: number) => number;
  #at = 0;

  constructor(from: number, change: (good: number, at: number) => number) {
    this.#from = from;
    this.#change = change;
  }

  fill(octets: Uint8Array): Uint8Array {
    this.#good.fill(octets);
    for (let i = 0; i < octets.length; i++, this.#at++)
      if (this.#at >= this.#from) octets[i] = this.#change(octets[i], this.#at - this.#from);
    return octets;
  }
}

const BROKEN = { code: 'HAL_CSPRNG_BROKEN', status: 8 };

describe('NIST SP 800-90B section 4.4', () => {
  test('cutoffs follow from alpha and the entropy of a sample', () => {
    assert.equal(REPETITION_CUTOFF, 9);
    assert.ok(tail(PROPORTION_CUTOFF) <= 2 ** -64);
    assert.ok(tail(PROPORTION_CUTOFF - 1) > 2 ** -64);
  });

  test('a source that is stuck at the start is never used', () => {
    for (const octet of [0, 0xff, 0x5a]) {
      const random = new TestedRandom(new FaultySource(0, () => octet));
      assert.match(random.fault!, /repetition count/);
      assert.throws(() => random.fill(new Uint8Array(1)), BROKEN);
    }
  });

  test('a source that sticks later gives nothing from then on, not even when it recovers', () => {
    const random = new TestedRandom(
      new FaultySource(STARTUP_SAMPLES + 100, (good, at) => (at < REPETITION_CUTOFF ? 7 : good)),
    );
    random.fill(new Uint8Array(100));
    const octets = new Uint8Array(32);
    assert.throws(() => random.fill(octets), BROKEN);
    assert.deepEqual(octets, new Uint8Array(32), 'the failing octets were given out');
    for (let i = 0; i < 3; i++) assert.throws(() => random.fill(new Uint8Array(8)), BROKEN);
  });

  test('one repetition less passes', () => {
    const random = new TestedRandom(
      new FaultySource(STARTUP_SAMPLES, (good, at) => (at < REPETITION_CUTOFF - 1 ? 7 : good === 7 ? 8 : good)),
    );
    random.fill(new Uint8Array(5000));
    assert.equal(random.fault, undefined);
  });

  test('equal octets in a row are counted over the calls', () => {
    const random = new TestedRandom(new FaultySource(STARTUP_SAMPLES, () => 7));
    for (let i = 1; i < REPETITION_CUTOFF; i++) random.fill(new Uint8Array(1));
    assert.throws(() => random.fill(new Uint8Array(1)), BROKEN);
  });

  test('an octet that comes too often without repeating is found by its proportion', () => {
    const random = new TestedRandom(new FaultySource(STARTUP_SAMPLES, (good, at) => (at % 8 === 0 ? 0x33 : good)));
    assert.throws(() => {
      for (let i = 0; i < 100; i++) random.fill(new Uint8Array(WINDOW));
    }, BROKEN);
    assert.match(random.fault!, /adaptive proportion/);
  });

  test('a source with few values is found', () => {
    const random = new TestedRandom(new FaultySource(0, (good) => good & 0x07));
    assert.match(random.fault!, /adaptive proportion|repetition count/);
  });

  test('S-346 (part) the system generator passes', () => {
    const random = new TestedRandom(new SystemRandom());
    for (let i = 0; i < 50; i++) random.fill(new Uint8Array(65536));
    assert.equal(random.fault, undefined);
  });

  test('S-346 (part) statistical smoke test: octets, bits and neighbours of a mebibyte are evenly spread', () => {
    const octets = new TestedRandom(new SystemRandom()).fill(new Uint8Array(1 << 20));
    const counts = new Float64Array(256);
    const pairs = new Float64Array(65_536);
    let ones = 0;
    for (let i = 0; i < octets.length; i++) {
      counts[octets[i]]++;
      if (i > 0) pairs[256 * octets[i - 1] + octets[i]]++;
      for (let bits = octets[i]; bits !== 0; bits &= bits - 1) ones++;
    }
    // Ten standard deviations: chance alone gets there in none of 10^22 runs.
    assert.ok(Math.abs(chiSquare(counts, octets.length) - 255) < 10 * Math.sqrt(2 * 255));
    assert.ok(Math.abs(chiSquare(pairs, octets.length - 1) - 65_535) < 10 * Math.sqrt(2 * 65_535));
    const bits = 8 * octets.length;
    assert.ok(Math.abs(ones - bits / 2) < 10 * Math.sqrt(bits / 4), String(ones));
  });

  test('S-346 (part) nothing says that the octets are "true" random numbers', () => {
    const text = fs.readFileSync(path.resolve(import.meta.dirname, '../../../docs/hsm-keys.md'), 'utf8');
    assert.match(text, /no claim is made that\s+the octets are "true" random numbers/);
  });

  test('no key is made while the source is broken', async () => {
    const random = new TestedRandom(new FaultySource(STARTUP_SAMPLES, () => 1));
    const engine = new OpensslEngine({ native: builtNativeKeys(), random });
    for (const { spec } of SAMPLE_KINDS) await assert.rejects(engine.generate(spec), BROKEN);
    await assert.rejects(engine.generate({ kind: 'hashsig', levels: 1, lms: 5, lmots: 4, flags: 0 }), BROKEN);
  });
});

function chiSquare(counts: Float64Array, total: number): number {
  const expected = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Probability of at least `count` successes in a window of trials, as CRITBINOM of section 4.4.2 counts them. */
function tail(count: number): number {
  let sum = 0;
  for (let k = WINDOW; k >= count; k--) {
    let log = 0;
    for (let i = 1; i <= k; i++) log += Math.log((WINDOW - k + i) / i);
    sum += Math.exp(log + k * Math.log(1 / 256) + (WINDOW - k) * Math.log(255 / 256));
  }
  return sum;
}
