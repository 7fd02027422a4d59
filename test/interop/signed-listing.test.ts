import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { execute, type Outcome } from './named-process.ts';
import { peer, temporaryDirectory } from './sign-peer.ts';

/* The way of a manual for signing by hand: keys included in the zone file, dnssec-signzone -S, and the listing that comes of it. */

const ZONE = `$ORIGIN example.net.
$TTL 86400
@           IN SOA     dns1.example.net.  hostmaster.example.net. (
                2001062501 ; serial
                21600      ; refresh after 6 hours
                3600       ; retry after 1 hour
                604800     ; expire after 1 week
                86400 )    ; minimum TTL of 1 day

                IN NS      dns1.example.net.

                IN MX      10      mail.example.net.

dns1        IN A        127.0.0.1

server1     IN A        127.0.0.1

mail        IN CNAME   server1

www         IN CNAME   server1

`;

const tools = path.resolve(import.meta.dirname, '../../src/tools');
const directory = temporaryDirectory();
const at = (name: string): string => path.join(directory.path, name);
let ksk: string;
let zsk: string;
let run: Outcome;
let listing: string;
/** Unix seconds before and after the run. */
let span: readonly [number, number];

const ours = (tool: string, ...words: string[]): Promise<Outcome> =>
  execute(process.execPath, [path.join(tools, `${tool}.ts`), ...words], directory.path);

const now = (): number => Math.floor(Date.now() / 1000);

before(async () => {
  const make = async (...role: string[]): Promise<string> =>
    (await ours('dnssec-keygen', '-q', '-a', 'RSASHA256', '-b', '1024', ...role, 'example.net')).stdout.trim();
  ksk = await make('-f', 'KSK');
  zsk = await make();
  fs.writeFileSync(at('example.net'), `${ZONE}$include ${at(ksk)}.key\n$Include ${at(zsk)}.key\n`);
  const start = now();
  run = await ours('dnssec-signzone', '-S', 'example.net');
  span = [start, now()];
  listing = fs.readFileSync(at('example.net.signed'), 'latin1');
});

after(() => directory[Symbol.dispose]());

const tagOf = (key: string): number => Number(key.slice(-5));

test('S-494 $include in any case takes the keys in by absolute path, and what is signed verifies', () => {
  assert.equal(run.code, 0, run.stderr);
  for (const flags of [256, 257]) assert.equal(listing.match(new RegExp(`DNSKEY\\t${flags} 3 8 `, 'g'))?.length, 1);
  const verify = peer(directory.path, 'dnssec-verify', '-o', 'example.net', 'example.net.signed');
  assert.equal(verify.status, 0, verify.complaint);
  const ldns = peer(directory.path, 'ldns-verify-zone', 'example.net.signed');
  assert.equal(ldns.status, 0, ldns.out + ldns.complaint);
});

test('S-495 (part) as typed in the manual, with keys in files; -E is refused by name until there are tokens', async () => {
  assert.ok(listing.length > 0);
  const { code, stderr } = await ours('dnssec-signzone', '-S', '-E', 'pkcs11', 'example.net');
  assert.equal(code, 1);
  assert.match(stderr, /^dnssec-signzone: fatal: -E.*not supported/);
});

test('S-496 the lines that the command prints', () => {
  assert.equal(
    run.stderr + run.stdout,
    `Verifying the zone using the following algorithms:
- RSASHA256
Zone fully signed:
Algorithm: RSASHA256: KSKs: 1 active, 0 stand-by, 0 revoked
                      ZSKs: 1 active, 0 stand-by, 0 revoked
example.net.signed
`,
  );
});

