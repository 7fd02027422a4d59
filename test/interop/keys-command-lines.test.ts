import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { main as dsfromkey } from '../../src/tools/dnssec-dsfromkey.ts';
import { main as keygen } from '../../src/tools/dnssec-keygen.ts';
import { main as settime } from '../../src/tools/dnssec-settime.ts';
import { removeDirectory, runBoth, runPeer, temporaryDirectory, type Command } from './keys-peer.ts';
import { MovedClock } from './moved-clock.ts';

/*
 * The same command line given to BIND's program and to ours, in directories with the same files: exit code, output and
 * files must be the same. A new key's tag and octets differ; both are masked.
 */

const POLICIES = `dnssec-policy roles { dnskey-ttl 7200; keys {
  ksk lifetime P1Y algorithm rsasha256 2048; zsk lifetime P60D algorithm rsasha256 1024;
  csk lifetime unlimited algorithm ed25519; }; };\n`;

/** Before all dates in command lines here. */
const clock = new MovedClock(1_795_000_000);
let model: string;
/** Names of keys in every directory, for command lines to refer to. */
const KEY: Record<string, string> = {};

const make = (name: string, ...argv: string[]): void => {
  const result = runPeer('dnssec-keygen', ['-q', ...argv], model);
  assert.equal(result.code, 0, result.stderr);
  KEY[name] = result.stdout.trim();
};

before(() => {
  model = temporaryDirectory();
  make('ksk', '-a', '13', '-f', 'KSK', 'z.example');
  make('zsk', '-a', '13', '-I', '+40d', '-L', '300', 'z.example');
  make('later', '-a', '13', '-A', '+50d', '-I', '+90d', '-D', '+100d', 'z.example');
  make('rsa', '-a', '8', '-b', '1024', '-I', '+60d', 'rsa.example');
  make('old', '-a', '15', '-C', 'old.example');
  make('revoked', '-a', '13', '-f', 'KSK', '-f', 'REVOKE', 'r.example');
  make('policy', '-k', 'default', 'p.example');
  make('odd', '-a', '13', '-f', 'KSK', 'a/\\.b\\032c\\000.Example');
  fs.writeFileSync(path.join(model, 'policy.conf'), POLICIES);
  const records = ['ksk', 'zsk', 'later'].map((name) =>
    fs.readFileSync(path.join(model, `${KEY[name]}.key`), 'latin1'),
  );
  const zone = `$TTL 300\n${records.join('')}z.example. SOA a b 1 2 3 4 5\nw.z.example. A 192.0.2.1\n`;
  fs.writeFileSync(path.join(model, 'zone.db'), zone);
  fs.writeFileSync(path.join(model, 'keyset-z.example.'), zone);
  fs.writeFileSync(path.join(model, 'nokey.db'), '$TTL 5\nz.example. A 192.0.2.1\n');
  fs.mkdirSync(path.join(model, 'sub'));
});

after(() => {
  removeDirectory(model);
  clock[Symbol.dispose]();
});

/** Words in braces stand for the names of keys. */
const words = (line: string): string[] =>
  (line.match(/'[^']*'|\S+/g) ?? []).map((word) =>
    word.replace(/^'(.*)'$/, '$1').replace(/\{(\w+)\}/g, (_, name: string) => KEY[name]),
  );

interface Masks {
  /** Compare standard error, too. */
  readonly stderr?: boolean;
}

function compare(program: string, main: Command, line: string, masks: Masks): void {
  const made: string[] = [];
  const copy = (): string => {
    const directory = temporaryDirectory();
    made.push(directory);
    fs.cpSync(model, directory, { recursive: true, preserveTimestamps: true });
    return directory;
  };
  try {
    const directories = { theirs: copy(), ours: copy() };
    const { theirs, ours } = runBoth(program, main, words(line), directories, clock);
    assert.equal(ours.code, theirs.code, `exit code; theirs said: ${theirs.stderr}\nours said: ${ours.stderr}`);
    assert.equal(mask(ours.stdout, directories.ours), mask(theirs.stdout, directories.theirs), 'standard output');
    if (masks.stderr !== false)
      assert.equal(
        mask(firstLines(ours.stderr), directories.ours),
        mask(firstLines(theirs.stderr), directories.theirs),
      );
    const [inOurs, inTheirs] = [snapshot(directories.ours), snapshot(directories.theirs)];
    const differs = (file: string, others: string[]): boolean => !others.includes(file);
    assert.deepEqual(
      inOurs.filter((file) => differs(file, inTheirs)),
      inTheirs.filter((file) => differs(file, inOurs)),
      'files',
    );
  } finally {
    made.forEach(removeDirectory);
  }
}

