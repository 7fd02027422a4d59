import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { main as dnssecVerify } from '../../src/tools/dnssec-verify.ts';
import { makeKeys, ours, peer, temporaryDirectory } from './sign-peer.ts';

const ZONE = `$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
ns1 A 10.0.0.1
www A 10.0.0.2
*.wild TXT "x"
a.b.ent A 10.0.0.3
sub NS ns.sub
ns.sub A 10.0.0.4
sec NS ns.sec
ns.sec A 10.0.0.4
sec DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123
`;

type Break = (lines: string[]) => string[];
const without =
  (pattern: RegExp): Break =>
  (lines) =>
    lines.filter((line) => !pattern.test(line));
const replaced =
  (pattern: RegExp, by: string): Break =>
  (lines) =>
    lines.map((line) => line.replace(pattern, by));
const withoutNth =
  (pattern: RegExp, n: number): Break =>
  (lines) => {
    let seen = 0;
    return lines.filter((line) => !pattern.test(line) || seen++ !== n);
  };
const flipped =
  (pattern: RegExp): Break =>
  (lines) =>
    lines.map((line) =>
      pattern.test(line) ? line.replace(/(.)(.)==$/, (_, a, b) => `${a === 'A' ? 'B' : 'A'}${b}==`) : line,
    );
const added =
  (line: string): Break =>
  (lines) => [...lines, line];

/** Each way to break a zone, with what it was signed with and what it is verified with. */
const TABLE: readonly (readonly [string, 'nsec' | 'nsec3' | 'optout', Break, readonly string[]])[] = [
  ['nothing', 'nsec', (lines) => lines, []],
  ['nothing', 'nsec3', (lines) => lines, []],
  ['nothing', 'optout', (lines) => lines, []],
  ['nothing, KSK flags ignored', 'nsec', (lines) => lines, ['-z']],
  ['nothing, KSK only', 'nsec', (lines) => lines, ['-x']],
  ['a missing RRSIG', 'nsec', without(/^www.*RRSIG\tA /), []],
  ['no RRSIG over NSEC', 'nsec', without(/RRSIG\tNSEC /), []],
  ['no RRSIG over one NSEC', 'nsec', without(/^www.*RRSIG\tNSEC /), []],
  ['no NSEC', 'nsec', without(/NSEC/), []],
  ['one NSEC missing', 'nsec', without(/^www.*NSEC/), []],
  ['no SOA', 'nsec', without(/SOA\t/), []],
  ['no RRSIG over SOA', 'nsec', without(/RRSIG\tSOA/), []],
  ['no DNSKEY', 'nsec', without(/DNSKEY\t/), []],
  ['no RRSIG over DNSKEY', 'nsec', without(/RRSIG\tDNSKEY/), []],
  ['no KSK', 'nsec', without(/DNSKEY\t257/), []],
  ['no ZSK', 'nsec', without(/DNSKEY\t256/), []],
  ['no ZSK, KSK flags ignored', 'nsec', without(/DNSKEY\t256/), ['-z']],
  ['a wrong next name', 'nsec', replaced(/NSEC\tns1\.example\. A/, 'NSEC\tns2.example. A'), []],
  ['a type too many', 'nsec', replaced(/NSEC\tns1\.example\. A/, 'NSEC\tns1.example. A TXT'), []],
  ['a type too few', 'nsec', replaced(/NSEC\tns1\.example\. A/, 'NSEC\tns1.example.'), []],
  ['changed data', 'nsec', replaced(/10\.0\.0\.2/, '10.0.0.9'), []],
  ['a changed DS', 'nsec', replaced(/DS\t12345/, 'DS\t12346'), []],
  ['a larger TTL', 'nsec', replaced(/^(www\S*\s+)3600 IN A/, '$17200 IN A'), []],
  ['a flipped bit', 'nsec', flipped(/^www.*RRSIG\tA /), []],
  ['a new record', 'nsec', added('new.example. 3600 IN A 10.0.0.5'), []],
  ['an NSEC at glue', 'nsec', added('ns.sub.example. 3600 IN NSEC www.example. A RRSIG NSEC'), []],
  ['changed glue', 'nsec', replaced(/^(ns\.sub\S*\s+3600 IN A\t)10\.0\.0\.4/, '$110.0.0.8'), []],
  ['new glue', 'nsec', added('ns2.sub.example. 3600 IN A 10.0.0.5'), []],
  ['no NSEC3PARAM', 'nsec3', without(/NSEC3PARAM/), []],
  ['an NSEC3 missing', 'nsec3', withoutNth(/IN NSEC3\t/, 1), []],
  ['an NSEC3 and its RRSIG missing', 'nsec3', without(/^3MSEV9USMD4BR9S97V51R2TDVMR9IQO1/i), []],
  ['a type too many', 'nsec3', replaced(/(IN NSEC3\t.*) A RRSIG/, '$1 A TXT RRSIG'), []],
  ['a wrong next hash', 'nsec3', replaced(/(IN NSEC3\t1 0 0 - )\w/, '$10'), []],
  ['a new record', 'nsec3', added('new.example. 3600 IN A 10.0.0.5'), []],
  ['an opt-out flag', 'nsec3', replaced(/(IN NSEC3\t)1 0/, '$11 1'), []],
  ['a new insecure delegation', 'optout', added('sub2.example. 3600 IN NS ns.other.'), []],
  ['a new insecure delegation below an empty name', 'optout', added('x.ent2.example. 3600 IN NS ns.other.'), []],
  ['a new record', 'optout', added('new.example. 3600 IN A 10.0.0.5'), []],
];

