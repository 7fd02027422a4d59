import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextRefresh } from '../../src/signer/next-refresh.ts';
import { signZone } from '../../src/signer/sign-zone.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { loadLines, NOW, recordLines, signingKey, signingParameters, SOA, testZone, type TestZone } from './fixture.ts';

const LINES = [
  SOA,
  '@ 3600 NS ns',
  'ns 3600 A 10.0.0.1',
  'www 3600 A 10.0.0.2',
  '*.wild 3600 TXT "x"',
  'a.b.ent 3600 A 10.0.0.3',
  'sub 3600 NS ns.sub',
  'ns.sub 3600 A 10.0.0.4',
  'sec 3600 NS ns.sec',
  'ns.sec 3600 A 10.0.0.4',
  'sec 3600 DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123',
  'dn 3600 DNAME other.example.',
  'below.dn 3600 A 10.0.0.5',
];
const KSK = signingKey('ksk');
const ZSK = signingKey('zsk');
const KEYS = [KSK, ZSK];
const NSEC3 = { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false } as const;

/** "owner TYPE tag" of every signature. */
function signatures(zone: TestZone, version: number): string[] {
  const lines = recordLines(zone.arena, version).filter((line) => line.includes(' RRSIG ('));
  return lines.map((line) => line.replace(/^(\S+) \d+ RRSIG \((\S+) \d+ (\d+)\)$/, '$1 $2 $3')).toSorted();
}

function expirations(zone: TestZone, version: number): number[] {
  const reader = new ZoneReader(zone.arena).open(version);
  const all: number[] = [];
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next())
    for (let i = 0; i < reader.rrsetCount(node); i++)
      for (let at = reader.firstSignature(reader.rrsetAt(node, i)); at !== 0; at = reader.nextSignature(at))
        all.push(reader.signatureExpiration(at));
  return all;
}

test('S-037 S-038 S-044 S-045 the KSK signs DNSKEY, CDS and CDNSKEY, the ZSK the rest; no glue, no delegation NS', async () => {
  const zone = testZone();
  const cds = [Uint8Array.of(1, 2, 13, 2, ...new Uint8Array(32))];
  const keyRRsets = { dnskey: KEYS.map((key) => key.dnskey), cds, cdnskey: [KSK.dnskey], ttl: 3600 };
  const parameters = signingParameters(KEYS, { keyRRsets });
  const { version, statistics } = await signZone(zone.store, loadLines(zone, LINES), parameters, zone);
  assert.deepEqual(
    signatures(zone, version),
    [
      `*.wild.example. NSEC ${ZSK.tag}`,
      `*.wild.example. TXT ${ZSK.tag}`,
      `a.b.ent.example. A ${ZSK.tag}`,
      `a.b.ent.example. NSEC ${ZSK.tag}`,
      `dn.example. DNAME ${ZSK.tag}`,
      `dn.example. NSEC ${ZSK.tag}`,
      `example. CDNSKEY ${KSK.tag}`,
      `example. CDS ${KSK.tag}`,
      `example. DNSKEY ${KSK.tag}`,
      `example. NS ${ZSK.tag}`,
      `example. NSEC ${ZSK.tag}`,
      `example. SOA ${ZSK.tag}`,
      `ns.example. A ${ZSK.tag}`,
      `ns.example. NSEC ${ZSK.tag}`,
      `sec.example. DS ${ZSK.tag}`,
      `sec.example. NSEC ${ZSK.tag}`,
      `sub.example. NSEC ${ZSK.tag}`,
      `www.example. A ${ZSK.tag}`,
      `www.example. NSEC ${ZSK.tag}`,
    ].toSorted(),
  );
  assert.equal(statistics.generated, 19);
  assert.deepEqual((await verifyZone(zone.arena, version, { now: NOW })).faults, []);
});

