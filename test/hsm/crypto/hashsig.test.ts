import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fromHex, toHex } from '../../../src/base/octets.ts';
import { derBitString, derElement, derSequence } from '../../../src/hsm/crypto/der.ts';
import { cachedRootsLength, LmsTree } from '../../../src/hsm/crypto/hashsig/lms-tree.ts';
import { lmotsParameters, lmsParameters, uint32 } from '../../../src/hsm/crypto/hashsig/parameters.ts';
import { HASHSIG_OID } from '../../../src/hsm/crypto/key-der.ts';
import type { NewKey, PrivateKey } from '../../../src/hsm/crypto/key-engine.ts';
import { KeyType, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { builtEngine, builtNativeKeys } from './built-engine.ts';

const engine = builtEngine();
const native = builtNativeKeys();

interface Vector {
  readonly name: string;
  readonly message: string;
  readonly publicKey: string;
  readonly signature: string;
}

/** Signatures by others: RFC 8554 appendix F, the reference implementation, CrypTech devices, Bouncy Castle. */
const vectors = JSON.parse(
  fs.readFileSync(path.join(import.meta.dirname, 'hss-vectors.json'), 'utf8'),
) as readonly Vector[];

function spki(publicKey: Uint8Array): Uint8Array {
  return derSequence(derSequence(derElement(0x06, HASHSIG_OID)), derBitString(publicKey));
}

function verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return engine.verify(key, Mechanism.HSS, message, signature);
}

describe('RFC 8554 signatures made by others', () => {
  for (const vector of vectors) {
    const key = spki(fromHex(vector.publicKey)!);
    const message = fromHex(vector.message)!;
    const signature = fromHex(vector.signature)!;

    test(`${vector.name}: is valid`, () => {
      assert.ok(verify(key, message, signature));
      assert.equal(engine.inspect(key).type, KeyType.HASHSIG_PUBLIC);
      const wrapped = spki(derElement(0x04, fromHex(vector.publicKey)!));
      assert.ok(verify(wrapped, message, signature), 'with the public key in an OCTET STRING (RFC 8708)');
    });

    test(`${vector.name}: changed anywhere it is not`, () => {
      for (let at = 0; at < signature.length; at += 61) {
        const changed = signature.slice();
        changed[at] ^= 0x40;
        assert.equal(verify(key, message, changed), false, `octet ${at}`);
      }
      for (let at = 0; at < 12; at++) {
        const changed = signature.slice();
        changed[at] ^= 1;
        assert.equal(verify(key, message, changed), false, `octet ${at}`);
      }
      const other = message.slice();
      other[0] ^= 1;
      assert.equal(verify(key, other, signature), false);
      for (const length of [0, 1, 3, 4, 8, 100, signature.length - 1])
        assert.equal(verify(key, message, signature.subarray(0, length)), false, `${length} octets`);
      const longer = new Uint8Array(signature.length + 1);
      longer.set(signature);
      assert.equal(verify(key, message, longer), false);
    });
  }
});

test('RFC 8554 appendix F, test case 2: seed and I lead to the public key (H10, W4)', async () => {
  const id = fromHex('d08fabd4a2091ff0a8cb4ed834e74534')!;
  const seed = fromHex('558b8966c48ae9cb898b423c83443aae014a72f1b1ab5cc85cf1d892903b5439')!;
  const root = '32a58885cd9ba0431235466bff9651c6c92124404d45fa53cf161c28f1ad5a8e';
  const make = (): LmsTree =>
    new LmsTree(native, lmsParameters(6)!, lmotsParameters(3)!, { id, seed }, new Uint8Array());
  assert.equal(toHex(make().root), root);
  const later = make();
  await later.generate();
  assert.equal(toHex(later.root), root);
});

/** Reserves and signs. */
function signOne(key: PrivateKey, message: Uint8Array): Uint8Array {
  key.state!.reserve(1).fill(0);
  return key.sign(Mechanism.HSS, message);
}