const SIGNED: Readonly<Record<string, readonly string[]>> = { nsec: [], nsec3: ['-3', '-'], optout: ['-3', '-', '-A'] };

test('dnssec-verify agrees with that of BIND on each way to break a zone', async (t) => {
  using directory = temporaryDirectory();
  const at = (name: string): string => path.join(directory.path, name);
  fs.writeFileSync(at('zone.db'), ZONE);
  makeKeys(directory.path, 'example', 'ECDSAP256SHA256');
  for (const [name, chain] of Object.entries(SIGNED)) {
    const words = ['-S', '-q', ...chain, '-O', 'full', '-o', 'example', '-f', name, 'zone.db'];
    assert.equal(peer(directory.path, 'dnssec-signzone', ...words).status, 0);
  }
  for (const [what, chain, spoil, options] of TABLE) {
    await t.test(`${chain}: ${what}`, async () => {
      const lines = fs.readFileSync(at(chain), 'latin1').trimEnd().split('\n');
      fs.writeFileSync(at('broken'), `${spoil(lines).join('\n')}\n`, 'latin1');
      const theirs = peer(directory.path, 'dnssec-verify', ...options, '-o', 'example', 'broken');
      const mine = await ours(dnssecVerify, ...options, '-o', 'example', at('broken'));
      assert.equal(
        mine.status,
        theirs.status,
        `BIND: ${theirs.out}${theirs.complaint}\nours: ${mine.out}${mine.complaint}`,
      );
      if (theirs.status === 0) assert.equal(mine.out.replace(at('broken'), 'broken'), theirs.out);
    });
  }
});

test('S-500 expired and future signatures are refused as by BIND', async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => path.join(directory.path, name);
  fs.writeFileSync(at('zone.db'), ZONE);
  makeKeys(directory.path, 'example', 'ECDSAP256SHA256');
  for (const times of [
    ['-s', '20200101000000', '-e', '20200201000000'],
    ['-s', '+86400'],
  ]) {
    peer(directory.path, 'dnssec-signzone', '-S', '-P', ...times, '-o', 'example', 'zone.db');
    const theirs = peer(directory.path, 'dnssec-verify', '-o', 'example', 'zone.db.signed');
    const mine = await ours(dnssecVerify, '-o', 'example', at('zone.db.signed'));
    assert.equal(mine.status, theirs.status);
    assert.match(theirs.complaint, /No self-signed KSK DNSKEY found/);
    assert.match(mine.complaint, /No self-signed KSK DNSKEY found/);
  }
});
