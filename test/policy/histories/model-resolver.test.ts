import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bogusBecause, bogusMix, ServedVersions } from './caches.ts';
import type { CachedMix, DataRrset, DnskeyRrset, DsRrset, KeyName } from './caches.ts';

const [A, B, C]: KeyName[] = [
  { id: 'a', algorithm: 13 },
  { id: 'b', algorithm: 13 },
  { id: 'c', algorithm: 8 },
];

function mix(ds: KeyName[], dnskey: KeyName[], signers: KeyName[], data: KeyName[]): CachedMix {
  const span = { ttl: 10, since: 0, gone: Infinity };
  return {
    ds: { rrset: { kind: 'ds', keys: ds }, ...span },
    dnskey: { rrset: { kind: 'dnskey', keys: dnskey, signers }, ...span },
    data: { rrset: { kind: 'data', signers: data }, ...span },
  };
}

test('RFC 4035 section 5: a path leads from a DS over a key that signs the DNSKEY RRset to a signature over the data', () => {
  const isGood = (one: CachedMix): boolean => bogusBecause(one, 'lenient') === undefined;
  assert.ok(isGood(mix([A], [A, B], [A], [B])));
  assert.ok(!isGood(mix([B], [A], [A], [A])), 'the DS has no DNSKEY');
  assert.ok(!isGood(mix([B], [A, B], [A], [A])), 'the key of the DS does not sign');
  assert.ok(!isGood(mix([A], [A], [A], [B])), 'the signer of the data has no DNSKEY');
  assert.ok(!isGood(mix([A], [A], [A], [])), 'the data are not signed');
  assert.ok(!isGood(mix([A], [], [], [])), 'the zone is unsigned although it has a DS');
  assert.ok(isGood(mix([], [A], [], [B])), 'without a DS nothing is bogus');
});

test('RFC 6840 section 5.11: a strict validator wants every algorithm of the DS RRset to work, a lenient one any', () => {
  const halfway = mix([A, C], [A, C], [A], [A]);
  assert.equal(bogusBecause(halfway, 'lenient'), undefined);
  assert.match(bogusBecause(halfway, 'strict')!, /algorithm 8/);
  assert.match(bogusBecause(mix([A, C], [A, C], [A, C], [A]), 'strict')!, /signature over data .*algorithm 8/);
  assert.equal(bogusBecause(mix([A, C], [A, C], [A, C], [A, C]), 'strict'), undefined);
  assert.equal(bogusBecause(mix([A], [A, C], [A], [A]), 'strict'), undefined, 'the DNSKEY RRset announces nothing');
});

test('RFC 7583 section 3.1: a version stays for the delay of slow servers and its own TTL after it was replaced', () => {
  const rrset = new ServedVersions<DsRrset>({ kind: 'ds', keys: [A] }, 10);
  assert.ok(rrset.replace({ kind: 'ds', keys: [B] }, 50, 100, 3));
  assert.ok(!rrset.replace({ kind: 'ds', keys: [B] }, 50, 101, 3), 'the same again is no new version');
  const keys = (at: number): string => rrset.inCaches(at).map((one) => one.rrset.keys[0].id).join(''); // prettier-ignore
  assert.equal(keys(100), 'ba');
  assert.equal(keys(112), 'ba');
  assert.equal(keys(113), 'b');
});

test('RFC 7583 section 3.2.1: mixes of versions that were never served together are found, and only while they can be', () => {
  const caches = {
    ds: new ServedVersions<DsRrset>({ kind: 'ds', keys: [A] }, 10),
    dnskey: new ServedVersions<DnskeyRrset>({ kind: 'dnskey', keys: [A], signers: [A] }, 10),
    data: [new ServedVersions<DataRrset>({ kind: 'data', signers: [A] }, 10)],
  };
  caches.dnskey.replace({ kind: 'dnskey', keys: [A, B], signers: [A] }, 10, 100, 0);
  caches.data[0].replace({ kind: 'data', signers: [B] }, 10, 109, 0);
  const found = bogusMix(caches, 109, 'lenient');
  assert.deepEqual(found?.dnskey.rrset.keys, [A]);
  assert.deepEqual(found.data.rrset.signers, [B]);
  assert.equal(bogusMix(caches, 110, 'lenient'), undefined);
});

test("a validator may keep validated keys for the TTL of their RRset, whatever became of the DS (Unbound's key cache)", () => {
  const caches = {
    ds: new ServedVersions<DsRrset>({ kind: 'ds', keys: [A] }, 10, Infinity),
    dnskey: new ServedVersions<DnskeyRrset>({ kind: 'dnskey', keys: [A], signers: [A] }, 50),
    data: [new ServedVersions<DataRrset>({ kind: 'data', signers: [A] }, 10)],
  };
  caches.ds.replace({ kind: 'ds', keys: [] }, 10, 100, 0);
  caches.dnskey.replace({ kind: 'dnskey', keys: [], signers: [] }, 50, 120, 0);
  caches.data[0].replace({ kind: 'data', signers: [] }, 10, 120, 0);
  // The DS left the caches at 110, the keys 50 seconds later at the latest; their RRset stays till 170.
  const found = bogusMix(caches, 159, 'lenient');
  assert.deepEqual([found?.ds.rrset.keys, found?.dnskey.rrset.keys, found?.data.rrset.signers], [[A], [A], []]);
  assert.equal(bogusMix(caches, 160, 'lenient'), undefined);
  assert.ok(bogusMix(caches, 154, 'lenient', 5), 'a margin that was used up makes it shorter');
  assert.equal(bogusMix(caches, 155, 'lenient', 5), undefined);
});

test('a DNSKEY RRset that came when no cache had the DS any more was never validated by it', () => {
  const caches = {
    ds: new ServedVersions<DsRrset>({ kind: 'ds', keys: [A] }, 10, Infinity),
    dnskey: new ServedVersions<DnskeyRrset>({ kind: 'dnskey', keys: [A], signers: [A] }, 5),
    data: [new ServedVersions<DataRrset>({ kind: 'data', signers: [A] }, 10)],
  };
  caches.ds.replace({ kind: 'ds', keys: [] }, 10, 100, 0);
  caches.dnskey.replace({ kind: 'dnskey', keys: [B], signers: [B] }, 500, 110, 0);
  caches.data[0].replace({ kind: 'data', signers: [B] }, 10, 110, 0);
  assert.equal(bogusMix(caches, 121, 'lenient'), undefined);
});
