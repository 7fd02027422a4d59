import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { main as dnssecSignzone } from '../../src/tools/dnssec-signzone.ts';
import { main as dnssecVerify } from '../../src/tools/dnssec-verify.ts';
import { MovedClock } from './moved-clock.ts';
import { makeKeys, oursAt, peer, temporaryDirectory, type Outcome } from './sign-peer.ts';

/** Of both: a serial by the date is the same at midnight, too. */
const moved = new MovedClock(1_795_000_000);
after(() => moved[Symbol.dispose]());
const clock = Object.assign(new SystemClock(), { now: () => moved.now });

const ZONE = `$TTL 3600
@ SOA ns1 hostmaster 7 7200 3600 1209600 300
@ NS ns1
ns1 A 10.0.0.1
a.b.ent 7200 A 10.0.0.3
sub 600 NS ns.sub
ns.sub A 10.0.0.4
`;

interface Place {
  readonly directory: string;
  readonly ksk: string;
  readonly zsk: string;
  /** A ZSK that no longer signs, in a directory of its own. */
  readonly retired: string;
}

/** Keys that sign now, a zone without them (zone.db) and one with them (full.db). */
function prepare(directory: string): Place {
  makeKeys(directory, 'example', 'ECDSAP256SHA256');
  const keys = fs.readdirSync(directory).filter((name) => name.endsWith('.key'));
  const text = (name: string): string => fs.readFileSync(path.join(directory, name), 'latin1');
  const ksk = keys.find((name) => /DNSKEY 257/.test(text(name)))!;
  const zsk = keys.find((name) => /DNSKEY 256/.test(text(name)))!;
  fs.writeFileSync(path.join(directory, 'zone.db'), ZONE);
  fs.writeFileSync(path.join(directory, 'full.db'), `${ZONE}${text(ksk)}${text(zsk)}`);
  fs.mkdirSync(path.join(directory, 'retired'));
  const words = ['-K', 'retired', '-q', '-a', '13', '-A', '-2d', '-I', '-1d', 'example'];
  const retired = `retired/${peer(directory, 'dnssec-keygen', ...words).out.trim()}`;
  return { directory, ksk: ksk.replace('.key', ''), zsk: zsk.replace('.key', ''), retired };
}

/** What differs from run to run or by the maker is left out. */
function steady({ out, complaint, status }: Outcome): Outcome {
  const clean = (text: string): string =>
    text
      .replace(/^(Signing time in seconds:|Signatures per second:|Runtime in seconds:).*\n/gm, '')
      .replace(/^(; dnssec_signzone version|; File written on).*\n/gm, '')
      .replaceAll(/\d{14} \d{14}/g, 'TIMES')
      .replaceAll(/ [A-Za-z0-9+/]{56} [A-Za-z0-9+/]{28,30}==?$/gm, ' SIGNATURE')
      .replaceAll(/^Fetching.*\n/gm, 'Fetching\n')
      .replaceAll(/^; resign=.*\n/gm, '');
  return { status, out: clean(out), complaint: complaint.startsWith('Usage') ? 'Usage' : clean(complaint).trimEnd() };
}

async function both(place: Place, words: readonly string[], program = 'dnssec-signzone'): Promise<[Outcome, Outcome]> {
  const theirs = peer(place.directory, program, ...words);
  const cwd = process.cwd();
  process.chdir(place.directory);
  try {
    const main = program === 'dnssec-signzone' ? dnssecSignzone : dnssecVerify;
    return [steady(theirs), steady(await oursAt(clock, main, ...words))];
  } finally {
    process.chdir(cwd);
  }
}

