import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { makeUpdate, readUpdate, readUpdateKeys, type UpdateManifest } from '../../../src/hsm/update/signed-update.ts';
import { readTar, type TarFile, writeTar } from '../../../src/hsm/update/tar.ts';
import { compareVersions, ownVersion, parseVersion } from '../../../src/hsm/update/version.ts';

const AT = Date.UTC(2026, 10, 21) / 1000;
const VERSION = '2026-11-22-01 - 1.2.3.4';

const FILES: readonly TarFile[] = [
  { name: 'software/hsmd.js', octets: Buffer.from('console.log("new")\n') },
  { name: 'firmware/device-process.js', octets: Buffer.alloc(1500, 'f') },
  { name: 'fpga/cores.bin', octets: new Uint8Array() },
];

const KEYS: readonly (readonly [string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }])[] = [
  ['RSA-2048', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['RSA-4096', generateKeyPairSync('rsa', { modulusLength: 4096 })],
  ['Ed25519', generateKeyPairSync('ed25519')],
];
const MEBIBYTE = gzipSync(Buffer.alloc(1 << 20));
const [, RSA] = KEYS[0];
const [, ED] = KEYS[2];

suite('S-411 (part) S-382 (part) Signed updates', () => {
  for (const [name, { privateKey, publicKey }] of KEYS)
    test(`${name}: what was signed is read, and not one bit else`, async () => {
      const octets = makeUpdate(VERSION, FILES, privateKey, AT);
      const update = await readUpdate(octets, [ED.publicKey, publicKey]);
      assert.equal(update.manifest.version, VERSION);
      assert.deepEqual(update.parts, ['software', 'firmware', 'fpga']);
      assert.deepEqual(
        update.files.map(({ name: file, octets: content }) => [file, Buffer.from(content).toString()]),
        FILES.map(({ name: file, octets: content }) => [file, Buffer.from(content).toString()]),
      );
      await fc.assert(
        fc.asyncProperty(fc.nat(octets.length - 1), fc.nat(7), async (place, bit) => {
          const flipped = Uint8Array.from(octets);
          flipped[place] ^= 1 << bit;
          await assert.rejects(readUpdate(flipped, [publicKey]), /Unable to verify update/);
        }),
        { seed: 5, numRuns: 60 },
      );
      for (const length of [0, 1, 64, 256, 511, 512, 513, octets.length - 1])
        await assert.rejects(readUpdate(octets.subarray(0, length), [publicKey]), /Unable to verify/, String(length));
      await assert.rejects(readUpdate(Buffer.concat([octets, Buffer.of(0)]), [publicKey]), /Unable to verify/);
      await assert.rejects(readUpdate(octets, []), /Unable to verify/);
    });

  test('another key of the same kind is not believed', async () => {
    const octets = makeUpdate(VERSION, FILES, RSA.privateKey, AT);
    await assert.rejects(
      readUpdate(octets, [generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey]),
      /no key that this HSM trusts/,
    );
  });

  test("the vendor's form: the signature by openssl over a tar.gz made by tar, raw at its end", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-update-'));
    try {
      const at = (name: string): string => path.join(directory, name);
      fs.mkdirSync(at('software'));
      fs.writeFileSync(at('software/hsmd.js'), FILES[0].octets);
      const ours = makeUpdate(VERSION, [FILES[0]], RSA.privateKey, AT);
      const manifest = readTar(gunzipSync(ours.subarray(0, -256))).find(({ name }) => name === 'manifest.json')!;
      fs.writeFileSync(at('manifest.json'), manifest.octets);
      fs.writeFileSync(at('key.pem'), RSA.privateKey.export({ type: 'pkcs8', format: 'pem' }));
      run('tar', ['--format=ustar', '-czf', at('update.tar.gz'), '-C', directory, 'manifest.json', 'software']);
      run('openssl', ['dgst', '-sha512', '-sign', at('key.pem'), '-out', at('signature'), at('update.tar.gz')]);
      const octets = Buffer.concat([fs.readFileSync(at('update.tar.gz')), fs.readFileSync(at('signature'))]);
      assert.equal((await readUpdate(octets, [RSA.publicKey])).manifest.version, VERSION);
      // And openssl believes ours.
      fs.writeFileSync(at('ours.tar.gz'), ours.subarray(0, -256));
      fs.writeFileSync(at('ours.signature'), ours.subarray(-256));
      fs.writeFileSync(at('key.pub'), RSA.publicKey.export({ type: 'spki', format: 'pem' }));
      run('openssl', [
        'dgst',
        '-sha512',
        '-verify',
        at('key.pub'),
        '-signature',
        at('ours.signature'),
        at('ours.tar.gz'),
      ]);
      run('tar', ['-tzf', at('ours.tar.gz')]);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });

  test('nothing is believed of a signed archive that is not in order', async () => {
    const archive = (
      files: readonly TarFile[],
      change: (manifest: UpdateManifest) => unknown = (one) => one,
    ): Uint8Array => {
      const good = makeUpdate(VERSION, FILES, ED.privateKey, AT);
      const manifest = readTar(gunzipSync(good.subarray(0, -72)))[0];
      const changed = change(JSON.parse(Buffer.from(manifest.octets).toString()) as UpdateManifest);
      return signed(writeTar([{ name: 'manifest.json', octets: Buffer.from(JSON.stringify(changed)) }, ...files], AT));
    };
    const cases: readonly (readonly [Uint8Array, RegExp])[] = [
      [archive(FILES.slice(1)), /names files that are not there/],
      [
        archive([...FILES, { name: 'software/more.js', octets: Buffer.from('x') }]),
        /more\.js' is not what the manifest says/,
      ],
      [
        archive([{ ...FILES[0], octets: Buffer.from('console.log("bad")\n') }, ...FILES.slice(1)]),
        /is not what the manifest says/,
      ],
      [archive(FILES, (one) => ({ ...one, date: '2026-11-21' })), /date is not that of its version/],
      [archive(FILES, (one) => ({ ...one, version: 'newest' })), /version is none/],
      [archive(FILES, (one) => ({ ...one, format: 2 })), /form that this version does not know/],
      [archive(FILES, () => null), /form that this version does not know/],
      [archive([], (one) => ({ ...one, files: {} })), /no part at all/],
      [signed(writeTar(FILES, AT)), /has no manifest\.json/],
      [signed(Buffer.from('no tar')), /ends without its end mark/],
      [signedRaw(Buffer.from('no gzip')), /cannot be unpacked/],
    ];
    for (const [octets, why] of cases) await assert.rejects(readUpdate(octets, [ED.publicKey]), why);
  });

  test('a file that unpacks to more than any update has is given up', async () => {
    // RFC 1952 section 2.2: members one after the other.
    const bomb = signedRaw(Buffer.concat(Array.from({ length: 600 }, () => MEBIBYTE)));
    await assert.rejects(readUpdate(bomb, [ED.publicKey]), /cannot be unpacked/);
  });

  test('keys of other kinds sign no updates', () => {
    const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' });
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const { publicKey } of [small, curve])
      assert.throws(() => readUpdateKeys(pem(publicKey), 'keys.pem'), /keys\.pem: it must be RSA of 2048 or 4096 bits/);
    assert.throws(() => readUpdateKeys('nothing', 'keys.pem'), /no public key in PEM/);
    assert.throws(() => makeUpdate(VERSION, FILES, small.privateKey, AT), /RSA of 2048 or 4096/);
    assert.equal(readUpdateKeys(pem(RSA.publicKey) + pem(ED.publicKey), 'keys.pem').length, 2);
    assert.ok(createPublicKey(pem(ED.publicKey)).equals(ED.publicKey));
  });
});

