import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '../../src/base/octets.ts';
import { HASH_RECORD_WORDS, HashRecords, sortHashRecords } from '../../src/signer/hash-records.ts';
import { signZone } from '../../src/signer/sign-zone.ts';
import { loadLines, recordLines, signingKey, signingParameters, testZone } from './fixture.ts';

/** The zone of RFC 5155 appendix A without what signing makes. */
const ZONE = [
  '@ 3600 SOA ns1 bugs.x.w 1 3600 300 3600000 3600',
  '@ 3600 NS ns1',
  '@ 3600 NS ns2',
  '@ 3600 MX 1 xx',
  '2t7b4g4vsa5smi47k61mv5bv1a22bojr 3600 A 192.0.2.127',
  'a 3600 NS ns1.a',
  'a 3600 NS ns2.a',
  'a 3600 DS 58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C',
  'ns1.a 3600 A 192.0.2.5',
  'ns2.a 3600 A 192.0.2.6',
  'ai 3600 A 192.0.2.9',
  'ai 3600 HINFO "KLH-10" "ITS"',
  'ai 3600 AAAA 2001:db8:0:0:0:0:f00:baa9',
  'c 3600 NS ns1.c',
  'c 3600 NS ns2.c',
  'ns1.c 3600 A 192.0.2.7',
  'ns2.c 3600 A 192.0.2.8',
  'ns1 3600 A 192.0.2.1',
  'ns2 3600 A 192.0.2.2',
  '*.w 3600 MX 1 ai',
  'x.w 3600 MX 1 xx',
  'x.y.w 3600 MX 1 xx',
  'xx 3600 A 192.0.2.10',
  'xx 3600 HINFO "KLH-10" "TOPS-20"',
  'xx 3600 AAAA 2001:db8:0:0:0:0:f00:baaa',
];

/** Hash and types in hash order, as the RFC prints the chain. */
const CHAIN = [
  '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom ns soa mx rrsig dnskey nsec3param',
  '2t7b4g4vsa5smi47k61mv5bv1a22bojr a rrsig',
  '2vptu5timamqttgl4luu9kg21e0aor3s mx rrsig',
  '35mthgpgcu1qg68fab165klnsnk3dpvl ns ds rrsig',
  'b4um86eghhds6nea196smvmlo4ors995 mx rrsig',
  'gjeqe526plbf1g8mklp59enfd789njgi a hinfo aaaa rrsig',
  'ji6neoaepv8b5o6k4ev33abha8ht9fgc ',
  'k8udemvp1j2f7eg6jebps17vp3n8i58h ',
  'kohar7mbb8dc2ce8a9qvl8hon4k53uhi a rrsig',
  'q04jkcevqvmu85r014c7dkba38o0ji5r a rrsig',
  'r53bq7cc2uvmubfu5ocmm6pers9tk9en mx rrsig',
  't644ebqk9bibcna874givr6joj62mlhv a hinfo aaaa rrsig',
];

test('RFC 5155 appendix A: the chain of its zone, with opt-out, 12 iterations and salt aabbccdd', async () => {
  const zone = testZone();
  const denial = { kind: 'nsec3', iterations: 12, salt: fromHex('aabbccdd')!, optOut: true } as const;
  const parameters = signingParameters([signingKey('ksk'), signingKey('zsk')], { denial });
  const { version } = await signZone(zone.store, loadLines(zone, ZONE), parameters, zone);
  const lines = recordLines(zone.arena, version).filter((line) => / NSEC3 /.test(line));
  const found = lines.map((line) => /^(\w{32})\.example\. 3600 NSEC3 1 1 12 aabbccdd (\w{32}) ?(.*)$/.exec(line)!);
  assert.deepEqual(found.map(([, hash, , types]) => `${hash} ${types}`).toSorted(), CHAIN);
  found.forEach(([, , next], i) => assert.equal(next, found[(i + 1) % found.length][1]));
});

test('RFC 5155 section 7.1: a hash that two names share is an error', () => {
  const records = (first: number): Uint32Array => {
    const list = new HashRecords();
    for (let i = 0; i < 100; i++)
      list.add(
        Uint8Array.from({ length: 20 }, (_, at) => (at === 19 ? first + i : 7)),
        i,
        0,
      );
    return list.finish();
  };
  const sorted = new Uint32Array(sortHashRecords([records(100), records(0)]));
  const lastOctets = Array.from({ length: 200 }, (_, i) => sorted[i * HASH_RECORD_WORDS + 4] & 0xff);
  assert.deepEqual(
    lastOctets,
    Array.from({ length: 200 }, (_, i) => i),
  );
  assert.throws(() => sortHashRecords([records(100), records(1)]), { name: 'SignetError', code: 'NSEC3_COLLISION' });
});

test('without denial and keys a signed zone becomes the unsigned one again', async () => {
  const zone = testZone();
  const unsigned = loadLines(zone, ZONE);
  const keys = [signingKey('ksk'), signingKey('zsk')];
  const { version } = await signZone(zone.store, unsigned, signingParameters(keys), zone);
  const bare = signingParameters([], { denial: { kind: 'none' } });
  const stripped = await signZone(zone.store, version, bare, zone);
  assert.deepEqual(recordLines(zone.arena, stripped.version), recordLines(zone.arena, unsigned));
});
