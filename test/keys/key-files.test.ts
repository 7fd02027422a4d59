import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { SignetError } from '../../src/base/error.ts';
import { latin1Octets } from '../../src/base/octets.ts';
import { dnskeyAlgorithm, dnskeyFlags, dnskeyRdata } from '../../src/crypto/dnskey.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { privateKeyMaterial } from '../../src/crypto/private-key.ts';
import { keyFileBase, parseKeyFileName, zoneFileText } from '../../src/keys/key-file-name.ts';
import { isKsk, isZsk, type KeyPair } from '../../src/keys/key-pair.ts';
import { KEY_CONDITIONS, type KeyState } from '../../src/keys/key-state.ts';
import { formatKeyTime, parseKeyTime } from '../../src/keys/key-times.ts';
import { readPrivateFile, writePrivateFile } from '../../src/keys/private-file.ts';
import { readPublicFile, writePublicFile } from '../../src/keys/public-file.ts';
import { readStateFile, writeStateFile } from '../../src/keys/state-file.ts';
import { uncheckedName, type Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';

const KEY = generateKey({ algorithm: 13, flags: 257 });

function pairOf(more: Partial<KeyPair> = {}): KeyPair {
  const zone = more.zone ?? mustName('example.com.');
  const rdata = more.dnskey ?? KEY.dnskey;
  return {
    zone,
    dnskey: rdata,
    tag: keyTag(rdata),
    algorithm: dnskeyAlgorithm(rdata),
    flags: dnskeyFlags(rdata),
    times: {},
    private: KEY,
    fileBase: keyFileBase(zone, dnskeyAlgorithm(rdata), keyTag(rdata)),
    ...more,
  };
}

const names: fc.Arbitrary<Name> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 })
  .map((labels) => uncheckedName(new Uint8Array([...labels.flatMap((label) => [label.length, ...label]), 0])));
const time = fc.integer({ min: 0, max: 253_402_300_799 });
const times = fc.record(
  {
    created: time,
    publish: time,
    activate: time,
    revoke: time,
    inactive: time,
    delete: time,
    syncPublish: time,
    syncDelete: time,
  },
  { requiredKeys: [], noNullPrototype: true },
);

it('S-007 .key files: what is written is read, for every owner, TTL and time', () => {
  fc.assert(
    fc.property(names, fc.option(fc.integer({ min: 1, max: 0x7fffffff })), times, (zone, ttl, keyTimes) => {
      const pair = pairOf({ zone, ttl: ttl ?? undefined, times: keyTimes });
      const read = readPublicFile('K.key', writePublicFile(pair));
      assert.deepEqual(Buffer.from(read.zone), Buffer.from(zone));
      assert.deepEqual(read.rdata, Uint8Array.from(pair.dnskey));
      assert.equal(read.ttl, pair.ttl);
      assert.deepEqual(read.times, keyTimes);
    }),
  );
});

it('S-008 .private files: what is written is read', () => {
  const tag = fc.option(fc.integer({ min: 0, max: 65535 }), { nil: undefined });
  fc.assert(
    fc.property(times, fc.option(time), tag, tag, (some, dsPublish, predecessor, successor) => {
      const keyTimes = dsPublish === null ? some : { ...some, dsPublish };
      const pair = pairOf({ times: keyTimes, predecessor, successor });
      const read = readPrivateFile('K.private', writePrivateFile(pair));
      assert.deepEqual(read.times, keyTimes);
      assert.deepEqual([read.predecessor, read.successor], [predecessor, successor]);
      assert.deepEqual(Buffer.from(read.fields.PrivateKey!), Buffer.from(KEY.fields.PrivateKey!));
    }),
  );
});

it('S-010 (part) .state files: what is written is read', () => {
  const condition = fc.constantFrom(...KEY_CONDITIONS);
  const state = fc.record(
    {
      length: fc.nat(4096),
      lifetime: fc.nat(0xffffffff),
      ksk: fc.boolean(),
      zsk: fc.boolean(),
      goal: condition,
      dnskey: condition,
      zrrsig: condition,
      krrsig: condition,
      ds: condition,
      dnskeyChange: time,
      zrrsigChange: time,
      krrsigChange: time,
      dsChange: time,
    },
    { requiredKeys: ['length'], noNullPrototype: true },
  );
  // As all tools write them: a change with what it led to, lifetime and roles together.
  const whole = state.map((all): KeyState => {
    const roles = all.lifetime !== undefined || all.ksk !== undefined || all.zsk !== undefined;
    const kept = Object.entries(all).filter(([name]) => !name.endsWith('Change') || name.replace('Change', '') in all);
    return {
      goal: 'hidden',
      ...Object.fromEntries(kept),
      ...(roles && { ksk: all.ksk ?? true, zsk: all.zsk ?? false }),
    };
  });
  fc.assert(
    fc.property(whole, times, (keyState, keyTimes) => {
      const read = readStateFile('K.state', writeStateFile(pairOf({ state: keyState, times: keyTimes })));
      assert.deepEqual(read.state, { ...keyState });
      assert.deepEqual(read.times, keyTimes);
    }),
  );
});

