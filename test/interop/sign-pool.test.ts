import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { main as dnssecSignzone } from '../../src/tools/dnssec-signzone.ts';
import { main as dnssecVerify } from '../../src/tools/dnssec-verify.ts';
import { delegationZone, zonePool, type PoolZone } from '../zones/zone-pool.ts';
import { makeKeys, ours, peer, temporaryDirectory, writeZone } from './sign-peer.ts';

// One zone of the pool has NSEC and NSEC3PARAM records of its own: -u makes the chain asked for.
const CHAINS = { NSEC: ['-u'], NSEC3: ['-u', '-3', '-'], 'NSEC3 with opt-out': ['-u', '-3', 'abcd', '-H', '1', '-A'] };

/** The programs that look at a signed file, by name. */
const JUDGES = {
  'dnssec-verify': (zone: string) => ['-q', '-o', zone],
  'ldns-verify-zone': () => [],
  kzonecheck: (zone: string) => ['-o', zone],
  'named-checkzone': (zone: string) => ['-q', '-i', 'none', '-k', 'ignore', zone],
};

/** Every judge has to accept the file, except one that does not accept what BIND signed from the same zone either. */
function assertAccepted(directory: string, zone: string, file: string, chain: readonly string[]): void {
  for (const [judge, words] of Object.entries(JUDGES)) {
    const verdict = peer(directory, judge, ...words(zone), file);
    if (verdict.status === 0) continue;
    peer(directory, 'dnssec-signzone', '-S', '-q', ...chain, '-o', zone, '-f', 'by-bind', 'zone.db');
    const ofBind = peer(directory, judge, ...words(zone), 'by-bind');
    assert.notEqual(ofBind.status, 0, `${judge}: ${verdict.out}${verdict.complaint}`);
  }
}

async function signAndJudge(zone: PoolZone, algorithm: string, chain: readonly string[]): Promise<void> {
  using directory = temporaryDirectory();
  writeZone(directory.path, zone);
  makeKeys(directory.path, zone.zone, algorithm);
  const cwd = process.cwd();
  process.chdir(directory.path); // zones of the pool include files by relative names
  try {
    const signed = await ours(dnssecSignzone, '-S', ...chain, '-o', zone.zone, 'zone.db');
    assert.equal(signed.status, 0, signed.complaint);
    const verified = await ours(dnssecVerify, '-q', '-o', zone.zone, 'zone.db.signed');
    assert.equal(verified.status, 0, verified.complaint);
  } finally {
    process.chdir(cwd);
  }
  assertAccepted(directory.path, zone.zone, 'zone.db.signed', chain);
}

for (const [name, chain] of Object.entries(CHAINS))
  for (const zone of zonePool())
    test(`S-026 S-027 S-047 S-049 ${name}, ${zone.title}: all judges accept what we sign`, () =>
      signAndJudge(zone, 'ECDSAP256SHA256', chain));

for (const algorithm of ['RSASHA256', 'RSASHA512', 'ECDSAP384SHA384', 'ED25519', 'ED448'])
  test(`S-043 ${algorithm}: all judges accept what we sign`, () =>
    signAndJudge(delegationZone(20), algorithm, CHAINS.NSEC));

test('S-007 BIND keeps our signatures, and we keep those of BIND, ldns and Knot', async () => {
  using directory = temporaryDirectory();
  const zone = delegationZone(20);
  writeZone(directory.path, zone);
  makeKeys(directory.path, zone.zone, 'ECDSAP256SHA256');
  const at = (name: string): string => path.join(directory.path, name);
  const common = ['-S', '-t', '-K', directory.path, '-d', directory.path, '-o', zone.zone];
  const mine = await ours(dnssecSignzone, ...common, '-f', at('ours'), at('zone.db'));
  assert.equal(mine.status, 0, mine.complaint);
  const made = Number(/generated:\s+(\d+)/.exec(mine.out)![1]);
  const again = peer(directory.path, 'dnssec-signzone', '-S', '-t', '-o', zone.zone, '-f', 'bind-again', 'ours');
  assert.match(again.out, new RegExp(`retained:\\s+${made}\n`));
  assert.match(again.out, /generated:\s+0\n/);

  const theirs = peer(directory.path, 'dnssec-signzone', '-S', '-t', '-o', zone.zone, '-f', 'bind', 'zone.db');
  assert.equal(theirs.status, 0, theirs.complaint);
  const keys = fs.readdirSync(directory.path).filter((name) => name.endsWith('.private'));
  const ldns = peer(directory.path, 'ldns-signzone', '-f', 'ldns', 'bind', ...keys.map((name) => name.slice(0, -8)));
  assert.equal(ldns.status, 0, ldns.complaint);
  signByKnot(directory.path, zone.zone, keys);
  for (const input of ['bind', 'ldns', 'knot']) {
    const kept = await ours(dnssecSignzone, ...common, '-f', at(`${input}-again`), at(input));
    assert.equal(kept.status, 0, kept.complaint);
    const retained = Number(/retained:\s+(\d+)/.exec(kept.out)![1]);
    assert.ok(retained >= made - 1, `${input}: ${kept.out}`);
    assertAccepted(directory.path, zone.zone, `${input}-again`, []);
  }
});

/** kzonesign with the same keys; its output is the file "knot". */
function signByKnot(directory: string, zone: string, privateFiles: readonly string[]): void {
  const configuration = path.join(directory, 'knot.conf');
  for (const place of ['database', 'out']) fs.mkdirSync(path.join(directory, place));
  fs.writeFileSync(
    configuration,
    `server:
  rundir: "${directory}"
database:
  storage: "${directory}/database"
policy:
  - id: manual
    manual: on
    algorithm: ecdsap256sha256
    rrsig-lifetime: 30d
zone:
  - domain: ${zone}
    file: "${path.join(directory, 'zone.db')}"
    dnssec-signing: on
    dnssec-policy: manual
`,
  );
  for (const file of privateFiles) {
    const imported = peer(directory, 'keymgr', '-c', configuration, zone, 'import-bind', path.join(directory, file));
    assert.equal(imported.status, 0, imported.complaint);
  }
  const signed = peer(directory, 'kzonesign', '-c', configuration, '-o', path.join(directory, 'out'), zone);
  assert.equal(signed.status, 0, signed.complaint);
  const [made] = fs.readdirSync(path.join(directory, 'out'));
  fs.renameSync(path.join(directory, 'out', made), path.join(directory, 'knot'));
}
