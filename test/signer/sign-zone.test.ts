import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signZone } from '../../src/signer/sign-zone.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import { loadLines, NOW, recordLines, signingKey, signingParameters, SOA, testZone } from './fixture.ts';

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

test('S-026 S-027 S-037 S-038 every authoritative RRset is signed, NSEC leads round', async () => {
  const zone = testZone();
  const keys = [signingKey('ksk'), signingKey('zsk')];
  const unsigned = loadLines(zone, LINES);
  const { version, statistics } = await signZone(zone.store, unsigned, signingParameters(keys), zone);
  const lines = recordLines(zone.arena, version);
  const verdict = await verifyZone(zone.arena, version, { now: NOW });
  assert.deepEqual(verdict.faults, []);
  console.log(lines.join('\n'), statistics);
});

test('S-047 S-049 S-050 NSEC3', async () => {
  const zone = testZone();
  const keys = [signingKey('ksk'), signingKey('zsk')];
  const unsigned = loadLines(zone, LINES);
  for (const optOut of [false, true]) {
    const denial = { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut } as const;
    const { version, statistics } = await signZone(zone.store, unsigned, signingParameters(keys, { denial }), zone);
    const lines = recordLines(zone.arena, version);
    const verdict = await verifyZone(zone.arena, version, { now: NOW });
    assert.deepEqual(verdict.faults, []);
    console.log(lines.filter((l) => /NSEC3/.test(l)).join('\n'), statistics);
  }
});
