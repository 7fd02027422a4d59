import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { TYPE } from '../../src/wire/type-codes.ts';
import { nameToText } from '../../src/wire/name-text.ts';
import { Asker, lines, scanZone, withDenial, ZoneFixture } from './zone-fixture.ts';

/* RFC 5155 appendix B: which NSEC3 records each answer carries, by the hashes that the RFC prints, and what is beside. */

const fixture = new ZoneFixture();
const text = fs.readFileSync(new URL('../data/rfc5155-example.zone', import.meta.url), 'latin1');
const denial = { kind: 'nsec3', iterations: 12, salt: 'aabbccdd', optOut: true } as const;
fixture.add('example.', withDenial('example.', scanZone('example.', text), denial));
const asker = new Asker(fixture.tables(), fixture.arena);

/** Hashed owners (RFC 5155 appendix A) by the name that they stand for. */
const HASH = {
  example: '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom',
  a: '35mthgpgcu1qg68fab165klnsnk3dpvl',
  ns1: '2t7b4g4vsa5smi47k61mv5bv1a22bojr',
  ns2: 'q04jkcevqvmu85r014c7dkba38o0ji5r',
  w: 'k8udemvp1j2f7eg6jebps17vp3n8i58h',
  'x.w': 'b4um86eghhds6nea196smvmlo4ors995',
  'y.w': 'ji6neoaepv8b5o6k4ev33abha8ht9fgc',
  'x.y.w': '2vptu5timamqttgl4luu9kg21e0aor3s',
  '*.w': 'r53bq7cc2uvmubfu5ocmm6pers9tk9en',
  xx: 't644ebqk9bibcna874givr6joj62mlhv',
} as const;

const EXAMPLES: readonly (readonly [string, string, string, number, readonly (keyof typeof HASH)[]])[] = [
  ['B.1 name error', 'a.c.x.w.example.', 'A', 3, ['example', 'x.w', 'a']],
  ['B.2 no data', 'ns1.example.', 'MX', 0, ['ns1']],
  ['B.2.1 no data at an empty non-terminal', 'y.w.example.', 'A', 0, ['y.w']],
  ['B.3 referral to an opt-out unsigned zone', 'mc.c.example.', 'MX', 0, ['example', 'a']],
  ['B.5 wildcard no data', 'a.z.w.example.', 'AAAA', 0, ['w', 'ns2', '*.w']],
  ['B.6 DS child zone no data', 'example.', 'DS', 0, ['example']],
];

describe('S-027 RFC 5155 appendix B', () => {
  for (const [title, name, type, rcode, hashes] of EXAMPLES)
    test(title, () => {
      const message = asker.ask(name, type);
      assert.equal(message.rcode, rcode);
      assert.deepEqual(hashed(message.authorities), expected(hashes));
    });

  test('B.4 wildcard expansion: only the next closer name is covered', () => {
    const message = asker.ask('a.z.w.example.', 'MX');
    assert.deepEqual(lines(message.answers), ['a.z.w.example. MX 1 ai.example.', 'a.z.w.example. RRSIG MX']);
    assert.equal(hashed(message.authorities).length, 1);
  });

  test('a referral to a signed zone has DS and no NSEC3', () => {
    const message = asker.ask('mc.a.example.', 'MX');
    assert.deepEqual(hashed(message.authorities), []);
    assert.ok(lines(message.authorities).includes('a.example. RRSIG DS'));
  });

  test('section 7.2.8: a name that is a hash is like any other', () => {
    const message = asker.ask('2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.', 'A');
    assert.deepEqual(lines(message.answers)[0], '2t7b4g4vsa5smi47k61mv5bv1a22bojr.example. A 192.0.2.127');
    const nsec3 = asker.ask('2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.', 'NSEC3');
    assert.equal(nsec3.answers.length, 0, 'NSEC3 records are no answers to questions for NSEC3');
  });
});

function hashed(records: Parameters<typeof lines>[0]): string[] {
  return records
    .filter(({ type }) => type === TYPE.NSEC3)
    .map(({ owner }) => nameToText(owner).split('.')[0].toLowerCase())
    .toSorted();
}

function expected(names: readonly (keyof typeof HASH)[]): string[] {
  return names.map((name) => HASH[name]).toSorted();
}