for (const [name, text] of [
  ['empty', ''],
  ['only a comment', '; This is the state of key 1, for example.\n'],
  ['another text', 'Foo: bar\n'],
  ['no roles', 'Algorithm: 13\nLength: 256\nLifetime: 0\n'],
  ['one role', 'Algorithm: 13\nLength: 256\nLifetime: 0\nKSK: yes\n'],
  ['a change without its state', 'Algorithm: 13\nLength: 256\nDNSKEYChange: 20260101000000\nGoalState: omnipresent\n'],
]) {
  it(`S-010 (part) .state files: ${name} is cut off, not the state of a new key`, () => {
    assert.throws(() => readStateFile('K.state', latin1Octets(text)), { code: 'KEY_FILE_TRUNCATED' });
  });
}

it('S-011 file names: letters small, odd octets escaped, read back to the same zone part', () => {
  assert.equal(
    zoneFileText(mustName('a/b\\.c\\000x\\;y\\@\\$\\(\\).EXAMPLE.')),
    'a%2Fb%2Ec%00x%3By%40%24%28%29.example',
  );
  assert.equal(keyFileBase(mustName('.'), 13, 60733), 'K.+013+60733');
  assert.equal(keyFileBase(mustName('Example.com.'), 8, 7), 'Kexample.com.+008+00007');
  fc.assert(
    fc.property(names, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 65535 }), (zone, algorithm, tag) => {
      const base = keyFileBase(zone, algorithm, tag);
      assert.match(base, /^K[A-Za-z0-9_%.-]*\.\+\d{3}\+\d{5}$/);
      const parsed = parseKeyFileName(`${base}.private`);
      assert.deepEqual(parsed, {
        zone: zoneFileText(zone).toLowerCase(),
        algorithm,
        tag,
        kind: 'private',
        isDotted: true,
      });
    }),
  );
  assert.equal(parseKeyFileName('Kname+013+12345.state')?.isDotted, false);
  for (const name of ['Kname.+13+12345.key', 'name.+013+12345.key', 'Kname.+013+12345.txt', 'Kname.+013+123456.key'])
    assert.equal(parseKeyFileName(name), undefined);
});

it('S-009 records in other shapes are read: brackets, comments, TTL units, tabs, mnemonics', () => {
  const text = `; a comment
Example.COM.\t1h IN DNSKEY ( 257 3 ECDSAP256SHA256 ; flags
   ${Buffer.from(KEY.dnskey.subarray(4))
     .toString('base64')
     .replace(/(.{20})/g, '$1\n   ')} ) ;{id = 1 (ksk), size = 256b}\n`;
  const read = readPublicFile('K.key', Buffer.from(text));
  assert.equal(read.ttl, 3600);
  assert.deepEqual(read.rdata, Uint8Array.from(KEY.dnskey));
});

it('S-246 Engine and Label of a key in a token are kept, and no secret is asked for', () => {
  const text = `Private-key-format: v1.3
Algorithm: 8 (RSASHA256)
Modulus: ${Buffer.alloc(128, 0xc3).toString('base64')}
PublicExponent: AQAB
Engine: cGtjczExAA==
Label: cGtjczExOm9iamVjdD1rc2s7cGluLXNvdXJjZT0vZXRjL3BpbgA=
Created: 20260101000000
`;
  const read = readPrivateFile('K.private', Buffer.from(text));
  assert.equal(Buffer.from(read.fields.Engine!).toString(), 'pkcs11\0');
  const rdata = dnskeyRdata(257, 8, new Uint8Array([3, 1, 0, 1, ...Buffer.alloc(128, 0xc3)]));
  const material = privateKeyMaterial(8, rdata, read.fields);
  const pair = pairOf({ dnskey: rdata, private: material, times: read.times });
  assert.equal(Buffer.from(writePrivateFile(pair)).toString(), text);
});

it('a newer v1 with fields of its own is read, as BIND does', () => {
  const text = `Private-key-format: v1.7\nAlgorithm: 15 (ED25519)\nPrivateKey: ${'A'.repeat(42)}A=\nNew: x\n`;
  assert.equal(readPrivateFile('K.private', Buffer.from(text)).formatVersion, '1.3');
});

it('hostile files end in a SignetError that quotes nothing, in bounded time', () => {
  const words = fc.constantFrom(
    'Private-key-format: v1.3',
    'Algorithm: 13 (X)',
    'PrivateKey: S0VFUA==',
    'Created: 1',
    ':',
    '(',
    '\\',
    ';',
    '\0',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(words).map((lines) => lines.join('\n')),
  );
  fc.assert(
    fc.property(text, (content) => {
      const octets = Buffer.from(content, 'latin1');
      for (const read of [readPrivateFile, readPublicFile, readStateFile])
        try {
          read('K.file', octets);
        } catch (fault) {
          assert.ok(fault instanceof SignetError, String(fault));
          assert.ok(fault.message.startsWith('K.file: '));
          assert.ok(!fault.message.includes('S0VFUA'));
        }
    }),
    { numRuns: 500 },
  );
});

it('times: every second of the calendar, nothing else', () => {
  fc.assert(fc.property(time, (value) => assert.equal(parseKeyTime(formatKeyTime(value)), value)));
  for (const text of ['20260230000000', '20261301000000', '20260101240000', '2026010100000', '19691231235959', 'x', ''])
    assert.equal(parseKeyTime(text), undefined);
});

it('roles: the state says, else the SEP flag', () => {
  assert.deepEqual([isKsk(pairOf()), isZsk(pairOf())], [true, false]);
  const csk = pairOf({ state: { ksk: true, zsk: true } });
  assert.deepEqual([isKsk(csk), isZsk(csk)], [true, true]);
});