/** Without the lines of a usage, which are our own words. */
const firstLines = (text: string): string => text.replace(/Usage:[^]*/, 'Usage:');

/** A key of before the command, by its zone in file names and its tag. New keys never have such a tag in the same zone. */
const isKnown = (zone: string, tag: string): boolean =>
  Object.values(KEY).some(
    (base) => base.startsWith(`K${zone.toLowerCase()}.+`) && Number(base.slice(-5)) === Number(tag),
  );

/** New tags are not the same twice. */
function mask(text: string, directory: string): string {
  return text
    .replaceAll(directory, '.')
    .replace(/\bK([^\s/]*)\.\+(\d{3})\+(\d{5})/g, (whole, zone: string, _, tag: string) =>
      isKnown(zone, tag) ? whole : `${whole.slice(0, -5)}TAG`,
    )
    .replace(/(keyid|of key) (\d+), for (\S*)\.$/gm, (whole, head: string, tag: string, zone: string) =>
      isKnown(zone, tag) ? whole : `${head} TAG, for ${zone}.`,
    )
    .replace(/(Successor|Predecessor): (\d+)/g, (whole, head: string, tag: string) =>
      isKnown('z.example', tag) || isKnown('rsa.example', tag) ? whole : `${head}: TAG`,
    );
}

/** Secret fields of .private files, and the key of a record. */
const SECRETS =
  /^((?:Private\w*|Modulus|P\w*Exponent|Prime\d|Exponent\d|Coefficient): )(?!v1\.)\S+$|( KEY \d+ \d+ \d+ | DNSKEY \d+ 3 \d+ ).*/gm;

/** Every file with its mode; contents without the octets of new keys. */
function snapshot(directory: string): string[] {
  const files: string[] = [];
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const isOld = !entry.name.startsWith('K') || Object.values(KEY).includes(entry.name.replace(/\.\w+$/, ''));
    const content = fs.readFileSync(file, 'latin1');
    const shown = isOld ? content : content.replace(SECRETS, '$1$2KEY');
    const mode = (fs.statSync(file).mode & 0o777).toString(8);
    files.push(mask(`${path.relative(directory, file)} ${mode}\n${shown}`, directory));
  }
  return files.sort();
}