test('S-039 a CSK alone signs everything', async () => {
  const zone = testZone();
  const csk = signingKey('csk');
  const { version } = await signZone(zone.store, loadLines(zone, LINES), signingParameters([csk]), zone);
  const verdict = await verifyZone(zone.arena, version, { now: NOW, ignoreKskFlag: true });
  assert.deepEqual(verdict.faults, []);
  assert.deepEqual(verdict.counts[0].ksks, { active: 1, standBy: 0, revoked: 0 });
});

test('two algorithms: each RRset is signed by both (RFC 4035 section 2.2)', async () => {
  const zone = testZone();
  const keys = [...KEYS, signingKey('ksk', 15), signingKey('zsk', 15)];
  const { version } = await signZone(zone.store, loadLines(zone, LINES), signingParameters(keys), zone);
  const verdict = await verifyZone(zone.arena, version, { now: NOW });
  assert.deepEqual(verdict.faults, []);
  assert.deepEqual(verdict.algorithms, [13, 15]);
});

test('S-027 the NSEC chain visits every name with data once and ends at the apex', async () => {
  const zone = testZone();
  const { version } = await signZone(zone.store, loadLines(zone, LINES), signingParameters(KEYS), zone);
  const reader = new ZoneReader(zone.arena).open(version);
  const visited: number[] = [];
  let node = reader.apexNode;
  do {
    visited.push(node);
    node = reader.find(reader.rdataAll(reader.rrset(node, TYPE.NSEC))[0]);
  } while (node !== reader.apexNode && visited.length < 100);
  assert.equal(visited.length, 8);
});

test('RFC 9077: NSEC and NSEC3 have the lesser of SOA minimum and SOA TTL', async () => {
  for (const denial of [{ kind: 'nsec' } as const, NSEC3]) {
    const zone = testZone();
    const soa = '@ 120 SOA ns hostmaster 1 7200 3600 1209600 300';
    const parameters = signingParameters(KEYS, { denial });
    const { version } = await signZone(zone.store, loadLines(zone, [soa, ...LINES.slice(1)]), parameters, zone);
    const chain = recordLines(zone.arena, version).filter((line) => / NSEC3? /.test(line));
    assert.ok(chain.length > 5 && chain.every((line) => line.split(' ')[1] === '120'));
  }
});

test('S-049 with opt-out insecure delegations and what only leads to them have no NSEC3', async () => {
  const lines = [...LINES, 'x.only 3600 NS ns.other.', 'y.both 3600 NS ns.other.', 'z.both 3600 A 10.0.0.6'];
  const counts: number[] = [];
  for (const optOut of [false, true]) {
    const zone = testZone();
    const parameters = signingParameters(KEYS, { denial: { ...NSEC3, optOut } });
    const { version } = await signZone(zone.store, loadLines(zone, lines), parameters, zone);
    counts.push(new ZoneReader(zone.arena).open(version).hashCount);
    assert.deepEqual((await verifyZone(zone.arena, version, { now: NOW })).faults, []);
  }
  // Without NSEC3: sub, x.only, only and y.both.
  assert.equal(counts[0] - counts[1], 4);
});

test('S-051 S-052 S-054 expirations: jitter before the end for zone data, none for the keys and the SOA', async () => {
  const zone = testZone();
  const jitter = 43200;
  const lines = [...LINES, ...Array.from({ length: 400 }, (_, i) => `h${i} 3600 A 10.1.0.1`)];
  const end = NOW + 14 * 86400;
  const parameters = signingParameters(KEYS, { jitter, expirationDnskey: end + 1000 });
  const { version } = await signZone(zone.store, loadLines(zone, lines), parameters, zone);
  const all = expirations(zone, version);
  assert.equal(all.filter((time) => time === end + 1000).length, 1);
  const spread = all.filter((time) => time <= end);
  assert.ok(spread.every((time) => time >= end - jitter));
  // 800 evenly spread values: each quarter of the interval holds between 150 and 250 of them but once in a million runs.
  for (let quarter = 0; quarter < 4; quarter++) {
    const low = end - ((quarter + 1) * jitter) / 4;
    const count = spread.filter((time) => time > low && time <= low + jitter / 4).length;
    assert.ok(count > 140 && count < 265, `${count} in quarter ${quarter}`);
  }
  assert.equal(nextRefresh(zone.arena, version), Math.min(...all));
});