/** Command lines with the same exit code, output and complaints as BIND's. KSK and ZSK stand for the key files. */
const SAME: readonly string[] = [
  '-S -o example zone.db',
  '-S -t -o example zone.db',
  '-S -x -t -o example zone.db',
  '-S -z -o example zone.db',
  '-S -q -t -o example zone.db',
  '-S -P -o example zone.db',
  '-S -3 - -o example zone.db',
  '-S -3 abcd -H 5 -A -o example zone.db',
  '-S -a -t -o example zone.db',
  '-S -Q -R -t -o example zone.db',
  '-S -C -o example zone.db',
  '-S -g -o example zone.db',
  '-S -N increment -o example zone.db',
  '-S -j 3600 -n 2 -o example zone.db',
  '-S -O raw -o example zone.db',
  '-S -O raw=0 -L 5 -o example zone.db',
  '-o example full.db',
  '-o example full.db KSK ZSK',
  '-o example -k KSK full.db ZSK',
  '-o example zone.db KSK ZSK',
  '-o example zone.db',
  '-o example full.db Knone',
  '-o example nosuch',
  'nosuch',
  '',
  '-h',
  '-o a..b full.db',
  '-S -N foo -o example zone.db',
  '-S -O bogus -o example zone.db',
  '-S -O map -o example zone.db',
  '-S -I foo -o example zone.db',
  '-S -e bogus -o example zone.db',
  '-S -s bogus -o example zone.db',
  '-S -j x -o example zone.db',
  '-S -i x -o example zone.db',
  '-S -n x -o example zone.db',
  '-S -T x -o example zone.db',
  '-S -3 zz -o example zone.db',
  '-S -3 - -H 200 -o example zone.db',
  '-S -D -O raw -o example zone.db',
  '-l x zone.db',
  '-S -s +86400 -o example zone.db',
  '-S -s 20200101000000 -e 20200201000000 -o example zone.db',
  '-S -X now+100 -o example zone.db',
  '-o example full.db KSK',
  '-o example full.db ZSK',
  '-S -d /nonexist -o example zone.db',
  '-S -g -d /nonexist -o example zone.db',
  '-S -o other zone.db',
  '-S -3 - -o example -f hashed zone.db',
  '-S -t -o example -f again hashed',
  '-S -t -u -o example -f chained hashed',
  '-S -3 - -o example -f again chained',
  '-S -3 abcd -o example -f again hashed',
  '-S -3 - -H 3 -o example -f again hashed',
  '-S -A -o example -f again hashed',
  '-S -u -3 - -A -o example -f spans hashed',
  '-S -AA -o example -f again spans',
  '-S -o example -f - zone.db nosuch',
  '-S -o example -k nosuch zone.db',
  '-S -o example zone.db KSK RETIRED',
  '-S -P -o example -k ZSK zone.db',
  '-S -o example -k ZSK zone.db',
  '-S -x -z -t -o example zone.db',
  '-S -U -m usage -o example zone.db',
  '-S -T 1h -o example zone.db',
  '-S -T x -o example zone.db',
  '-S -s -10 -o example zone.db',
  '-S -s 20261399000000 -o example zone.db',
  '-S -c XX -o example zone.db',
  '-p zone.db',
  '-r x zone.db',
  '-D -N date zone.db',
];

test('S-140 (part) S-496 S-499 dnssec-signzone: the same output, complaints and exit code as BIND', async (t) => {
  using directory = temporaryDirectory();
  const place = prepare(directory.path);
  for (const line of SAME) {
    await t.test(line, async () => {
      const words = line.split(' ').filter((word) => word !== '');
      const names: Readonly<Record<string, string>> = { KSK: place.ksk, ZSK: place.zsk, RETIRED: place.retired };
      const named = words.map((word) => names[word] ?? word);
      const [theirs, mine] = await both(place, named);
      assert.deepEqual(mine, theirs);
    });
  }
});

test('S-498 the files have the same text as those of BIND but for signatures', async (t) => {
  using directory = temporaryDirectory();
  const place = prepare(directory.path);
  const at = (name: string): string => path.join(directory.path, name);
  const lines = ['-S', '-S -x', '-S -O full', '-S -3 -', '-S -N date', '-S -T 77', '-S -X +864000'];
  for (const line of lines) {
    await t.test(line, async () => {
      await both(place, [...line.split(' '), '-o', 'example', '-f', 'mine', 'zone.db']);
      const [theirs] = [
        peer(directory.path, 'dnssec-signzone', ...line.split(' '), '-o', 'example', '-f', 'theirs', 'zone.db'),
      ];
      assert.equal(theirs.status, 0);
      assert.deepEqual(recordsOf(at('mine')), recordsOf(at('theirs')));
    });
  }
  assert.equal(fs.readFileSync(at('dsset-example.'), 'latin1').split(' ').length, 7);
});

/** Records in one order: BIND prints names below cuts where its tree has them. */
function recordsOf(file: string): string[] {
  const text = steady({ status: 0, out: fs.readFileSync(file, 'latin1'), complaint: '' }).out;
  const blocks = text
    .replaceAll(/\s+([A-Za-z0-9+/]{20,}|[A-Za-z0-9+/]{4,}=)={0,2}(?=\s)/g, ' DATA')
    .split(/\n(?=[a-zA-Z0-9])/);
  return blocks.map((block) => block.trimEnd()).toSorted();
}

