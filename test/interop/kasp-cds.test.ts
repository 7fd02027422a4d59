import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { SCENARIOS, SPLIT_TO_CSK } from './kasp-scenarios.ts';
import type { KaspServer } from './kasp-server.ts';
import { compareServers } from './kasp-side-by-side.ts';
import { execute, type Outcome } from './named-process.ts';
import { HOST, output } from './serve-peers.ts';

/*
 * At each event of a zone's life: BIND's dnssec-cds takes our CDS and our CDNSKEY and makes the DS of them that they mean, and delv, which
 * begins at the DS that the parent has then, validates the zone.
 */

const LIVES = new Map(
  [
    'a ZSK and a KSK rollover with intervals that all differ',
    'a CSK rollover',
    'another algorithm for KSK and ZSK',
    'back to unsigned',
    'from one CSK to KSK and ZSK',
  ].map((name) => [name, SCENARIOS[name]]),
);
LIVES.set('from KSK and ZSK to one CSK', SPLIT_TO_CSK);

for (const [name, scenario] of LIVES)
  test(`S-160 (part) ${name}: dnssec-cds takes CDS and CDNSKEY, delv validates`, async () => {
    let accepted = 0;
    let before = '';
    const { made, difference } = await compareServers(['ours'], scenario, async (server, zone, ds) => {
      if (ds.length === 0) return;
      const child = await childRecords(server, zone);
      const seen = `${ds.join(' ')}\n${child}`;
      if (seen === before) return;
      before = seen;
      accepted += await followWithDnssecCds(server, zone, child, ds);
      await validate(server, zone, ds);
    });
    assert.equal(difference, undefined);
    assert.deepEqual(made.toSorted(), [...scenario.made].toSorted());
    assert.ok(accepted > 0);
  });

function childRecords(server: KaspServer, zone: string): Promise<string> {
  const questions = ['DNSKEY', 'CDS', 'CDNSKEY'].flatMap((type) => [zone, type]);
  return server.dig('+tcp', '+dnssec', '+noall', '+answer', ...questions);
}

/** The number of times that dnssec-cds had something to read. */
async function followWithDnssecCds(
  server: KaspServer,
  zone: string,
  child: string,
  ds: readonly string[],
): Promise<number> {
  if (!/\sCDS\s/.test(child)) return 0;
  const [childFile, parentFile] = ['child', 'dsset'].map((name) => path.join(server.home, `${name}.test`));
  fs.writeFileSync(childFile, child);
  fs.writeFileSync(parentFile, await dsOf(server, zone, ds));
  const wanted = [...child.matchAll(/\sIN\s+CDS\s+(\d+ \d+ \d+) /g)].map(([, start]) => start);
  // BIND 9.18.49's dnssec-cds does not know deletion (RFC 8078 section 4): it makes a DS of that CDNSKEY, "768 0 2". So the octets themselves.
  if (wanted.includes('0 0 0')) {
    assert.deepEqual(
      [await only(server, zone, 'CDS'), await only(server, zone, 'CDNSKEY')],
      ['0 0 0 00', '0 3 0 AA=='],
    );
    return 1;
  }
  for (const preference of [[], ['-D']]) {
    const outcome = await execute('dnssec-cds', [...preference, '-f', childFile, '-d', parentFile, zone]);
    assert.equal(outcome.code, 0, outcome.stderr + child);
    assert.deepEqual(dsIn(outcome), wanted.toSorted());
  }
  return 1;
}

/** The RRset, which has to be one record. */
const only = async (server: KaspServer, zone: string, type: string): Promise<string> =>
  (await server.dig('+tcp', '+short', zone, type)).trim();

const dsIn = ({ stdout }: Outcome): string[] =>
  [...stdout.matchAll(/\sDS\s+(\d+ \d+ \d+) /g)].map(([, start]) => start).toSorted();

/** DS records of these keys, as their parent has them. */
async function dsOf(server: KaspServer, zone: string, labels: readonly string[]): Promise<string> {
  const keys = server.keys(zone).filter(({ label }) => labels.includes(label));
  assert.equal(keys.length, labels.length, `${zone}: a DS leads to a key that has no files any more`);
  const made = keys.map(({ file }) => output('dnssec-dsfromkey', ['-2', '-T', '3600', `${file}.key`], server.home));
  return (await Promise.all(made)).join('');
}

async function validate(server: KaspServer, zone: string, ds: readonly string[]): Promise<void> {
  const anchors = path.join(server.home, 'anchors.test');
  const records = [...(await dsOf(server, zone, ds)).matchAll(/\sDS (\d+ \d+ \d+) (.+)$/gm)];
  const lines = records.map(([, start, digest]) => `${zone}. static-ds ${start} "${digest.replaceAll(' ', '')}";`);
  fs.writeFileSync(anchors, `trust-anchors { ${lines.join(' ')} };\n`);
  for (const question of [
    [`www.${zone}`, 'A'],
    [`absent.${zone}`, 'A'],
    [zone, 'SOA'],
  ]) {
    const args = [`@${HOST}`, '-p', String(server.ports.dns), '-a', anchors, `+root=${zone}`, ...question];
    const { stdout, stderr } = await execute('delv', args);
    assert.match(stdout, /^; (?:negative response, )?fully validated$/m, `${question.join(' ')}: ${stdout}${stderr}`);
  }
}