const KEYGEN = `
-a 13 new.example
-a 14 -f KSK new.example
-a ED25519 new.example
-a ed448 new.example
-a ECDSA256 new.example
-a 8 -b 1024 new.example
-a 10 -b 1024 -f ksk new.example
-a 8 -b 512 new.example
-a 8 -b 5000 new.example
-a 8 -b 1x new.example
-a 13 -b 300 new.example
-a 13 -3 new.example
-a 13 -f REVOKE new.example
-a 13 -f KSK -f REVOKE new.example
-a 13 -f FOO new.example
-a 13 -G new.example
-a 13 -G -I now new.example
-a 13 -G -P now new.example
-a 13 -G -A now new.example
-a 13 -C new.example
-a 13 -C -L 44 new.example
-a 13 -C -P now new.example
-a 13 -C -P sync now new.example
-a 13 -L 3600 new.example
-a 13 -L 1h new.example
-a 13 -L none new.example
-a 13 -L xx new.example
-a 13 -n FOO new.example
-a 13 -n HOST new.example
-a 13 -n OTHER new.example
-a 13 -n zone new.example
-a 13 -T KEY new.example
-a 13 -T KEY -n HOST new.example
-a 13 -T key -n user new.example
-a 13 -T KEY -n ENTITY new.example
-a 13 -T KEY -n ZONE -f KSK new.example
-a 13 -T KEY -n OTHER new.example
-a 13 -T KEY -n HOST -t NOAUTH new.example
-a 13 -T KEY -n HOST -t NOCONF new.example
-a 13 -T KEY -n HOST -t NOAUTHCONF new.example
-a 13 -T KEY -n HOST -t XX new.example
-a 13 -T KEY -n HOST -p 2 new.example
-a 13 -T KEY -n HOST -s 3 new.example
-a 13 -T KEY -n HOST -L 55 -c CH new.example
-a 13 -T FOO new.example
-a 13 -t NOCONF new.example
-a 13 -p 2 new.example
-a 13 -p 300 new.example
-a 13 -s 300 new.example
-a 13 -g 3 new.example
-a 13 -d 3 new.example
-a 13 -e new.example
-a 13 -m trace -q -v 1 new.example
-a 13 -v x new.example
-a 13 -c CH new.example
-a 13 -c HS new.example
-a 13 -c XX new.example
-a 13 exam..ple
-a 13 .
-a 13 'a/b\\.c\\000x\\;y@$().EXAMPLE'
-a 13 '%~!_ x*\\200.b\\\\c'
-a foo new.example
-a 13
-a 13 a b
-a 13 -Z new.example
-a 13 -F new.example
-a 13 -r /dev/null new.example
-a
-h
-K sub -a 13 new.example
-K /nonexistent -a 13 new.example
-a 13 -P none new.example
-a 13 -A none new.example
-a 13 -P 20300101 -A 20300102 -R 20300103 -I 20300104 -D 20300105 -P sync 20300106 -D sync 20300107 new.example
-a 13 -f KSK -R +1y -I +3mo -D +1w new.example
-a 13 -I 20300104 -D 20300103 new.example
-a 13 -P ds 20300106 new.example
-a 13 -A 20300102 new.example
-a 13 -A 20300102 -i 1d new.example
-a 13 -P 20300102 -i 1d new.example
-a 13 -P 20300102 new.example
-a 13 -i 1d new.example
-a 13 -i xx new.example
-a 13 -P 20300102 -A 20300103 -i 2d new.example
-a 13 -A now -i 1d new.example
-a 13 -P 20300104 -A 20300103 new.example
-a 13 -P xx new.example
-a 13 -P now -P now new.example
-a 13 -P sync now -P sync now new.example
-a 13 -P 2030 new.example
-a 13 -P 20300230 new.example
-a 13 -P 20301301 new.example
-a 13 -P 20300101256060 new.example
-a 13 -P 203001010101 new.example
-a 13 -P +1x new.example
-a 13 -P +1m new.example
-a 13 -P +90mi new.example
-a 13 -P -1y new.example
-a 13 -P 'Sat Nov 21 08:13:37 2026' new.example
-a 13 -P 'Sat Nov  1 08:13:37 2026+1d' new.example
-a 13 -P 1795249000 new.example
-a 13 -P 1795249000+1mi new.example
-a 13 -P now+1d2h new.example
-a 13 -P NOW+1D new.example
-a 13 -P 20300101+1w new.example
-a 13 -P + new.example
-a 13 -Psync now+3600 -Aunset new.example
-k default new.example
-k default -G new.example
-k default -I +1d -A +1d new.example
-k nothere new.example
-k insecure new.example
-k roles -l policy.conf new.example
-k roles -l policy.conf -b 1024 new.example
-k roles -l policy.conf -f KSK new.example
-k roles -l policy.conf -L 5 new.example
-k roles -l policy.conf -i 5 new.example
-k roles -l policy.conf -T KEY new.example
-k roles -l policy.conf -S {zsk} new.example
-k nothere -l policy.conf new.example
-S {zsk}
-S {zsk} z.example
-S {zsk}.private -a 13 -L 60
-S {zsk} -i 5d
-S {zsk} -i 50d
-S {zsk} -f KSK
-S {zsk} -D +90d -I +80d
-S {zsk} -b 13
-S {zsk} -G
-S {zsk} -P now
-S {zsk} -T KEY
-S {ksk}
-S {later}
-S {old}
-S {rsa}
-S nofile
`;