test('-S uses keys by their times as BIND does: revoked, stand-by, retired, deleted, with CDS', async () => {
  using directory = temporaryDirectory();
  fs.writeFileSync(path.join(directory.path, 'zone.db'), ZONE);
  const make = (...words: string[]): string =>
    peer(directory.path, 'dnssec-keygen', '-q', '-a', '13', ...words, 'example').out.trim();
  const revoked = make('-f', 'KSK');
  make('-f', 'KSK', '-P', 'sync', 'now');
  make();
  make('-P', 'now', '-A', 'none');
  make('-A', '-1d', '-I', 'now');
  make('-A', '-1d', '-D', 'now');
  peer(directory.path, 'dnssec-settime', '-R', 'now', revoked);
  const place = { directory: directory.path, ksk: '', zsk: '', retired: '' };
  for (const options of [[], ['-x'], ['-z']]) {
    const [theirs, mine] = await both(place, ['-S', ...options, '-O', 'full', '-o', 'example', '-f', '-', 'zone.db']);
    const lines = ({ out }: Outcome): string[] => out.split('\n').toSorted();
    assert.deepEqual(lines(mine), lines(theirs));
    assert.equal(mine.complaint, theirs.complaint);
  }
});

// BIND 9.18.49 does not end with -M for this zone, so there is nothing to compare with.
test('-M reduces TTLs, -D writes only what signing adds, -g takes the DS from a dsset- file', async () => {
  using directory = temporaryDirectory();
  const place = prepare(directory.path);
  const at = (name: string): string => path.join(directory.path, name);
  const sign = async (...words: string[]): Promise<string> => {
    const mine = await oursAt(
      clock,
      dnssecSignzone,
      '-S',
      '-q',
      '-K',
      place.directory,
      '-d',
      place.directory,
      ...words,
    );
    assert.equal(mine.status, 0, mine.complaint);
    return fs.readFileSync(at('out'), 'latin1');
  };
  const reduced = await sign('-M', '900', '-O', 'full', '-o', 'example', '-f', at('out'), at('zone.db'));
  const ttls = reduced.split('\n').flatMap((line) => /^\S+\s+(\d+) IN/.exec(line)?.[1] ?? []);
  assert.ok(ttls.length > 20 && ttls.every((ttl) => Number(ttl) <= 900));
  const added = await sign('-D', '-o', 'example', '-f', at('out'), at('zone.db'));
  assert.ok(!/ IN (A|NS|SOA)\t/.test(added));
  fs.writeFileSync(at('with-include.db'), `${ZONE}$INCLUDE ${at('out')}\n`);
  const whole = peer(directory.path, 'dnssec-verify', '-o', 'example', 'with-include.db');
  assert.equal(whole.status, 0, whole.complaint);
  const digest = 'AB'.repeat(32);
  fs.writeFileSync(
    at('dsset-sub.example.'),
    `sub.example.\t\tIN DS 4711 13 2 ${digest.slice(0, 56)} ${digest.slice(56)}\n`,
  );
  const secured = await sign('-g', '-O', 'full', '-o', 'example', '-f', at('out'), at('zone.db'));
  assert.match(secured, /^sub\.example\.\s+600 IN DS\s+4711 13 2 (AB ?){32}$/m);
  assert.match(secured, /^sub\.example\.\s+600 IN RRSIG\tDS /m);
  const judged = peer(directory.path, 'dnssec-verify', '-o', 'example', 'out');
  assert.equal(judged.status, 0, judged.complaint);
});

test('-g takes the DS from a dsset- or keyset- file in any form of master file, and takes away all others', async () => {
  using directory = temporaryDirectory();
  const place = prepare(directory.path);
  const at = (name: string): string => path.join(directory.path, name);
  const digest = 'ab'.repeat(32);
  fs.writeFileSync(at('child.db'), '@ 300 SOA a b 1 2 3 4 5\n@ 300 NS ns\nns 300 A 10.0.0.5\n');
  makeKeys(directory.path, 'kept.example', 'ED25519');
  const child = await both(place, ['-S', '-C', '-o', 'kept.example', 'child.db']);
  assert.deepEqual(child[1], child[0]);
  fs.rmSync(at('dsset-kept.example.'));
  fs.writeFileSync(
    at('dsset-sub.example.'),
    `$TTL 5\nsub.example. IN DS 1 13 2 ( ${digest} )\n DS 2 13 2 ${digest} ; x\n`,
  );
  fs.writeFileSync(at('parent.db'), `${ZONE}kept NS ns1\ngone NS ns1\ngone DS 3 13 2 ${digest}\n`);
  const words = ['-S', '-g', '-O', 'full', '-o', 'example'];
  const ds = (file: string): string[] => (fs.readFileSync(at(file), 'latin1').match(/^.* IN DS\t.*$/gm) ?? []).sort();
  assert.equal(peer(directory.path, 'dnssec-signzone', ...words, '-f', 'theirs', 'parent.db').status, 0);
  await both(place, [...words, '-f', 'mine', 'parent.db']);
  assert.equal(ds('theirs').length, 3);
  assert.deepEqual(ds('mine'), ds('theirs'));
});