function generate(levels: number, lms: number, lmots: number): Promise<NewKey> {
  return engine.generate({ kind: 'hashsig', levels, lms, lmots, flags: 0 });
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('own keys', () => {
  for (const lmots of [1, 2, 3, 4])
    test(`H5, LM-OTS type ${lmots}, two levels: 40 signatures, over the end of a lower tree, are valid`, async () => {
      const made = await generate(2, 5, lmots);
      assert.deepEqual(
        [made.type, engine.inspect(made.privateDer).type],
        [KeyType.HASHSIG_PRIVATE, KeyType.HASHSIG_PRIVATE],
      );
      assert.equal(toHex(engine.inspect(made.privateDer).spki), toHex(made.spki));
      using key = engine.open(made.privateDer);
      assert.equal(key.state!.left, 1024);
      const signatures = new Set<string>();
      for (let i = 0; i < 40; i++) {
        const signature = signOne(key, text(`message ${i}`));
        assert.ok(verify(made.spki, text(`message ${i}`), signature), `message ${i}`);
        signatures.add(leavesOf(signature));
      }
      assert.equal(signatures.size, 40, 'each has a leaf of its own');
      assert.equal(key.state!.left, 984);
    });

  test('H10 and W8, one level', async () => {
    const told: number[] = [];
    const made = await engine.generate(
      { kind: 'hashsig', levels: 1, lms: 6, lmots: 4, flags: 0 },
      { progress: (done, all) => told.push(done, all) },
    );
    assert.deepEqual(told.slice(-2), [1024, 1024]);
    assert.ok(told.length === 32 && told.every((count, i) => i < 2 || count >= told[i - 2]), 'it only rises');
    using key = engine.open(made.privateDer);
    await key.state!.prepare();
    assert.ok(verify(made.spki, text('a'), signOne(key, text('a'))));
  });

  test('H15: the nodes kept with the key are enough to go on after a restart', async () => {
    const made = await generate(1, 7, 2);
    assert.equal(cachedRootsLength(15), 32 * 32);
    assert.ok(made.privateDer.length > 1024 && made.privateDer.length < 1400);
    using key = engine.open(made.privateDer);
    await key.state!.prepare();
    // To the edge of the first subtree, and over it.
    const stored = key.state!.reserve(1023);
    assert.ok(verify(made.spki, text('first'), key.sign(Mechanism.HSS, text('first'))));
    using again = engine.open(stored);
    for (const name of ['last of a subtree', 'first of the next']) {
      await again.state!.prepare();
      assert.ok(verify(made.spki, text(name), signOne(again, text(name))));
    }
  });

  test('eight levels', async () => {
    const made = await generate(8, 5, 1);
    using key = engine.open(made.privateDer);
    assert.equal(key.state!.left, 2 ** 40);
    await key.state!.prepare();
    assert.ok(verify(made.spki, text('deep'), signOne(key, text('deep'))));
    using far = engine.open(key.state!.reserve(2 ** 40 - 2));
    assert.equal(far.state!.left, 1);
    assert.ok(verify(made.spki, text('the last'), signOne(far, text('the last'))));
    assert.equal(far.state!.left, 0);
    assert.throws(() => far.state!.reserve(1), { code: 'HAL_HASHSIG_KEY_EXHAUSTED' });
  });

  test('more signatures than a number can count are not miscounted', async () => {
    const made = await generate(4, 5, 1);
    const many = withParameters(made.privateDer, 8, 9);
    using key = engine.open(many);
    assert.equal(key.state!.left, Number.MAX_SAFE_INTEGER);
    assert.ok(key.state!.reserve(Number.MAX_SAFE_INTEGER).length > 0);
    assert.equal(key.state!.left, Number.MAX_SAFE_INTEGER);
  });
});

/** The same key with other levels and heights: its root is wrong, its state is not. */
function withParameters(der: Uint8Array, levels: number, lms: number): Uint8Array {
  const seed = new Uint8Array(32);
  const zeros = Array.from({ length: levels }, () => derElement(0x02, new Uint8Array(1)));
  const empty = Array.from({ length: levels }, () => derElement(0x04));
  const number = (value: number): Uint8Array => derElement(0x02, Uint8Array.of(value));
  const inner = derSequence(
    number(1),
    number(levels),
    number(lms),
    number(1),
    derElement(0x04, seed.subarray(16)),
    derElement(0x04, seed),
    derElement(0x04, seed),
    derSequence(...zeros),
    derSequence(...empty),
  );
  assert.ok(der.length > 0);
  return derSequence(number(0), derSequence(derElement(0x06, HASHSIG_OID)), derElement(0x04, inner));
}

/** The leaf of each level that a signature of H5 keys is by. */
function leavesOf(signature: Uint8Array): string {
  const levels = new DataView(signature.buffer, signature.byteOffset).getUint32(0) + 1;
  const lmots = lmotsParameters(new DataView(signature.buffer, signature.byteOffset).getUint32(8))!;
  const length = 4 + 4 + 32 + lmots.p * 32 + 4 + 5 * 32 + 56;
  return Array.from({ length: levels }, (_, i) => toHex(signature.subarray(4 + i * length, 8 + i * length))).join(' ');
}

describe('state', () => {
  test('nothing is signed that was not reserved, and what is reserved is taken from what is left', async () => {
    const made = await generate(1, 5, 1);
    using key = engine.open(made.privateDer);
    assert.throws(() => key.sign(Mechanism.HSS, text('a')), { code: 'HAL_ASSERTION_FAILED' });
    key.state!.reserve(2);
    assert.equal(key.state!.left, 32);
    key.sign(Mechanism.HSS, text('a'));
    key.sign(Mechanism.HSS, text('b'));
    assert.equal(key.state!.left, 30);
    assert.throws(() => key.sign(Mechanism.HSS, text('c')), { code: 'HAL_ASSERTION_FAILED' });
    for (const count of [0, -1, 1.5, Number.NaN, Infinity])
      assert.throws(() => key.state!.reserve(count), { code: 'HAL_BAD_ARGUMENTS' });
  });

  test('no leaf signs twice over a thousand restarts at any instant', async () => {
    const made = await generate(2, 5, 1);
    let stored = made.privateDer;
    const used = new Set<string>();
    let restarts = 0;
    for (; ; restarts++) {
      using key = engine.open(stored);
      const wanted = 1 + (restarts % 5);
      if (key.state!.left < wanted) break;
      stored = key.state!.reserve(wanted);
      // It dies before all that was reserved is used.
      for (let i = 0; i < restarts % (wanted + 1); i++) {
        const leaves = leavesOf(key.sign(Mechanism.HSS, text('x')));
        assert.ok(!used.has(leaves), `leaf ${leaves} signed twice`);
        used.add(leaves);
      }
    }
    assert.ok(restarts > 300 && used.size > 300);
  });

  test('it holds a copy: the octets it was opened from may be cleared', async () => {
    const made = await generate(2, 5, 1);
    const der = Buffer.from(made.privateDer);
    using key = engine.open(der);
    der.fill(0);
    const stored = Buffer.from(key.state!.reserve(40));
    assert.ok(verify(made.spki, text('a'), key.sign(Mechanism.HSS, text('a'))));
    using again = engine.open(stored);
    stored.fill(0);
    assert.ok(verify(made.spki, text('b'), signOne(again, text('b'))));
  });

  test('a used-up key says so, before and after a restart', async () => {
    const made = await generate(1, 5, 1);
    using key = engine.open(made.privateDer);
    const stored = key.state!.reserve(32);
    for (let i = 0; i < 32; i++) assert.ok(verify(made.spki, text(`${i}`), key.sign(Mechanism.HSS, text(`${i}`))));
    assert.equal(key.state!.left, 0);
    assert.throws(() => key.sign(Mechanism.HSS, text('more')), { code: 'HAL_HASHSIG_KEY_EXHAUSTED' });
    using again = engine.open(stored);
    await again.state!.prepare();
    assert.equal(again.state!.left, 0);
    assert.throws(() => again.state!.reserve(1), { code: 'HAL_HASHSIG_KEY_EXHAUSTED' });
    assert.equal(toHex(engine.inspect(stored).spki), toHex(made.spki));
  });

  test('the root of a lower tree is signed in the same way again after a restart', async () => {
    const made = await generate(2, 5, 4);
    using key = engine.open(made.privateDer);
    const stored = key.state!.reserve(1);
    const before = key.sign(Mechanism.HSS, text('a'));
    using again = engine.open(stored);
    const after = signOne(again, text('b'));
    const length = 4 + 4 + 4 + 32 + 34 * 32 + 4 + 5 * 32 + 56;
    assert.equal(toHex(after.subarray(0, length)), toHex(before.subarray(0, length)));
  });

  test('a key that was let go signs nothing', async () => {
    const made = await generate(1, 5, 1);
    const key = engine.open(made.privateDer);
    key.state!.reserve(1);
    key[Symbol.dispose]();
    assert.throws(() => key.sign(Mechanism.HSS, text('a')), { code: 'HAL_HASHSIG_KEY_EXHAUSTED' });
    assert.throws(() => key.decryptKey(new Uint8Array(128), 32), { code: 'HAL_UNSUPPORTED_KEY' });
  });

  test('a seed that does not lead to the public key gives no signature', async () => {
    const made = await generate(1, 5, 1);
    const der = made.privateDer.slice();
    const seedAt = der.length - 2 - 5 - 34 - 32;
    der[seedAt] ^= 1;
    using key = engine.open(der);
    key.state!.reserve(1);
    assert.throws(() => key.sign(Mechanism.HSS, text('a')), { code: 'HAL_UNSUPPORTED_KEY' });
  });

  test('only the mechanism HSS', async () => {
    const made = await generate(1, 5, 1);
    using key = engine.open(made.privateDer);
    key.state!.reserve(1);
    assert.throws(() => key.sign(Mechanism.ECDSA, text('a')), { code: 'HAL_UNSUPPORTED_KEY' });
    assert.throws(() => engine.verify(made.spki, Mechanism.ECDSA, text('a'), text('a')), {
      code: 'HAL_UNSUPPORTED_KEY',
    });
  });

  test('generation can be given up', async () => {
    const stop = new AbortController();
    const spec = { kind: 'hashsig', levels: 1, lms: 7, lmots: 1, flags: 0 } as const;
    const made = engine.generate(spec, { progress: () => stop.abort(), signal: stop.signal });
    await assert.rejects(made, { name: 'AbortError' });
  });
});

describe('a second implementation, by the letter of RFC 8554', () => {
  /** Algorithms 0, 1 and appendix A, with w = 4 and p = 67. */
  function lmotsPublicKey(id: Uint8Array, q: number, seed: Uint8Array): Uint8Array {
    const h = (...parts: readonly Uint8Array[]): Uint8Array =>
      createHash('sha256').update(Buffer.concat(parts)).digest();
    const ends = Array.from({ length: 67 }, (_, i) => {
      const chain = Uint8Array.of(i >> 8, i);
      let value = h(id, uint32(q), chain, Uint8Array.of(0xff), seed);
      for (let j = 0; j < 15; j++) value = h(id, uint32(q), chain, Uint8Array.of(j), value);
      return value;
    });
    return h(id, uint32(q), Uint8Array.of(0x80, 0x80), ...ends);
  }

  test('leaves and nodes of a tree of H5 and W4', () => {
    const id = new Uint8Array(16).map((_, i) => i);
    const seed = new Uint8Array(32).map((_, i) => 200 - i);
    const nodes = new Uint8Array(64 * 32);
    native.hashsigSubtree(id, seed, 4, 5, 5, 0, nodes);
    const h = (r: number, kind: number, ...parts: readonly Uint8Array[]): string =>
      createHash('sha256')
        .update(Buffer.concat([id, uint32(r), Uint8Array.of(kind, kind), ...parts]))
        .digest('hex');
    const node = (r: number): Uint8Array => nodes.subarray(r * 32, r * 32 + 32);
    for (let q = 0; q < 32; q++) assert.equal(toHex(node(32 + q)), h(32 + q, 0x82, lmotsPublicKey(id, q, seed)));
    for (let r = 1; r < 32; r++) assert.equal(toHex(node(r)), h(r, 0x83, node(2 * r), node(2 * r + 1)));
    // A part of the tree has the same nodes.
    const part = new Uint8Array(8 * 32);
    native.hashsigSubtree(id, seed, 4, 5, 2, 20, part);
    assert.equal(toHex(part.subarray(32, 64)), toHex(node(8 + 5)));
    assert.equal(toHex(part.subarray(4 * 32)), toHex(nodes.subarray((32 + 20) * 32, (32 + 24) * 32)));
  });
});