test('S-497 the listing begins with two comments: when it was written, and by which program and version', () => {
  const [written, version] = listing.split('\n');
  assert.match(written, /^; File written on (Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/);
  const { version: own } = JSON.parse(fs.readFileSync(path.join(tools, '../../package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal(version, `; dnssec_signzone version ${own} (Signet)`);
});

test('S-498 SOA with commented fields, RRSIG in brackets with its times first, DNSKEY with role, algorithm and key id', () => {
  const tabs = '\t'.repeat(5);
  const soa = ['2001062501 ; serial', '21600      ; refresh (6 hours)', '3600       ; retry (1 hour)'];
  soa.push('604800     ; expire (1 week)', '86400      ; minimum (1 day)', ')');
  const head = 'example.net.\t\t86400\tIN SOA\tdns1.example.net. hostmaster.example.net. (';
  assert.ok(listing.includes([head, ...soa.map((line) => tabs + line)].join('\n')), listing);
  assert.match(
    listing,
    new RegExp(`\\t\\t\\t86400\\tRRSIG\\tNS 8 2 86400 \\(\\n${tabs}\\d{14} \\d{14} ${tagOf(zsk)} example\\.net\\.\\n`),
  );
  assert.ok(listing.includes(`${tabs}) ; ZSK; alg = RSASHA256 ; key id = ${tagOf(zsk)}\n`));
  assert.ok(listing.includes(`${tabs}) ; KSK; alg = RSASHA256 ; key id = ${tagOf(ksk)}\n`));
  for (const [program, ...words] of [
    ['named-checkzone', 'example.net', 'example.net.signed'],
    ['ldns-read-zone', 'example.net.signed'],
  ])
    assert.equal(peer(directory.path, program, ...words).status, 0, program);
});

/*
 * A listing of BIND 9.12 as a manual prints it: columns by spaces, algorithm 1, brackets round each base64 text. The octets of the
 * signatures are other ones of the same length; the key with tag 57242 is that of the manual.
 */
const OLD_KSK = `AwEAAcJ03xso21S5H4AxCd4AEaptff2EcL2e
                    G4bYgMINAVYSla28Y6MbUDFg5wUXGHAbc5cz
                    Tjml4SiReALoiKLQ8HttiqlIwxcj4fzaYhV3
                    4BIy9fqGGalY2TFHtmcxCXSMCFPO7nihkzIn
                    O4koi9fGgkSeUn8LhT5n8TgbD0FssBLud1X1
                    hddy4Fky6LMZWsri5veF150ZdgszDFqcB2UG
                    BH1fyJzETklR7DgHgbsgh3B8L8Ya7q98iydk
                    orO6nJe4HdDsS9egDdfra9pW71skDUcyye4K
                    WGQ8/x7wUHsJ3joFrI7CzFDn1q+Nq4Z4Z+Wt
                    sB00noQaiopMv7u57gHfmt8=`;
const OLD_SIGNATURE = ['MU3U0aMVBuz1YzaZfbBhIImqr2/yBvJEUqqC', 'HaluGV0c2ghcH39NYfxxiQpbhdnNBgZrMY2D'];
const oldSignature = (type: string, labels: number, tag: number): string =>
  `                86400  RRSIG  ${type}  1 ${labels} 86400  (
                    20180720110145 20180620110145 ${tag} example.net.
                    ${OLD_SIGNATURE.join('\n                    ')} )`;
const OLD_LISTING = `; File written on Wed Jun 20 07:01:50 2018
; dnssec_signzone version 9.12.1-P2
example.net.      86400  IN  SOA  dns1.example.net.  hostmaster.example.net.  (
                    2001062501 ; serial
                    21600      ; refresh (6 hours)
                    3600      ; retry (1 hour)
                    604800   ; expire (1 week)
                    86400    ; minimum (1 day)
                    )
${oldSignature('SOA', 2, 37518)}
                86400  NS     dns1.example.net.
                86400  NSEC   dns1.example.net.  NS SOA MX RRSIG NSEC DNSKEY
                86400  DNSKEY  257 3 1  (
                    ${OLD_KSK}
                    ) ; KSK; alg = RSAMD5 ; key id = 57242
${oldSignature('DNSKEY', 2, 57242)}
dns1.example.net. 86400 IN A 127.0.0.1
${oldSignature('A', 3, 37518)}
                86400 NSEC example.net. A RRSIG NSEC
`;

test('S-498 the listing of a BIND of 2018 is read: same records as by BIND, and its DNSKEY has the tag it says', async () => {
  fs.writeFileSync(at('old.signed'), OLD_LISTING);
  const words = ['-i', 'none', '-k', 'ignore', '-s', 'full', '-o', '-', '-q', 'example.net', 'old.signed'];
  const theirs = peer(directory.path, 'named-compilezone', ...words);
  const mine = await ours('named-compilezone', ...words);
  assert.deepEqual([mine.code, mine.stdout], [theirs.status, theirs.out], mine.stderr + theirs.complaint);
  assert.equal(mine.code, 0);
  assert.match(mine.stdout, /; key id = 57242\b|DNSKEY\s+257 3 1 AwEAAcJ03xso/);
  const ds = await ours('dnssec-dsfromkey', '-f', 'old.signed', 'example.net');
  assert.match(ds.stdout, /^example\.net\. IN DS 57242 1 2 [0-9A-F]{64}$/m, ds.stderr);
});

test('S-499 the DNSKEY RRset is signed by KSK and ZSK; with -x by the KSK alone', async () => {
  const signers = (text: string): number[] =>
    [...text.matchAll(/RRSIG\tDNSKEY [^(]*\(\s*\d{14} \d{14} (\d+) /g)].map(([, tag]) => Number(tag)).toSorted();
  assert.deepEqual(signers(listing), [tagOf(ksk), tagOf(zsk)].toSorted());
  const alone = await ours('dnssec-signzone', '-S', '-x', '-f', 'x.signed', 'example.net');
  assert.equal(alone.code, 0, alone.stderr);
  assert.deepEqual(signers(fs.readFileSync(at('x.signed'), 'latin1')), [tagOf(ksk)]);
  const verify = peer(directory.path, 'dnssec-verify', '-x', '-o', 'example.net', 'x.signed');
  assert.equal(verify.status, 0, verify.complaint);
});

test('S-500 signatures begin one hour before now and are valid for 30 days', () => {
  const seconds = (text: string): number => {
    const [, year, month, day, hour, minute, second] = /^(....)(..)(..)(..)(..)(..)$/.exec(text)!.map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  };
  const times = [...listing.matchAll(/RRSIG\t[^(]*\(\s*(\d{14}) (\d{14}) /g)];
  assert.ok(times.length >= 12);
  for (const [, expiration, inception] of times) {
    const signedAt = seconds(inception) + 3600;
    assert.ok(signedAt >= span[0] && signedAt <= span[1], `${inception} in ${span.join('..')}`);
    assert.equal(seconds(expiration) - seconds(inception), 30 * 86_400);
  }
});