test('a key set that changes is told as BIND tells it; dsset- files have its names and columns', async (t) => {
  using directory = temporaryDirectory();
  fs.writeFileSync(path.join(directory.path, 'zone.db'), ZONE);
  const place = { directory: directory.path, ksk: '', zsk: '', retired: '' };
  const times = ['-q', '-a', '15', '-P', '-9d', '-A', '-9d'];
  const make = (...words: string[]): string => peer(directory.path, 'dnssec-keygen', ...times, ...words).out.trim();
  const ksk = make('-f', 'KSK', 'example');
  const zsk = make('example');
  assert.equal(peer(directory.path, 'dnssec-signzone', '-S', '-o', 'example', 'zone.db').status, 0);
  peer(directory.path, 'dnssec-settime', '-R', '-1d', ksk);
  peer(directory.path, 'dnssec-settime', '-D', '-1d', zsk);
  const [theirs, mine] = await both(place, ['-S', '-P', '-o', 'example', '-f', 'again', 'zone.db.signed']);
  assert.match(theirs.out, /^Removing revoked key/m);
  assert.match(theirs.out, /^Removing expired key/m);
  const lines = ({ out }: Outcome): string[] => out.split('\n').toSorted();
  assert.deepEqual(lines(mine), lines(theirs));
  assert.equal(mine.complaint, theirs.complaint);
  for (const zone of ['0/25.x', 'B!c\\.d_-.Example', 'a-name-longer-than-columns.example']) {
    await t.test(zone, async () => {
      for (const name of fs.readdirSync(directory.path).filter((one) => one.startsWith('dsset-')))
        fs.rmSync(path.join(directory.path, name));
      makeKeys(directory.path, zone, 'ED25519');
      const words = ['-S', '-d', '.', '-o', zone, '-f', 'out'];
      const dsset = (): string[] =>
        fs
          .readdirSync(directory.path)
          .filter((name) => name.startsWith('dsset-'))
          .sort();
      const content = (): string[] => dsset().map((name) => fs.readFileSync(path.join(directory.path, name), 'latin1'));
      peer(directory.path, 'dnssec-signzone', ...words, 'zone.db');
      const [names, texts] = [dsset(), content()];
      for (const name of names) fs.rmSync(path.join(directory.path, name));
      const cwd = process.cwd();
      process.chdir(directory.path);
      await oursAt(clock, dnssecSignzone, ...words, 'zone.db');
      process.chdir(cwd);
      assert.deepEqual(dsset(), names);
      assert.deepEqual(content(), texts);
    });
  }
});

test('known options that are not supported are refused by name', async () => {
  using directory = temporaryDirectory();
  const place = prepare(directory.path);
  for (const words of [
    ['-E', 'pkcs11'],
    ['-c', 'CH'],
    ['-Z', 'x'],
  ]) {
    const [, mine] = await both(place, ['-S', ...words, '-o', 'example', 'zone.db']);
    assert.equal(mine.status, 1);
    assert.match(mine.complaint, new RegExp(`fatal: ${words[0]}.*support`));
  }
});

test('dnssec-verify: the same output, complaints and exit code as BIND', async (t) => {
  using directory = temporaryDirectory();
  const place = prepare(directory.path);
  peer(directory.path, 'dnssec-signzone', '-S', '-o', 'example', 'zone.db');
  peer(directory.path, 'dnssec-signzone', '-S', '-O', 'raw', '-f', 'raw', '-o', 'example', 'zone.db');
  for (const line of [
    '-o example zone.db.signed',
    '-q -o example zone.db.signed',
    '-x -o example zone.db.signed',
    '-I raw -o example raw',
    '-o example zone.db',
    '-I foo zone.db',
    '-c XX zone.db',
    '-m usage -o example zone.db.signed',
    '-h',
    '',
  ])
    await t.test(line, async () => {
      const [theirs, mine] = await both(place, line.split(' ').filter(Boolean), 'dnssec-verify');
      assert.deepEqual(mine, theirs);
    });
});
