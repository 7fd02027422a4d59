import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { concatOctets, toHex } from '../../../src/base/octets.ts';
import { keyTag } from '../../../src/crypto/key-tag.ts';
import { encodeRsa } from '../../../src/crypto/public-key.ts';
import { Der } from '../../../src/hsm/crypto/der.ts';
import { digestInfo } from '../../../src/hsm/crypto/digest-info.ts';
import { readOuterKey } from '../../../src/hsm/crypto/key-der.ts';
import type { NewKey, PrivateKey } from '../../../src/hsm/crypto/key-engine.ts';
import type { KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { Curve, DigestAlgorithm, KeyType, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { builtEngine } from './built-engine.ts';
import { ec, rsa } from './sample-keys.ts';

/* A zone whose signatures come from the engine as a DNSSEC client asks for them: the client hashes (RFC 4034 section 3.1.8.1), the HSM signs the
   digest. BIND's dnssec-verify is the judge. */

const engine = builtEngine();
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-bind-'));
after(() => fs.rmSync(directory, { recursive: true }));

interface Algorithm {
  readonly number: number;
  readonly name: string;
  readonly spec: KeySpec;
  readonly sign: (key: PrivateKey, data: Uint8Array) => Uint8Array;
}

const sha = (bits: number, data: Uint8Array): Uint8Array => createHash(`sha${bits}`).update(data).digest();
const algorithms: readonly Algorithm[] = [
  { number: 8, name: 'RSASHA256', spec: rsa(2048), sign: (key, data) => key.sign(Mechanism.RSA_PKCS, digestInfo(DigestAlgorithm.SHA256, sha(256, data))) }, // prettier-ignore
  { number: 10, name: 'RSASHA512', spec: rsa(2048), sign: (key, data) => key.sign(Mechanism.RSA_PKCS, digestInfo(DigestAlgorithm.SHA512, sha(512, data))) }, // prettier-ignore
  { number: 13, name: 'ECDSAP256SHA256', spec: ec(Curve.P256), sign: (key, data) => key.sign(Mechanism.ECDSA, sha(256, data)) }, // prettier-ignore
  { number: 14, name: 'ECDSAP384SHA384', spec: ec(Curve.P384), sign: (key, data) => key.sign(Mechanism.ECDSA, sha(384, data)) }, // prettier-ignore
  { number: 15, name: 'ED25519', spec: ec(Curve.ED25519), sign: (key, data) => key.sign(Mechanism.EDDSA, data) },
  { number: 16, name: 'ED448', spec: ec(Curve.ED448), sign: (key, data) => key.sign(Mechanism.EDDSA, data) },
];

const TTL = 3600;
const TYPE = { NS: 2, SOA: 6, RRSIG: 46, NSEC: 47, DNSKEY: 48 };
const APEX = concatOctets([Uint8Array.of(7), Buffer.from('example'), Uint8Array.of(0)]);
const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);
const u32 = (value: number): Uint8Array => concatOctets([u16(value >>> 16), u16(value)]);

/** The public key field of a DNSKEY (RFC 3110, RFC 6605, RFC 8080). */
function publicKeyField({ spki, type }: NewKey): Uint8Array {
  const bits = readOuterKey(spki).statedPublicKey!;
  if (type === KeyType.EC_PRIVATE) return bits.subarray(1);
  if (type === KeyType.ED_PRIVATE) return bits;
  const numbers = new Der(bits).sequence();
  return encodeRsa({ modulus: numbers.unsigned(), exponent: numbers.unsigned() });
}

function zoneText({ number, sign }: Algorithm, made: NewKey, key: PrivateKey): string {
  const dnskey = concatOctets([u16(257), Uint8Array.of(3, number), publicKeyField(made)]);
  const bitmap = Uint8Array.of(0, 7, 0x22, 0, 0, 0, 0, 0x03, 0x80);
  const rrsets: readonly (readonly [number, Uint8Array])[] = [
    [TYPE.SOA, concatOctets([APEX, APEX, u32(1), u32(TTL), u32(TTL), u32(TTL), u32(TTL)])],
    [TYPE.NS, APEX],
    [TYPE.DNSKEY, dnskey],
    [TYPE.NSEC, concatOctets([APEX, bitmap])],
  ];
  const now = Math.floor(Date.now() / 1000);
  const lines = rrsets.flatMap(([type, rdata]) => {
    const times = [u32(TTL), u32(now + 86_400), u32(now - 3600)];
    const head = concatOctets([u16(type), Uint8Array.of(number, 1), ...times, u16(keyTag(dnskey)), APEX]);
    const record = concatOctets([APEX, u16(type), u16(1), u32(TTL), u16(rdata.length), rdata]);
    const signature = sign(key, concatOctets([head, record]));
    return [generic(type, rdata), generic(TYPE.RRSIG, concatOctets([head, signature]))];
  });
  return `${lines.join('\n')}\n`;
}

/** RFC 3597 section 5. */
function generic(type: number, rdata: Uint8Array): string {
  return `example. ${TTL} IN TYPE${type} \\# ${rdata.length} ${toHex(rdata)}`;
}

describe('S-344 signatures for DNSSEC, judged by dnssec-verify', () => {
  for (const algorithm of algorithms)
    test(`algorithm ${algorithm.number}, ${algorithm.name}`, async () => {
      const made = await engine.generate(algorithm.spec);
      using key = engine.open(made.privateDer);
      const text = zoneText(algorithm, made, key);
      const file = path.join(directory, `${algorithm.number}.zone`);
      fs.writeFileSync(file, text);
      const judge = (): { status: number | null; output: string } => {
        const { status, stdout, stderr, error } = spawnSync('dnssec-verify', ['-z', '-o', 'example.', file], { encoding: 'utf8', timeout: 300_000 }); // prettier-ignore
        assert.ifError(error);
        return { status, output: stdout + stderr };
      };
      const good = judge();
      assert.equal(good.status, 0, good.output);
      // And it does judge: the last octet of the last signature is another one.
      const last = text.trimEnd();
      fs.writeFileSync(file, `${last.slice(0, -1)}${last.endsWith('0') ? '1' : '0'}\n`);
      assert.notEqual(judge().status, 0);
    });
});