suite('Archives', () => {
  const header = (change: (header: Buffer) => void): Uint8Array => {
    const archive = Buffer.from(writeTar([{ name: 'software/x', octets: Buffer.from('x') }], AT));
    change(archive);
    archive.fill(0x20, 148, 156);
    let sum = 0;
    for (let i = 0; i < 512; i++) sum += archive[i];
    archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    return archive;
  };
  const named = (name: string): Uint8Array => header((octets) => octets.fill(0, 0, 100).write(name, 0, 'latin1'));

  test('hold files under plain names only', () => {
    for (const name of [
      '../x',
      '/etc/passwd',
      'software/../x',
      'software//x',
      './x',
      'software/.x',
      '',
      'a\\b',
      'a b',
      'x\u0001',
      '-x',
    ])
      assert.throws(() => readTar(named(name)), /is no name for a file in it/, JSON.stringify(name));
    assert.equal(readTar(named('software/a-b_c@1.js'))[0].name, 'software/a-b_c@1.js');
  });

  test('hold no links, devices or extensions', () => {
    for (const type of '123467xgLKSV')
      assert.throws(
        () => readTar(header((octets) => (octets[156] = type.charCodeAt(0)))),
        /links and extensions are not taken/,
        type,
      );
  });

  test('are refused when they are cut, go on behind their end, or have a name twice', () => {
    const good = writeTar([{ name: 'software/x', octets: Buffer.alloc(700) }], AT);
    for (let length = 0; length < good.length - 512; length += 256)
      assert.throws(() => readTar(good.subarray(0, length)), /ends without|cut off/, String(length));
    assert.throws(() => readTar(Buffer.concat([good, Buffer.of(1)])), /something follows its end mark/);
    const twice = { name: 'software/x', octets: Buffer.from('x') };
    assert.throws(() => readTar(writeTar([twice, twice], AT)), /is in it twice/);
    assert.throws(() => readTar(header((octets) => octets.write('99999999999', 124, 'latin1'))), /cut off/);
  });

  test('of any octets end in files or in an error, never in anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2048 }), fc.boolean(), (octets, isHeader) => {
        const archive = isHeader ? header((good) => good.set(octets.subarray(0, 100))) : octets;
        try {
          readTar(archive);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'UPDATE_ARCHIVE');
        }
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

suite('S-412 (part) S-413 (part) Versions', () => {
  test('have a day, its number and four numbers, and are ordered by these', () => {
    assert.ok(parseVersion(ownVersion()));
    assert.ok(parseVersion('2018-11-28-02 - 0.0.0.2'));
    for (const text of [
      '2018-11-28 - 0.0.0.2',
      '2018-11-28-02-0.0.0.2',
      '2018-11-28-02 - 0.0.2',
      'x 2018-11-28-02 - 0.0.0.2',
    ])
      assert.equal(parseVersion(text), undefined, text);
    const order = [
      '2018-11-28-02 - 9.9.9.9',
      '2018-11-28-10 - 0.0.0.2',
      '2018-12-01-01 - 0.0.0.2',
      '2018-12-01-01 - 0.0.0.10',
    ];
    for (const [i, a] of order.entries())
      for (const [j, b] of order.entries())
        assert.equal(Math.sign(compareVersions(parseVersion(a)!, parseVersion(b)!)), Math.sign(i - j), `${a} ${b}`);
  });
});

function signed(tar: Uint8Array): Uint8Array {
  return signedRaw(gzipSync(tar));
}

function signedRaw(archive: Uint8Array): Uint8Array {
  return Buffer.concat([archive, sign(null, archive, ED.privateKey), Buffer.from('ED25519\n')]);
}

function run(command: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}