const SETTIME = `
{ksk}
{ksk}.key -p all
{ksk}.private -p all
-p C -p P -p Psync -p Pds -p A -p R -p I -p D -p Dsync -p Dds {later}
-up all {later}
-u -p Psync {ksk}
-p x {ksk}
-p P/A {ksk}
-p all {old}
-f {ksk}
-f {old}
-f -L 33 {old}
-f -A +1d {old}
-A now {old}
-R now {zsk}
-R none {ksk}
-R now {revoked}
-D now -I +1d {zsk}
-I +200d {later}
-D none -I none {zsk}
-P none -A none -p all {zsk}
-p all -A now+2w {zsk}
-L 1h {ksk}
-L none {zsk}
-L x {ksk}
-L 3600x {ksk}
-s -p all {ksk}
-s -P now {ksk}
-s -P 20270101 -A +1d -I +30d -D +60d -g HIDDEN -k RUMOURED now -r OMNIPRESENT 20270102 -z HIDDEN +1d -d UNRETENTIVE 20270103 -P ds 20270104 -D ds 20270105 -P sync 20270106 -D sync 20270107 -R 20270108 {policy}
-P 20270101 {policy}
-s -g omnipresent {policy}
-s -g none -k none now {policy}
-s -k hidden now {ksk}
-s -P ds now {ksk}
-P ds now {ksk}
-g HIDDEN {ksk}
-g RUMOURED {ksk}
-s -g FOO {ksk}
-s -k FOO now {ksk}
-s -k HIDDEN foo {ksk}
-k HIDDEN now {ksk}
-P now -P now {ksk}
-P ds now -P ds now {ksk}
-S {zsk} -s {later}
-S {zsk} {later}
-S {zsk} -i 10d {later}
-S {zsk} -i 100d {later}
-S {zsk} -P now {later}
-S {zsk} -A now {later}
-S {zsk} {ksk}
-S {rsa} {zsk}
-S {ksk} {policy}
-S {later} {zsk}
-i 1d {ksk}
-i 1d -P now {ksk}
-i 1d -A +40d {ksk}
-i 1d -P now -A +1h {ksk}
-i 30d -A now {ksk}
-K sub -p all {ksk}
-K . -A now {ksk}
-A now ./{ksk}
-A 2026010112 {ksk}
-A now {odd}
nofile
Knofile.+013+12345
{ksk}.foo
{ksk} {zsk}
-Z {ksk}
-q {ksk}
-v x {ksk}
-v 2 -P now {ksk}
-h
`;

const DSFROMKEY = `
{ksk}
{ksk}.key
{ksk}.private
./{ksk}
{zsk}
-A {zsk}
{revoked}
{odd}
{rsa}
{old}
-2 -a SHA384 {ksk}
-a sha-256 -a SHA256 {ksk}
-a SHA-384 {ksk}
-a 4 {ksk}
-a MD5 {ksk}
-C {ksk}
-T 300 {ksk}
-T 1h -C {ksk}
-T none {ksk}
-T x {ksk}
-T 0 {ksk}
-c CH {ksk}
-c XX -f zone.db
-K nodir {ksk}
-K . {ksk}
-f zone.db z.example
-A -f zone.db Z.Example.
-A -C -T 99 -2 -a SHA384 -f zone.db z.example
-f nokey.db z.example
-f nope z.example
-f zone.db a b
-f zone.db z..example
-s z.example
-s -A z.example
-s -f zone.db z.example
-s nope
-s
-A
{ksk} {zsk}
nofile
-Z {ksk}
-E foo {ksk}
-d sub {ksk}
-l x {ksk}
-v 1 {ksk}
-v x {ksk}
-h
`;

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('S-097 dnssec-keygen does what BIND does', () => {
  for (const line of lines(KEYGEN)) it(line, () => compare('dnssec-keygen', keygen, line, {}));
});

describe('S-140 (part) dnssec-settime does what BIND does', () => {
  for (const line of lines(SETTIME)) it(line, () => compare('dnssec-settime', settime, line, {}));
});

describe('times for people are local, as with BIND', () => {
  const zoneBefore = process.env.TZ;
  before(() => (process.env.TZ = 'America/St_Johns'));
  after(() => {
    if (zoneBefore === undefined) delete process.env.TZ;
    else process.env.TZ = zoneBefore;
  });
  it('dnssec-keygen', () => compare('dnssec-keygen', keygen, '-a 13 -P 20300701 -A 20300102 new.example', {}));
  it('dnssec-settime -p', () => compare('dnssec-settime', settime, '-p all {later}', {}));
  it('a calendar time', () => compare('dnssec-settime', settime, "-A 'Tue Jan  1 00:00:00 2030' {ksk}", {}));
});

describe('S-163 dnssec-dsfromkey does what BIND does', () => {
  for (const line of lines(DSFROMKEY)) it(line, () => compare('dnssec-dsfromkey', dsfromkey, line, {}));
  it('-1: the same records, with a warning', () =>
    compare('dnssec-dsfromkey', dsfromkey, '-1 {ksk}', { stderr: false }));
  it('-1 -2 -a SHA384: in order of digest', () =>
    compare('dnssec-dsfromkey', dsfromkey, '-a SHA384 -2 -1 {ksk}', { stderr: false }));
});
