import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { test } from 'node:test';
import type { CryptoDevice, KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { Curve, DEFAULT_WHEEL_PIN, KeyFlag, KeyType, Mechanism, type Role } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import {
  ec,
  ed,
  logIn,
  MASTER_KEY,
  NOBODY,
  OTHER_MASTER_KEY,
  pin,
  query,
  refusedWith,
  SO,
  setUp,
  TOKEN_KEY,
  USER,
  uuid,
  WHEEL,
} from './bench-device.ts';

/** What the suite needs of a place where devices run. Devices are as new: nothing was set, the tamper circuit is quiet. */
export interface DevicePlace extends AsyncDisposable {
  readonly device: CryptoDevice;
  /** A second one, for mirroring and backups: started now. */
  other(): Promise<CryptoDevice>;
  /** Ends the device, its watchdog not, and starts it anew with the same keystore. */
  restart(): Promise<void>;
  raiseTamper(): Promise<void>;
  resetTamper(): Promise<void>;
}

const DIGEST = crypto.createHash('sha256').update('digest').digest();
const DIGEST_INFO = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), DIGEST]);
const LABEL = 0x0003;
const ID = 0x0102;
const CLASS = 0x0000;

/** What every implementation of CryptoDevice must do. Call it inside a `describe`. */
export function cryptoDeviceSuite(make: () => Promise<DevicePlace>): void {
  const on = (name: string, check: (device: CryptoDevice, place: DevicePlace) => Promise<void>): void => {
    test(name, async () => {
      await using place = await make();
      await check(place.device, place);
    });
  };
  /** The same with PINs and master key set and all roles logged in. */
  const ready = (name: string, check: (device: CryptoDevice, place: DevicePlace) => Promise<void>): void =>
    on(name, async (device, place) => {
      await setUp(device);
      await check(device, place);
    });

  on('S-395, S-396 a new device knows the default wheel PIN, until it is changed', async (device) => {
    assert.equal((await device.getStatus()).hasDefaultPin, true);
    await device.login(WHEEL, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    assert.equal(await device.roleOf(WHEEL), 'wheel');
    await device.setPin(WHEEL, 0, 'wheel', pin('new wheel pin'));
    assert.equal((await device.getStatus()).hasDefaultPin, false);
    await assert.rejects(
      device.login(NOBODY, 0, 'wheel', pin(DEFAULT_WHEEL_PIN)),
      refusedWith(HalStatus.PIN_INCORRECT),
    );
    assert.equal(await device.roleOf(NOBODY), undefined);
    await device.login(NOBODY, 0, 'wheel', pin('new wheel pin'));
  });

  on('S-404 so and user have no PIN before wheel sets it: the refusal says so', async (device) => {
    for (const role of ['so', 'user'] as const)
      await assert.rejects(
        device.login(NOBODY, 0, role, pin('any pin at all')),
        refusedWith(HalStatus.FORBIDDEN, /PIN not initialised/),
      );
  });

  on('PINs have 4 to 4096 octets, and are cleared when they were used', async (device) => {
    await assert.rejects(device.login(NOBODY, 0, 'wheel', pin('abc')), refusedWith(HalStatus.BAD_ARGUMENTS));
    await assert.rejects(device.login(NOBODY, 0, 'wheel', Buffer.alloc(4097, 1)), refusedWith(HalStatus.BAD_ARGUMENTS));
    await device.login(WHEEL, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    for (const octets of [3, 4097])
      await assert.rejects(
        device.setPin(WHEEL, 0, 'so', Buffer.alloc(octets, 1)),
        refusedWith(HalStatus.BAD_ARGUMENTS),
      );
    const binary = Uint8Array.of(0, 1, 2, 255);
    await device.setPin(WHEEL, 0, 'so', Uint8Array.from(binary));
    await device.login(SO, 0, 'so', Uint8Array.from(binary));
    const used = Uint8Array.from(binary);
    await device.login(SO, 0, 'so', used);
    assert.deepEqual([...used], [0, 0, 0, 0]);
  });

  ready('S-357, S-362, S-363 who may set whose PIN', async (device) => {
    const allowed: Readonly<Record<string, readonly Role[]>> = {
      wheel: ['wheel', 'so', 'user'],
      so: ['user'],
      user: [],
      nobody: [],
    };
    const clients = { wheel: WHEEL, so: SO, user: USER, nobody: NOBODY };
    for (const [by, client] of Object.entries(clients))
      for (const role of ['user', 'so', 'wheel'] as const) {
        const setting = device.setPin(client, 0, role, pin(`${role} pin`));
        if (allowed[by].includes(role)) await setting;
        else await assert.rejects(setting, refusedWith(HalStatus.FORBIDDEN), `${by} sets the PIN of ${role}`);
      }
    await device.setPin(SO, 0, 'user', pin('user by so'));
    await assert.rejects(device.login(NOBODY, 0, 'user', pin('user pin')), refusedWith(HalStatus.PIN_INCORRECT));
    await device.login(NOBODY, 0, 'user', pin('user by so'));
  });

  ready('S-364 the PIN of another role opens nothing; a login replaces the one before', async (device) => {
    for (const role of ['so pin', 'wheel pin'])
      await assert.rejects(device.login(NOBODY, 0, 'user', pin(role)), refusedWith(HalStatus.PIN_INCORRECT));
    await device.login(NOBODY, 0, 'so', pin('so pin'));
    await device.login(NOBODY, 0, 'user', pin('user pin'));
    assert.equal(await device.roleOf(NOBODY), 'user');
    await assert.rejects(device.login(NOBODY, 0, 'so', pin('wrong pin')), refusedWith(HalStatus.PIN_INCORRECT));
    assert.equal(await device.roleOf(NOBODY), 'user', 'a login that fails changes nothing');
    await device.logout(NOBODY);
    assert.equal(await device.roleOf(NOBODY), undefined);
    await device.logout(NOBODY);
  });

  ready('who leaves while its PIN is checked is not logged in', async (device) => {
    const { logins } = await device.getStatus();
    const late = device.login(NOBODY, 0, 'user', pin('user pin'));
    await Promise.all([device.logout(NOBODY), assert.rejects(late, refusedWith(HalStatus.FORBIDDEN))]);
    assert.equal(await device.roleOf(NOBODY), undefined);
    assert.equal((await device.getStatus()).logins, logins);
  });

  ready('S-357 keys are for user and wheel: who may make, see, use and delete them', async (device) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ec());
    for (const [client, may] of [
      [USER, true],
      [WHEEL, true],
      [SO, false],
      [NOBODY, false],
    ] as const) {
      const attempts = [
        () => device.generateKey(client, uuid(), 0, ed()),
        () => device.openKey(client, key),
        () => device.getPublicKey(client, key),
        () => device.sign(client, key, Mechanism.ECDSA, DIGEST),
        () => device.setAttributes(client, key, [{ type: LABEL, value: Buffer.from('x') }]),
        () => device.getAttributes(client, key, [LABEL]),
        () => device.listAttributes(client, key),
      ];
      for (const attempt of attempts)
        if (may) await attempt();
        else await assert.rejects(attempt(), refusedWith(HalStatus.FORBIDDEN));
      assert.equal((await device.matchKeys(client, 0, query())).length > 0, may);
      // Whether a key is there is no business of those who may not see keys.
      if (!may) await assert.rejects(device.openKey(client, uuid()), refusedWith(HalStatus.FORBIDDEN));
      else await assert.rejects(device.openKey(client, uuid()), refusedWith(HalStatus.KEY_NOT_FOUND));
    }
    await assert.rejects(device.deleteKey(SO, key), refusedWith(HalStatus.FORBIDDEN));
    await device.deleteKey(USER, key);
    await assert.rejects(device.openKey(USER, key), refusedWith(HalStatus.KEY_NOT_FOUND));
    await assert.rejects(device.deleteKey(USER, key), refusedWith(HalStatus.KEY_NOT_FOUND));
  });

  ready(
    'objects that are PUBLIC and not TOKEN need no login; those that are TOKEN can be seen without',
    async (device) => {
      const flags = KeyFlag.PUBLIC | KeyFlag.DIGITAL_SIGNATURE;
      const [mine, token] = [uuid(), uuid()];
      await device.generateKey(NOBODY, mine, 0, ed(flags));
      await device.sign(NOBODY, mine, Mechanism.EDDSA, DIGEST);
      await device.setAttributes(NOBODY, mine, [{ type: LABEL, value: Buffer.from('mine') }]);
      await assert.rejects(
        device.generateKey(NOBODY, token, 0, ed(flags | KeyFlag.TOKEN)),
        refusedWith(HalStatus.FORBIDDEN),
      );
      await device.generateKey(USER, token, 0, ed(flags | KeyFlag.TOKEN));
      const hidden = uuid();
      await device.generateKey(USER, hidden, 0, ed());
      assert.deepEqual([...(await device.matchKeys(NOBODY, 0, query()))].sort(), [mine, token].sort());
      const other = 77;
      assert.deepEqual(await device.matchKeys(other, 0, query()), [token], "another connection's own are not seen");
      assert.equal((await device.getPublicKey(NOBODY, token)).length > 0, true);
      await assert.rejects(device.sign(NOBODY, token, Mechanism.EDDSA, DIGEST), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.deleteKey(NOBODY, token), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.openKey(other, mine), refusedWith(HalStatus.FORBIDDEN));
      await device.deleteKey(NOBODY, mine);
      assert.equal((await device.getStatus()).volatileKeys, 0);
    },
  );

  ready('volatile keys belong to the connection that made them, and go with it', async (device) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ed(KeyFlag.DIGITAL_SIGNATURE));
    const second = 78;
    await device.login(second, 0, 'user', pin('user pin'));
    await assert.rejects(device.openKey(second, key), refusedWith(HalStatus.KEY_NOT_FOUND));
    assert.deepEqual(await device.matchKeys(second, 0, query()), []);
    assert.deepEqual(await device.matchKeys(USER, 0, query()), [key]);
    assert.deepEqual(await device.matchKeys(WHEEL, 0, query()), [key], 'wheel sees them all');
    await device.sign(USER, key, Mechanism.EDDSA, DIGEST);
    await device.logout(USER);
    await device.login(USER, 0, 'user', pin('user pin'));
    await assert.rejects(device.openKey(USER, key), refusedWith(HalStatus.KEY_NOT_FOUND));
    assert.equal((await device.getStatus()).volatileKeys, 0);
  });

  const kinds: readonly (readonly [string, KeySpec, Mechanism, Uint8Array, KeyType, Curve])[] = [
    [
      'RSA 1024',
      { kind: 'rsa', bits: 1024, exponent: Uint8Array.of(1, 0, 1), flags: TOKEN_KEY },
      Mechanism.RSA_PKCS,
      DIGEST_INFO,
      KeyType.RSA_PRIVATE,
      Curve.NONE,
    ],
    ['P-256', ec(), Mechanism.ECDSA, DIGEST, KeyType.EC_PRIVATE, Curve.P256],
    [
      'P-384',
      { kind: 'ec', curve: Curve.P384, flags: TOKEN_KEY },
      Mechanism.ECDSA,
      DIGEST,
      KeyType.EC_PRIVATE,
      Curve.P384,
    ],
    [
      'P-521',
      { kind: 'ec', curve: Curve.P521, flags: TOKEN_KEY },
      Mechanism.ECDSA,
      DIGEST,
      KeyType.EC_PRIVATE,
      Curve.P521,
    ],
    ['Ed25519', ed(), Mechanism.EDDSA, DIGEST, KeyType.ED_PRIVATE, Curve.ED25519],
    [
      'Ed448',
      { kind: 'ec', curve: Curve.ED448, flags: TOKEN_KEY },
      Mechanism.EDDSA,
      DIGEST,
      KeyType.ED_PRIVATE,
      Curve.ED448,
    ],
  ];
  ready(
    'S-337, S-343, S-344 keys of every kind are made, sign and verify, and do so after a restart',
    async (device, place) => {
      const made: string[] = [];
      for (const [, spec, mechanism, data, type, curve] of kinds) {
        const key = uuid();
        made.push(key);
        assert.deepEqual(await device.generateKey(USER, key, 0, spec), {
          uuid: key,
          partition: 0,
          type,
          curve,
          flags: TOKEN_KEY,
        });
        const signature = await device.sign(USER, key, mechanism, data);
        await device.verify(USER, key, mechanism, data, signature);
        signature[signature.length >> 1] ^= 1;
        await assert.rejects(
          device.verify(USER, key, mechanism, data, signature),
          refusedWith(HalStatus.INVALID_SIGNATURE),
        );
      }
      const before = await Promise.all(made.map((key) => device.getPublicKey(USER, key)));
      await place.restart();
      await assert.rejects(place.device.openKey(USER, made[0]), refusedWith(HalStatus.FORBIDDEN), 'logins are gone');
      await logIn(place.device);
      for (const [i, [name, , mechanism, data, type, curve]] of kinds.entries()) {
        const info = await place.device.openKey(USER, made[i]);
        assert.deepEqual([info.type, info.curve, info.flags], [type, curve, TOKEN_KEY], name);
        assert.deepEqual(await place.device.getPublicKey(USER, made[i]), before[i]);
        await place.device.verify(
          USER,
          made[i],
          mechanism,
          data,
          await place.device.sign(USER, made[i], mechanism, data),
        );
      }
      assert.equal((await place.device.getStatus()).tokenKeys, kinds.length);
    },
  );

  ready('keys are loaded from PKCS#8 and SubjectPublicKeyInfo; what is neither is refused', async (device) => {
    const pair = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const [priv, pub, data] = [uuid(), uuid(), uuid()];
    const loaded = await device.loadKey(
      USER,
      priv,
      0,
      pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
      TOKEN_KEY,
    );
    assert.equal(loaded.type, KeyType.EC_PRIVATE);
    const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
    assert.equal((await device.loadKey(USER, pub, 0, spki, TOKEN_KEY)).type, KeyType.EC_PUBLIC);
    assert.deepEqual(Buffer.from(await device.getPublicKey(USER, priv)), spki);
    const signature = await device.sign(USER, priv, Mechanism.ECDSA, DIGEST);
    await device.verify(USER, pub, Mechanism.ECDSA, DIGEST, signature);
    await assert.rejects(device.sign(USER, pub, Mechanism.ECDSA, DIGEST), refusedWith(HalStatus.UNSUPPORTED_KEY));
    await assert.rejects(
      device.loadKey(USER, uuid(), 0, Buffer.from('not DER'), TOKEN_KEY),
      refusedWith(HalStatus.ASN1_PARSE_FAILED),
    );
    await assert.rejects(
      device.loadKey(USER, uuid(), 0, spki, TOKEN_KEY, KeyType.RSA_PUBLIC),
      refusedWith(HalStatus.BAD_ARGUMENTS),
    );
    await device.loadKey(USER, data, 0, Buffer.from('a certificate'), KeyFlag.TOKEN, KeyType.DATA);
    const [value] = await device.getAttributes(USER, data, [0x11]);
    assert.equal(Buffer.from(value.value).toString(), 'a certificate');
    await assert.rejects(device.getPublicKey(USER, data), refusedWith(HalStatus.UNSUPPORTED_KEY));
    await assert.rejects(
      device.loadKey(USER, uuid(), 0, new Uint8Array(0), KeyFlag.TOKEN, KeyType.DATA),
      refusedWith(HalStatus.BAD_ARGUMENTS),
    );
  });

  ready('bad names, flags and partitions are refused, and nothing is made', async (device) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ed());
    await assert.rejects(device.generateKey(USER, key, 0, ed()), refusedWith(HalStatus.KEY_NAME_IN_USE));
    await assert.rejects(device.generateKey(USER, 'no-uuid', 0, ed()), refusedWith(HalStatus.BAD_ARGUMENTS));
    await assert.rejects(device.generateKey(USER, uuid(), 0, ed(0x40)), refusedWith(HalStatus.BAD_ARGUMENTS));
    await assert.rejects(device.generateKey(USER, uuid(), 5, ed()), refusedWith(HalStatus.BAD_ARGUMENTS));
    await assert.rejects(device.generateKey(USER, uuid(), 0, { kind: 'ec', curve: Curve.NONE, flags: TOKEN_KEY }));
    assert.deepEqual(await device.matchKeys(USER, 0, query()), [key]);
  });

  ready('a key without the flag for signatures does not sign, nor verify', async (device) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ed(KeyFlag.TOKEN));
    await assert.rejects(device.sign(USER, key, Mechanism.EDDSA, DIGEST), refusedWith(HalStatus.FORBIDDEN));
    await assert.rejects(
      device.verify(USER, key, Mechanism.EDDSA, DIGEST, new Uint8Array(64)),
      refusedWith(HalStatus.FORBIDDEN),
    );
  });

  ready('attributes are kept octet for octet, change, go, and are limited', async (device, place) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ec());
    const odd = Uint8Array.from({ length: 256 }, (_, i) => i);
    await device.setAttributes(USER, key, [
      { type: LABEL, value: Buffer.from('a label') },
      { type: ID, value: odd },
      { type: 0x80001234, value: new Uint8Array(0) },
    ]);
    await device.setAttributes(USER, key, [
      { type: LABEL, value: Buffer.from('another') },
      { type: 0x80001234, value: undefined },
      { type: 0x12, value: undefined },
      { type: CLASS, value: Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0) },
    ]);
    const expected = [
      { type: LABEL, value: Buffer.from('another') },
      { type: ID, value: Buffer.from(odd) },
      { type: CLASS, value: Buffer.of(3, 0, 0, 0, 0, 0, 0, 0) },
    ];
    const sorted = (list: readonly { type: number; value: Uint8Array }[]): unknown[] =>
      list.map(({ type, value }) => ({ type, value: Buffer.from(value) })).sort((a, b) => a.type - b.type);
    assert.deepEqual(sorted(await device.listAttributes(USER, key)), sorted(expected));
    assert.deepEqual(
      sorted(await device.getAttributes(USER, key, [ID, 0x12])),
      [expected[1]],
      'what is missing is left out',
    );
    const large = (octets: number): Promise<void> =>
      device.setAttributes(USER, key, [{ type: 0x1000, value: new Uint8Array(octets) }]);
    await assert.rejects(large(65_536), refusedWith(HalStatus.RESULT_TOO_LONG));
    await large(60_000);
    await place.restart();
    await logIn(place.device);
    assert.equal((await place.device.listAttributes(USER, key)).length, 4);
  });

  ready('the public half can be read on a private key: modulus, exponent, curve, point', async (device) => {
    const [rsa, p256] = [uuid(), uuid()];
    await device.generateKey(USER, rsa, 0, kinds[0][1]);
    await device.generateKey(USER, p256, 0, ec());
    const spki = Buffer.from(await device.getPublicKey(USER, rsa));
    const { n } = crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ format: 'jwk' });
    const found = await device.getAttributes(USER, rsa, [0x120, 0x122, 0x129, 0x180]);
    assert.deepEqual(
      found.map(({ type, value }) => [type, Buffer.from(value).toString('hex')]),
      [
        [0x120, Buffer.from(n ?? '', 'base64url').toString('hex')],
        [0x122, '010001'],
        [0x129, spki.toString('hex')],
      ],
    );
    const [params, point] = await device.getAttributes(USER, p256, [0x180, 0x181]);
    assert.equal(Buffer.from(params.value).toString('hex'), '06082a8648ce3d030107');
    assert.equal(Buffer.from(point.value).toString('hex').slice(0, 6), '044104');
    assert.deepEqual(await device.matchKeys(USER, 0, query({ attributes: [point] })), [p256]);
    assert.deepEqual(await device.matchKeys(USER, 0, query({ attributes: [found[0]] })), [rsa]);
  });

  ready('matches: by type, curve, flags and attributes, in UUID order, page by page', async (device) => {
    const all: string[] = [];
    for (let i = 0; i < 20; i++) {
      const key = uuid();
      all.push(key);
      await device.generateKey(USER, key, 0, i % 2 ? ec() : ed(i % 4 ? TOKEN_KEY : KeyFlag.DIGITAL_SIGNATURE));
      await device.setAttributes(USER, key, [
        { type: LABEL, value: Buffer.from(`label ${i % 3}`) },
        { type: ID, value: Buffer.of(i) },
      ]);
    }
    const sorted = (keys: readonly string[]): readonly string[] => [...keys].sort();
    const by = (wanted: (i: number) => boolean): readonly string[] => sorted(all.filter((_, i) => wanted(i)));
    assert.deepEqual(await device.matchKeys(USER, 0, query()), sorted(all));
    assert.deepEqual(
      await device.matchKeys(USER, 0, query({ type: KeyType.EC_PRIVATE })),
      by((i) => i % 2 === 1),
    );
    assert.deepEqual(
      await device.matchKeys(USER, 0, query({ curve: Curve.ED25519 })),
      by((i) => i % 2 === 0),
    );
    const token = { mask: KeyFlag.TOKEN, flags: KeyFlag.TOKEN };
    assert.deepEqual(
      await device.matchKeys(USER, 0, query(token)),
      by((i) => i % 4 !== 0),
    );
    assert.deepEqual(
      await device.matchKeys(USER, 0, query({ mask: KeyFlag.TOKEN, flags: 0 })),
      by((i) => i % 4 === 0),
    );
    const label = { type: LABEL, value: Buffer.from('label 1') };
    assert.deepEqual(
      await device.matchKeys(USER, 0, query({ attributes: [label] })),
      by((i) => i % 3 === 1),
    );
    assert.deepEqual(
      await device.matchKeys(USER, 0, query({ attributes: [label, { type: ID, value: Buffer.of(4) }] })),
      [all[4]],
    );
    assert.deepEqual(await device.matchKeys(USER, 0, query({ attributes: [{ type: ID, value: Buffer.of(99) }] })), []);
    assert.deepEqual(
      await device.matchKeys(USER, 0, query({ attributes: [{ type: CLASS, value: Buffer.of(1) }] })),
      [],
    );
    for (const limit of [1, 3, 7, 20, 21]) {
      const paged: string[] = [];
      for (let page = 0; page < 30; page++) {
        const next = await device.matchKeys(USER, 0, query({ limit, after: paged.at(-1) }));
        paged.push(...next);
        if (next.length < limit) break;
      }
      assert.deepEqual(paged, sorted(all), `pages of ${limit}`);
    }
    for (const limit of [0, -1, 1.5, 1e9])
      await assert.rejects(device.matchKeys(USER, 0, query({ limit })), refusedWith(HalStatus.BAD_ARGUMENTS));
  });

  ready('partitions have PINs and keys of their own; wheel uses all', async (device, place) => {
    assert.deepEqual(await device.listPartitions(), [{ number: 0, label: 'Cryptech Token' }]);
    for (const client of [USER, SO, NOBODY])
      await assert.rejects(
        device.writePartition(client, { number: 7, label: 'zones' }),
        refusedWith(HalStatus.FORBIDDEN),
      );
    await device.writePartition(WHEEL, { number: 7, label: 'zones' });
    await assert.rejects(
      device.writePartition(WHEEL, { number: 8, label: 'zones' }),
      refusedWith(HalStatus.KEY_NAME_IN_USE),
    );
    await assert.rejects(device.writePartition(WHEEL, { number: 0, label: 'mine' }), refusedWith(HalStatus.FORBIDDEN));
    await assert.rejects(
      device.writePartition(WHEEL, { number: 9, label: 'x'.repeat(33) }),
      refusedWith(HalStatus.BAD_ARGUMENTS),
    );
    await assert.rejects(
      device.login(NOBODY, 7, 'user', pin('user pin')),
      refusedWith(HalStatus.FORBIDDEN, /not initialised/),
    );
    await assert.rejects(device.login(NOBODY, 8, 'user', pin('user pin')), refusedWith(HalStatus.BAD_ARGUMENTS));
    await device.setPin(WHEEL, 7, 'so', pin('so of zones'));
    const so7 = 70;
    const user7 = 71;
    await device.login(so7, 7, 'so', pin('so of zones'));
    await device.setPin(so7, 7, 'user', pin('user of zones'));
    await assert.rejects(device.setPin(so7, 0, 'user', pin('not its own')), refusedWith(HalStatus.FORBIDDEN));
    await device.login(user7, 7, 'user', pin('user of zones'));
    const [zero, seven] = [uuid(), uuid()];
    await device.generateKey(USER, zero, 0, ed());
    await device.generateKey(user7, seven, 7, ed());
    await assert.rejects(device.generateKey(user7, uuid(), 0, ed()), refusedWith(HalStatus.FORBIDDEN));
    await assert.rejects(device.openKey(USER, seven), refusedWith(HalStatus.KEY_NOT_FOUND));
    await assert.rejects(device.sign(user7, zero, Mechanism.EDDSA, DIGEST), refusedWith(HalStatus.KEY_NOT_FOUND));
    assert.deepEqual(await device.matchKeys(user7, 7, query()), [seven]);
    assert.deepEqual(await device.matchKeys(user7, 0, query()), []);
    assert.deepEqual(await device.matchKeys(WHEEL, 7, query()), [seven]);
    await device.sign(WHEEL, seven, Mechanism.EDDSA, DIGEST);
    await device.login(NOBODY, 7, 'wheel', pin('wheel pin'));
    await assert.rejects(device.deletePartition(WHEEL, 7), refusedWith(HalStatus.FORBIDDEN, /1 keys/));
    await place.restart();
    await logIn(place.device);
    assert.deepEqual(await place.device.listPartitions(), [
      { number: 0, label: 'Cryptech Token' },
      { number: 7, label: 'zones' },
    ]);
    await place.device.login(user7, 7, 'user', pin('user of zones'));
    await place.device.deleteKey(user7, seven);
    await place.device.deletePartition(WHEEL, 7);
    assert.equal(await place.device.roleOf(user7), undefined, 'its logins end with it');
    await assert.rejects(
      place.device.login(user7, 7, 'user', pin('user of zones')),
      refusedWith(HalStatus.BAD_ARGUMENTS),
    );
    await place.device.writePartition(WHEEL, { number: 7, label: 'zones' });
    await assert.rejects(
      place.device.login(user7, 7, 'user', pin('user of zones')),
      refusedWith(HalStatus.FORBIDDEN, /not initialised/),
    );
    await assert.rejects(place.device.deletePartition(WHEEL, 0), refusedWith(HalStatus.FORBIDDEN));
  });

  ready(
    'partitions of another device: the newer of two wins, a deletion too, unless keys are in it',
    async (device) => {
      await device.writePartition(WHEEL, { number: 7, label: 'zones' });
      await device.setPin(WHEEL, 7, 'user', pin('user of zones'));
      const [made] = await device.readPartitions();
      assert.deepEqual([made.number, made.label], [7, 'zones']);
      await device.writePartition(WHEEL, { number: 7, label: 'renamed' });
      const [renamed] = await device.readPartitions();
      assert.ok(renamed.version > made.version);
      await device.writePartitions([made]);
      assert.deepEqual(
        (await device.listPartitions()).at(-1),
        { number: 7, label: 'renamed' },
        'an older one is not taken',
      );
      await device.deletePartition(WHEEL, 7);
      const [deleted] = await device.readPartitions();
      assert.equal(deleted.label, undefined);
      assert.ok(deleted.version > renamed.version);
      await device.writePartitions([renamed]);
      assert.equal((await device.listPartitions()).length, 1, 'it does not come back');
      for (const bad of [
        { ...deleted, label: '' },
        { ...deleted, number: 0 },
        { ...deleted, number: 1.5 },
        { ...deleted, label: 'x'.repeat(33) },
      ])
        await assert.rejects(device.writePartitions([bad]));
      await assert.rejects(
        device.writePartitions([{ ...renamed, version: deleted.version + 1 }]),
        refusedWith(HalStatus.KEYSTORE_BAD_CRC),
        'a version is proved, too',
      );
      // What another device has deleted while there are keys here.
      await device.writePartition(WHEEL, { number: 7, label: 'again' });
      const user7 = 71;
      await device.setPin(WHEEL, 7, 'user', pin('user of zones'));
      await device.login(user7, 7, 'user', pin('user of zones'));
      const key = uuid();
      await device.generateKey(user7, key, 7, ed());
      await assert.rejects(
        device.writePartitions([deleted]),
        refusedWith(HalStatus.FORBIDDEN, /partition 7 .* has keys/),
      );
      await device.sign(user7, key, Mechanism.EDDSA, DIGEST);
    },
  );

  on('S-368 without a master key there are no keys, but logins, PINs, random octets', async (device) => {
    await device.login(WHEEL, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    assert.equal((await device.getStatus()).masterKey, 'not set');
    for (const attempt of [
      () => device.generateKey(WHEEL, uuid(), 0, ed()),
      () => device.loadKey(WHEEL, uuid(), 0, Buffer.from('x'), KeyFlag.TOKEN, KeyType.DATA),
      () => device.openKey(WHEEL, uuid()),
      () => device.matchKeys(WHEEL, 0, query()),
      () => device.listRecords(undefined, 10),
      () => device.sign(WHEEL, uuid(), Mechanism.ECDSA, DIGEST),
    ])
      await assert.rejects(attempt(), refusedWith(HalStatus.MASTERKEY_NOT_SET));
    assert.equal((await device.random(32)).length, 32);
  });

  on('random octets: as many as asked for, none twice', async (device) => {
    const seen = new Set<string>();
    for (const octets of [0, 1, 16, 16_380]) assert.equal((await device.random(octets)).length, octets);
    for (let i = 0; i < 50; i++) seen.add(Buffer.from(await device.random(16)).toString('hex'));
    assert.equal(seen.size, 50);
    for (const octets of [-1, 65_537, 0.5])
      await assert.rejects(device.random(octets), refusedWith(HalStatus.BAD_ARGUMENTS));
  });

  on('S-399, S-400 a master key is made or given by wheel; one that was made is told once', async (device) => {
    await assert.rejects(device.setMasterKey(NOBODY, undefined), refusedWith(HalStatus.FORBIDDEN));
    await device.login(WHEEL, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    await assert.rejects(device.setMasterKey(WHEEL, Buffer.alloc(31)), refusedWith(HalStatus.MASTERKEY_BAD_LENGTH));
    assert.equal(await device.setMasterKey(WHEEL, Buffer.from(MASTER_KEY)), undefined);
    assert.equal((await device.getStatus()).masterKey, 'set');
    const made = await device.setMasterKey(WHEEL, undefined);
    assert.equal(made?.length, 32);
    const next = await device.setMasterKey(WHEEL, undefined);
    assert.notDeepEqual(next, made);
    assert.equal((await device.getStatus()).masterKey, 'set');
    for (const [client, role] of [
      [USER, 'user'],
      [SO, 'so'],
    ] as const) {
      await device.setPin(WHEEL, 0, role, pin(`${role} pin`));
      await device.login(client, 0, role, pin(`${role} pin`));
      await assert.rejects(device.setMasterKey(client, undefined), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.eraseMasterKey(client), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.eraseKeystore(client, true), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.resetPins(client), refusedWith(HalStatus.FORBIDDEN));
    }
  });

  ready(
    'S-370, S-372 with keys there only their own master key is taken; another one changes nothing',
    async (device, place) => {
      const key = uuid();
      await device.generateKey(USER, key, 0, ec());
      const before = await device.getPublicKey(USER, key);
      for (const wrong of [Buffer.from(OTHER_MASTER_KEY), undefined])
        await assert.rejects(
          device.setMasterKey(WHEEL, wrong),
          refusedWith(HalStatus.MASTERKEY_FAIL, /nothing was changed/),
        );
      await device.sign(USER, key, Mechanism.ECDSA, DIGEST);
      await device.eraseMasterKey(WHEEL);
      assert.equal((await device.getStatus()).masterKey, 'not set');
      await assert.rejects(device.sign(USER, key, Mechanism.ECDSA, DIGEST), refusedWith(HalStatus.MASTERKEY_NOT_SET));
      await assert.rejects(
        device.setPin(WHEEL, 0, 'user', pin('no proof of it')),
        refusedWith(HalStatus.MASTERKEY_NOT_SET),
      );
      await place.restart();
      await place.device.login(WHEEL, 0, 'wheel', pin('wheel pin'));
      await assert.rejects(
        place.device.setMasterKey(WHEEL, Buffer.from(OTHER_MASTER_KEY)),
        refusedWith(HalStatus.MASTERKEY_FAIL),
      );
      assert.equal((await place.device.getStatus()).masterKey, 'not set');
      await place.device.setMasterKey(WHEEL, Buffer.from(MASTER_KEY));
      await logIn(place.device);
      assert.deepEqual(await place.device.getPublicKey(USER, key), before);
      const signature = await place.device.sign(USER, key, Mechanism.ECDSA, DIGEST);
      await place.device.verify(USER, key, Mechanism.ECDSA, DIGEST, signature);
    },
  );

  ready('S-369, S-370 a tamper event ends all use of keys until the same master key is back', async (device, place) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ec());
    await device.checkTamper();
    await place.raiseTamper();
    for (const attempt of [
      () => place.device.sign(USER, key, Mechanism.ECDSA, DIGEST),
      () => place.device.generateKey(USER, uuid(), 0, ec()),
      () => place.device.matchKeys(USER, 0, query()),
      () => place.device.checkTamper(),
    ])
      await assert.rejects(attempt(), refusedWith(HalStatus.TAMPER));
    assert.equal((await place.device.getStatus()).isTampered, true);
    await place.device.login(WHEEL, 0, 'wheel', pin('wheel pin'));
    await assert.rejects(place.device.setMasterKey(WHEEL, Buffer.from(MASTER_KEY)), refusedWith(HalStatus.TAMPER));
    await place.resetTamper();
    await assert.rejects(place.device.matchKeys(WHEEL, 0, query()), refusedWith(HalStatus.MASTERKEY_NOT_SET));
    await place.device.setMasterKey(WHEEL, Buffer.from(MASTER_KEY));
    await logIn(place.device);
    await place.device.sign(USER, key, Mechanism.ECDSA, DIGEST);
    await place.device.checkTamper();
  });

  ready(
    'S-424 an erased keystore has no keys; PINs stay or go as was asked; another master key may then be set',
    async (device, place) => {
      const keys = [uuid(), uuid(), uuid()];
      await device.generateKey(USER, keys[0], 0, ed());
      await device.generateKey(USER, keys[1], 0, ed(TOKEN_KEY | KeyFlag.EXPORTABLE));
      await device.generateKey(USER, keys[2], 0, ed(KeyFlag.DIGITAL_SIGNATURE));
      await device.eraseKeystore(WHEEL, true);
      assert.deepEqual(await device.matchKeys(WHEEL, 0, query()), []);
      const { tokenKeys, volatileKeys } = await device.getStatus();
      assert.deepEqual([tokenKeys, volatileKeys], [0, 0]);
      assert.deepEqual(
        (await device.listRecords(undefined, 10)).map(({ uuid: of, isDeleted }) => [of, isDeleted]),
        [[keys[1], true]],
        'what may be on another device does not come back from there',
      );
      await logIn(device);
      await device.eraseKeystore(WHEEL, false);
      assert.equal(await device.roleOf(USER), undefined);
      assert.equal(await device.roleOf(WHEEL), 'wheel', 'who did it goes on');
      await assert.rejects(
        device.login(USER, 0, 'user', pin('user pin')),
        refusedWith(HalStatus.FORBIDDEN, /not initialised/),
      );
      await assert.rejects(device.login(NOBODY, 0, 'wheel', pin('wheel pin')), refusedWith(HalStatus.PIN_INCORRECT));
      await device.setMasterKey(WHEEL, Buffer.from(OTHER_MASTER_KEY));
      await device.eraseMasterKey(WHEEL);
      await device.eraseKeystore(WHEEL, false);
      await place.restart();
      await setUp(place.device, MASTER_KEY);
    },
  );

  ready('S-427 PINs alone go back to the beginning, keys stay', async (device) => {
    const key = uuid();
    await device.generateKey(USER, key, 0, ed());
    await device.resetPins(WHEEL);
    assert.equal((await device.getStatus()).hasDefaultPin, true);
    await assert.rejects(
      device.login(USER, 0, 'user', pin('user pin')),
      refusedWith(HalStatus.FORBIDDEN, /not initialised/),
    );
    await device.login(NOBODY, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    assert.deepEqual(await device.matchKeys(NOBODY, 0, query()), [key]);
  });

  ready('S-358 PINs go to a device that was away: the newer one wins, and only with a proof', async (device, place) => {
    const other = await place.other();
    await setUp(other);
    const old = await device.readPins();
    await device.setPin(WHEEL, 0, 'user', pin('changed twice'));
    await device.setPin(WHEEL, 0, 'user', pin('new user pin'));
    await other.writePins(await device.readPins());
    await other.login(NOBODY, 0, 'user', pin('new user pin'));
    await other.writePins(old);
    await other.login(NOBODY, 0, 'user', pin('new user pin'));
    const [one] = (await device.readPins()).filter(({ role }) => role === 'so');
    for (const forged of [
      { ...one, version: one.version + 5 },
      { ...one, version: one.version + 5, proof: undefined },
      { ...one, role: 'wheel' as const, version: 99 },
    ])
      await assert.rejects(other.writePins([forged]), refusedWith(HalStatus.KEYSTORE_BAD_CRC));
    await assert.rejects(other.writePins([{ ...one, partition: 4 }]), refusedWith(HalStatus.BAD_ARGUMENTS));
    await assert.rejects(other.writePins([{ ...one, hash: 'x' }]), refusedWith(HalStatus.BAD_ARGUMENTS));
    const { version } = (await device.readPins()).find(({ role }) => role === 'user')!;
    await other.resumeLogin(90, 0, 'user', version);
    assert.equal(await other.roleOf(90), 'user');
    await assert.rejects(other.resumeLogin(91, 0, 'user', version - 1), refusedWith(HalStatus.FORBIDDEN));
  });

  ready(
    'S-430, S-431 records go from device to device if the key may leave; deletions win; nothing that was altered is taken',
    async (device, place) => {
      const other = await place.other();
      await setUp(other);
      const [stays, leaves] = [uuid(), uuid()];
      await device.generateKey(USER, stays, 0, ec());
      await device.generateKey(USER, leaves, 0, ec(TOKEN_KEY | KeyFlag.EXPORTABLE));
      await assert.rejects(device.readRecord(stays), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.readRecord(uuid()), refusedWith(HalStatus.KEY_NOT_FOUND));
      const first = await device.readRecord(leaves);
      await other.writeRecord(first);
      const signature = await other.sign(USER, leaves, Mechanism.ECDSA, DIGEST);
      await device.verify(USER, leaves, Mechanism.ECDSA, DIGEST, signature);
      await device.setAttributes(USER, leaves, [{ type: LABEL, value: Buffer.from('mirrored') }]);
      const second = await device.readRecord(leaves);
      await other.writeRecord(second);
      await other.writeRecord(first);
      const label = { type: LABEL, value: Buffer.from('mirrored') };
      assert.deepEqual(
        await other.matchKeys(USER, 0, query({ attributes: [label] })),
        [leaves],
        'an older one changes nothing',
      );
      assert.deepEqual(
        (await device.listRecords(undefined, 10)).filter(({ uuid: of }) => of === leaves),
        await other.listRecords(undefined, 10),
      );
      for (let at = 0; at < second.length; at += 7) {
        const altered = Uint8Array.from(second);
        altered[at] ^= 1;
        await assert.rejects(other.writeRecord(altered), refusedWith(HalStatus.KEYSTORE_BAD_CRC));
      }
      await assert.rejects(other.writeRecord(second.subarray(0, 20)), refusedWith(HalStatus.KEYSTORE_BAD_CRC));
      await assert.rejects(other.writeRecord(new Uint8Array(0)), refusedWith(HalStatus.KEYSTORE_BAD_CRC));
      await device.deleteKey(USER, leaves);
      await other.writeRecord(await device.readRecord(leaves));
      await assert.rejects(other.openKey(USER, leaves), refusedWith(HalStatus.KEY_NOT_FOUND));
      await other.writeRecord(second);
      await assert.rejects(other.openKey(USER, leaves), refusedWith(HalStatus.KEY_NOT_FOUND), 'it does not come back');
      await assert.rejects(other.generateKey(USER, leaves, 0, ec()), refusedWith(HalStatus.KEY_NAME_IN_USE));
      assert.deepEqual(await other.matchKeys(USER, 0, query({ attributes: [label] })), []);
    },
  );

  ready(
    'S-429, S-431, S-504 backup under a KEKEK: only exportable keys, only under keys for it',
    async (device, place) => {
      const other = await place.other();
      await setUp(other, OTHER_MASTER_KEY);
      const flags = KeyFlag.TOKEN | KeyFlag.KEY_ENCIPHERMENT;
      const rsa = { kind: 'rsa', bits: 2048, exponent: Uint8Array.of(1, 0, 1) } as const;
      const [kekek, kekekHere, key, fixed, signer] = [uuid(), uuid(), uuid(), uuid(), uuid()];
      await other.generateKey(USER, kekek, 0, { ...rsa, flags });
      await device.loadKey(USER, kekekHere, 0, await other.getPublicKey(USER, kekek), flags);
      await device.generateKey(USER, key, 0, ec(TOKEN_KEY | KeyFlag.EXPORTABLE));
      await device.generateKey(USER, fixed, 0, ec());
      await device.generateKey(USER, signer, 0, { ...rsa, flags: TOKEN_KEY });
      await assert.rejects(device.exportKey(USER, fixed, kekekHere), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.exportKey(USER, key, signer), refusedWith(HalStatus.FORBIDDEN));
      await assert.rejects(device.exportKey(USER, key, fixed), refusedWith(HalStatus.UNSUPPORTED_KEY));
      for (const client of [SO, NOBODY])
        await assert.rejects(device.exportKey(client, key, kekekHere), refusedWith(HalStatus.FORBIDDEN));
      const wrapped = await device.exportKey(USER, key, kekekHere);
      const copy = uuid();
      assert.equal((await other.importKey(USER, copy, 0, kekek, wrapped, TOKEN_KEY)).type, KeyType.EC_PRIVATE);
      await device.verify(USER, key, Mechanism.ECDSA, DIGEST, await other.sign(USER, copy, Mechanism.ECDSA, DIGEST));
      const swapped = { pkcs8: wrapped.kek, kek: wrapped.pkcs8 };
      await assert.rejects(
        other.importKey(USER, uuid(), 0, kekek, swapped, TOKEN_KEY),
        refusedWith(HalStatus.ASN1_PARSE_FAILED),
      );
      const altered = { ...wrapped, kek: Uint8Array.from(wrapped.kek) };
      altered.kek[altered.kek.length - 9] ^= 1;
      await assert.rejects(
        other.importKey(USER, uuid(), 0, kekek, altered, TOKEN_KEY),
        refusedWith(HalStatus.KEYWRAP_BAD_MAGIC),
      );
      await assert.rejects(
        device.importKey(USER, uuid(), 0, kekekHere, wrapped, TOKEN_KEY),
        refusedWith(HalStatus.UNSUPPORTED_KEY),
      );
    },
  );

  ready('uses of keys are counted for the audit log, each one once', async (device) => {
    const [a, b] = [uuid(), uuid()];
    await device.generateKey(USER, a, 0, ed());
    await device.generateKey(USER, b, 0, ed());
    for (let i = 0; i < 5; i++) await device.sign(USER, a, Mechanism.EDDSA, DIGEST);
    await device.sign(WHEEL, b, Mechanism.EDDSA, DIGEST);
    const uses = new Map((await device.takeKeyUses()).map((use) => [use.uuid, use.uses]));
    assert.deepEqual([uses.size, uses.get(a), uses.get(b)], [2, 5, 1]);
    assert.deepEqual(await device.takeKeyUses(), []);
    const { operations } = await device.getStatus();
    assert.deepEqual([operations.sign, operations.generate, operations.verify], [6, 2, 0]);
  });

  ready('many calls at once each get their own answer', async (device) => {
    const keys = Array.from({ length: 8 }, uuid);
    await Promise.all(keys.map((key) => device.generateKey(USER, key, 0, ed())));
    const publicKeys = await Promise.all(keys.map((key) => device.getPublicKey(USER, key)));
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const data = Buffer.from(`message ${i}`);
        const signature = await device.sign(USER, keys[i % 8], Mechanism.EDDSA, data);
        const key = crypto.createPublicKey({ key: Buffer.from(publicKeys[i % 8]), format: 'der', type: 'spki' });
        assert.ok(crypto.verify(null, data, key, signature), `signature ${i}`);
      }),
    );
  });
}
