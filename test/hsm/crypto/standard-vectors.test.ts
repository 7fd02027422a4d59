import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { concatOctets, fromHex, toHex } from '../../../src/base/octets.ts';
import { Curve, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { builtEngine } from './built-engine.ts';

const engine = builtEngine();
const octets = (hex: string): Uint8Array => fromHex(hex.replaceAll(' ', '').toLowerCase())!;

/** The DER before a point, and before a scalar in an ECPrivateKey that states no public part. */
const CURVES = {
  p256: {
    curve: Curve.P256,
    spki: '3059301306072a8648ce3d020106082a8648ce3d03010703420004',
    pkcs8: '3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420',
    order: 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  },
  p384: {
    curve: Curve.P384,
    spki: '3076301006072a8648ce3d020106052b8104002203620004',
    pkcs8: '304e020100301006072a8648ce3d020106052b81040022043730350201010430',
    order: 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  },
  p521: {
    curve: Curve.P521,
    spki: '30819b301006072a8648ce3d020106052b810400230381860004',
    pkcs8: '3060020100301006072a8648ce3d020106052b81040023044930470201010442',
    order: `01${'ff'.repeat(32)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  },
} as const;
type CurveName = keyof typeof CURVES;

/** RFC 6979 appendix A.2: a key, and signatures of "sample" and "test". */
const KEYS: Record<
  CurveName,
  { x: string; point: string; vectors: readonly (readonly [string, string, string, string])[] }
> = {
  p256: {
    x: 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721',
    point:
      '60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6 7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299',
    vectors: [
      ['sha1', 'sample', '61340C88C3AAEBEB4F6D667F672CA9759A6CCAA9FA8811313039EE4A35471D32', '6D7F147DAC089441BB2E2FE8F7A3FA264B9C475098FDCF6E00D7C996E1B8B7EB'], // prettier-ignore
      ['sha256', 'sample', 'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716', 'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8'], // prettier-ignore
      ['sha384', 'sample', '0EAFEA039B20E9B42309FB1D89E213057CBF973DC0CFC8F129EDDDC800EF7719', '4861F0491E6998B9455193E34E7B0D284DDD7149A74B95B9261F13ABDE940954'], // prettier-ignore
      ['sha512', 'sample', '8496A60B5E9B47C825488827E0495B0E3FA109EC4568FD3F8D1097678EB97F00', '2362AB1ADBE2B8ADF9CB9EDAB740EA6049C028114F2460F96554F61FAE3302FE'], // prettier-ignore
      ['sha256', 'test', 'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367', '019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083'], // prettier-ignore
    ],
  },
  p384: {
    x: '6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5',
    point:
      'EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13 8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720',
    vectors: [
      ['sha384', 'sample', '94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46', '99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8'], // prettier-ignore
    ],
  },
  p521: {
    x: '00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538',
    point:
      '01894550D0785932E00EAA23B694F213F8C3121F86DC97A04E5A7167DB4E5BCD371123D46E45DB6B5D5370A7F20FB633155D38FFA16D2BD761DCAC474B9A2F5023A4 00493101C962CD4D2FDDF782285E64584139C2F91B47F87FF82354D6630F746A28A0DB25741B5B34A828008B22ACC23F924FAAFBD4D33F81EA66956DFEAA2BFDFCF5',
    vectors: [
      ['sha512', 'sample', '00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA', '00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A'], // prettier-ignore
    ],
  },
};

const names = Object.keys(CURVES) as CurveName[];
const spkiOf = (name: CurveName): Uint8Array => concatOctets([octets(CURVES[name].spki), octets(KEYS[name].point)]);

describe('RFC 6979 appendix A.2', () => {
  for (const name of names)
    for (const [hash, message, r, s] of KEYS[name].vectors)
      test(`${name}, ${hash}, "${message}" is valid`, () => {
        const digest = createHash(hash).update(message).digest();
        const signature = octets(r + s);
        assert.ok(engine.verify(spkiOf(name), Mechanism.ECDSA, digest, signature));
        digest[0] ^= 1;
        assert.equal(engine.verify(spkiOf(name), Mechanism.ECDSA, digest, signature), false);
      });

  for (const name of names)
    test(`${name}: a private key without its public part leads to it`, () => {
      const pkcs8 = concatOctets([octets(CURVES[name].pkcs8), octets(KEYS[name].x)]);
      const inspected = engine.inspect(pkcs8);
      assert.equal(inspected.curve, CURVES[name].curve);
      assert.equal(toHex(inspected.spki), toHex(spkiOf(name)));
      using key = engine.open(pkcs8);
      const signature = key.sign(Mechanism.ECDSA, new Uint8Array(32).fill(3));
      assert.ok(engine.verify(spkiOf(name), Mechanism.ECDSA, new Uint8Array(32).fill(3), signature));
    });
});

describe('ECDSA signatures at the edges (SEC 1 section 4.1.4)', () => {
  for (const name of names) {
    const size = CURVES[name].order.length / 2;
    const n = BigInt(`0x${CURVES[name].order}`);
    const number = (value: bigint): Uint8Array => octets(value.toString(16).padStart(size * 2, '0'));
    const [hash, message, r, s] = KEYS[name].vectors[0];
    const digest = createHash(hash).update(message).digest();
    const [R, S] = [BigInt(`0x${r}`), BigInt(`0x${s}`)];
    const isValid = (first: bigint, second: bigint): boolean =>
      engine.verify(spkiOf(name), Mechanism.ECDSA, digest, concatOctets([number(first), number(second)]));

    test(`${name}: r and s are from 1 to n - 1`, () => {
      const most = 2n ** BigInt(size * 8) - 1n;
      assert.ok(isValid(R, S));
      assert.ok(isValid(R, n - S), 'the negative s is valid, too: DNSSEC does not forbid it');
      for (const [first, second] of [
        [0n, S],
        [R, 0n],
        [0n, 0n],
        [n, S],
        [R, n],
        [n, n],
        [1n, 1n],
        [1n, 0n],
        [0n, 1n],
        [most, S],
        [R, most],
        [n - R, S],
        [S, R],
        [R, 1n],
        [R, n - 1n],
        [n - 1n, n - 1n],
      ] as const)
        // prettier-ignore
        assert.equal(isValid(first, second), false, `${first} ${second}`);
      if (R + n <= most) assert.equal(isValid(R + n, S), false, 'r + n');
      if (S + n <= most) assert.equal(isValid(R, S + n), false, 's + n');
    });

    test(`${name}: a signature in DER or of another length is not valid`, () => {
      const plain = concatOctets([number(R), number(S)]);
      const der = concatOctets([octets(`30${(2 * size + 4).toString(16)}02${size.toString(16)}`), number(R), octets(`02${size.toString(16)}`), number(S)]); // prettier-ignore
      for (const other of [
        der,
        plain.subarray(1),
        concatOctets([plain, plain]),
        concatOctets([new Uint8Array(2), plain]),
      ])
        assert.equal(engine.verify(spkiOf(name), Mechanism.ECDSA, digest, other), false);
    });

    test(`${name}: scalars 0, n and above are refused; n - 1 is one`, () => {
      const pkcs8 = (scalar: bigint): Uint8Array => concatOctets([octets(CURVES[name].pkcs8), number(scalar)]);
      assert.equal(engine.inspect(pkcs8(n - 1n)).curve, CURVES[name].curve);
      assert.equal(engine.inspect(pkcs8(1n)).curve, CURVES[name].curve);
      for (const scalar of [0n, n, n + 1n, 2n ** BigInt(size * 8) - 1n])
        assert.throws(() => engine.inspect(pkcs8(scalar)), { code: 'HAL_KEY_NOT_ON_CURVE' }, String(scalar));
    });

    test(`${name}: points that are not on the curve are refused`, () => {
      const spki = spkiOf(name);
      const points = [1, size, size + 1, 2 * size].map((fromEnd) => {
        const changed = spki.slice();
        changed[changed.length - fromEnd] ^= 1;
        return changed;
      });
      points.push(spki.slice().fill(0, spki.length - 2 * size), spki.slice().fill(0xff, spki.length - 2 * size));
      for (const changed of points) {
        assert.throws(() => engine.inspect(changed), { code: 'HAL_KEY_NOT_ON_CURVE' });
        assert.throws(() => engine.verify(changed, Mechanism.ECDSA, digest, new Uint8Array(2 * size)), { code: 'HAL_KEY_NOT_ON_CURVE' }); // prettier-ignore
      }
    });
  }
});

describe('RFC 8032 section 7', () => {
  const vectors = [
    {
      name: 'Ed25519, test 1',
      pkcs8: '302e020100300506032b657004220420',
      spki: '302a300506032b6570032100',
      secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature:
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    },
    {
      name: 'Ed25519, test 2',
      pkcs8: '302e020100300506032b657004220420',
      spki: '302a300506032b6570032100',
      secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature:
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    },
    {
      name: 'Ed448, blank',
      pkcs8: '3047020100300506032b6571043b0439',
      spki: '3043300506032b6571033a00',
      secret:
        '6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b',
      key: '5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180',
      message: '',
      signature:
        '533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600',
    },
  ];
  for (const { name, pkcs8, spki, secret, key, message, signature } of vectors)
    test(name, () => {
      const publicKey = octets(spki + key);
      using opened = engine.open(octets(pkcs8 + secret));
      assert.equal(toHex(engine.inspect(octets(pkcs8 + secret)).spki), toHex(publicKey));
      assert.equal(toHex(opened.sign(Mechanism.EDDSA, octets(message))), signature);
      assert.ok(engine.verify(publicKey, Mechanism.EDDSA, octets(message), octets(signature)));
    });

  test('S of L and above is not valid (section 5.1.7)', () => {
    const { spki, key, message, signature } = vectors[0];
    const L = 2n ** 252n + 27742317777372353535851937790883648493n;
    const r = signature.slice(0, 64);
    const littleEndian = (hex: string): string => hex.match(/../g)!.reverse().join('');
    const S = BigInt(`0x${littleEndian(signature.slice(64))}`);
    const malleable = r + littleEndian((S + L).toString(16).padStart(64, '0'));
    assert.equal(engine.verify(octets(spki + key), Mechanism.EDDSA, octets(message), octets(malleable)), false);
  });
});

describe('RSA signatures at the edges (RFC 8017 section 8.2.2)', async () => {
  const made = await engine.generate({ kind: 'rsa', bits: 1024, exponent: Uint8Array.of(1, 0, 1), flags: 0 });
  const { constants, createPrivateKey, privateEncrypt } = await import('node:crypto');
  const privateKey = createPrivateKey({ key: Buffer.from(made.privateDer), format: 'der', type: 'pkcs8' });
  const info = octets('3031300d060960864801650304020105000420' + '11'.repeat(32));
  const isValid = (em: Uint8Array): boolean =>
    engine.verify(
      made.spki,
      Mechanism.RSA_PKCS,
      info,
      privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, em),
    );
  /** 00 || type || PS || 00 || rest, in 128 octets. */
  const encode = (type: number, fill: number, rest: Uint8Array, padding = 125 - rest.length): Uint8Array => {
    const em = new Uint8Array(128);
    em[1] = type;
    em.fill(fill, 2, 2 + padding);
    em.set(rest, 3 + padding);
    return em;
  };

  test('only the one right encoding is valid', () => {
    assert.ok(isValid(encode(1, 0xff, info)));
    assert.equal(isValid(encode(2, 0xff, info)), false, 'type 2');
    assert.equal(isValid(encode(1, 0xfe, info)), false, 'other padding');
    assert.equal(isValid(encode(1, 0xff, info, 8)), false, 'short padding, octets behind the digest');
    assert.equal(isValid(encode(1, 0xff, concatOctets([info, Uint8Array.of(0)]))), false, 'an octet more');
    assert.equal(
      isValid(encode(1, 0xff, octets('302f300b06096086480165030402010420' + '11'.repeat(32)))),
      false,
      'NULL left out',
    );
    assert.equal(isValid(encode(1, 0xff, octets('11'.repeat(32)))), false, 'the digest alone');
    assert.equal(isValid(new Uint8Array(128)), false, 'nothing');
  });

  test('a signature that is not below the modulus is not valid', () => {
    assert.equal(engine.verify(made.spki, Mechanism.RSA_PKCS, info, new Uint8Array(128).fill(0xff)), false);
  });
});