test('good signatures of the input are verified and kept, others made anew', async () => {
  const zone = testZone();
  const parameters = signingParameters(KEYS);
  const first = await signZone(zone.store, loadLines(zone, LINES), parameters, zone);
  const again = await signZone(zone.store, first.version, parameters, zone);
  const all = first.statistics.generated;
  assert.deepEqual(again.statistics, { generated: 0, retained: all, dropped: 0, verified: all, refuted: 0 });
  const edit = zone.store.edit(first.version);
  const www = mustName('www.example.');
  const reader = new ZoneReader(zone.arena).open(first.version);
  const old = reader.signaturesAll(reader.rrset(reader.find(www), TYPE.A));
  edit.setRRset(www, TYPE.A, 3600, [Uint8Array.of(10, 9, 9, 9)], old);
  const changed = await signZone(zone.store, edit.commit(), parameters, zone);
  assert.deepEqual(changed.statistics, { generated: 1, retained: all - 1, dropped: 1, verified: all - 1, refuted: 1 });
  const later = signingParameters(KEYS, { refreshBefore: NOW + 15 * 86400 });
  const refreshed = await signZone(zone.store, first.version, later, zone);
  assert.deepEqual(refreshed.statistics, { generated: all, retained: 0, dropped: all, verified: 0, refuted: 0 });
});

test('signing an NSEC zone for NSEC3 and back leaves nothing of the other chain', async () => {
  const zone = testZone();
  const nsec = await signZone(zone.store, loadLines(zone, LINES), signingParameters(KEYS), zone);
  const hashed = await signZone(zone.store, nsec.version, signingParameters(KEYS, { denial: NSEC3 }), zone);
  const back = await signZone(zone.store, hashed.version, signingParameters(KEYS), zone);
  assert.ok(!recordLines(zone.arena, hashed.version).some((line) => / NSEC /.test(line)));
  assert.deepEqual(recordLines(zone.arena, back.version), recordLines(zone.arena, nsec.version));
});

test('a zone of many slices over threads equals the same signed in one thread', async () => {
  const lines = [...LINES, ...Array.from({ length: 3000 }, (_, i) => `h${i % 7}.h${i} 3600 A 10.1.0.1`)];
  for (const denial of [{ kind: 'nsec' } as const, NSEC3]) {
    const results: string[][] = [];
    for (const threads of [1, 2]) {
      const zone = testZone(undefined, threads);
      await using _pool = zone.pool;
      const parameters = signingParameters(KEYS, { denial });
      const { version } = await signZone(zone.store, loadLines(zone, lines), parameters, zone);
      results.push(recordLines(zone.arena, version));
    }
    assert.deepEqual(results[0], results[1]);
  }
});

test('a private key that does not belong to its DNSKEY is an error that names the key, in every thread', async () => {
  for (const threads of [1, 2]) {
    const zone = testZone(undefined, threads);
    await using _pool = zone.pool;
    const lines = [...LINES, ...Array.from({ length: 500 }, (_, i) => `h${i} 3600 A 10.1.0.1`)];
    const wrong = { ...ZSK.private, fields: signingKey('zsk').private.fields };
    const parameters = signingParameters([KSK, { ...ZSK, private: wrong }]);
    const signing = signZone(zone.store, loadLines(zone, lines), parameters, zone);
    await assert.rejects(signing, {
      name: 'SignetError',
      code: 'PRIVATE_KEY_MISMATCH',
      message: new RegExp(`${ZSK.tag}`),
    });
  }
});
