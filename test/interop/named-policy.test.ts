import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { execute, freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* What a policy says, seen from outside in zones that one server signs side by side. */

const DATA = `$TTL 300
@ SOA ns1 host 3 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
sub NS ns.sub
ns.sub A 192.0.2.9
`;

const CONFIGURATION = `
dnssec-policy "two" {
    dnskey-ttl 600;
    keys { ksk lifetime P1Y algorithm ecdsap256sha256; zsk lifetime 60d algorithm 13; };
    signatures-validity P20D;
    signatures-validity-dnskey P10D;
    signatures-refresh P3D;
};
dnssec-policy "three" {
    nsec3param iterations 0 optout no salt-length 8;
};
dnssec-policy "optout" {
    keys { csk lifetime unlimited algorithm ed25519; };
    nsec3param iterations 0 optout yes salt-length 0;
};
zone "csk.example" { type master; file "csk.example.db"; dnssec-policy default; inline-signing yes; };
zone "two.example" { type primary; file "two.example.db"; dnssec-policy two; inline-signing yes; };
zone "three.example" { type primary; file "three.example.db"; dnssec-policy three; inline-signing yes; };
zone "optout.example" { type primary; file "optout.example.db"; dnssec-policy optout; inline-signing yes; };
zone "manual.example" { type primary; file "manual.example.db.signed"; dnssec-policy none; };
`;

const ZONES = ['csk', 'two', 'three', 'optout', 'manual'];

interface ZoneRecord {
  readonly owner: string;
  readonly ttl: number;
  readonly type: string;
  readonly rdata: string;
}

const directory = temporaryDirectory();
const transfers = new Map<string, ZoneRecord[]>();
let server: NamedProcess;

before(async () => {
  for (const zone of ZONES) fs.writeFileSync(path.join(directory.path, `${zone}.example.db`), DATA);
  // The manual way: keys and signatures by dnssec-keygen and dnssec-signzone of Debian.
  await execute('dnssec-keygen', ['-q', '-a', '13', '-f', 'KSK', 'manual.example'], directory.path);
  await execute('dnssec-keygen', ['-q', '-a', '13', 'manual.example'], directory.path);
  await execute('dnssec-signzone', ['-S', '-o', 'manual.example', 'manual.example.db'], directory.path);
  const ports = await freePorts();
  writeConfiguration(directory.path, ports, CONFIGURATION);
  server = await NamedProcess.start(directory.path, ports);
  for (const zone of ZONES) transfers.set(zone, recordsOf(await server.dig(`${zone}.example`, 'AXFR', '+onesoa')));
});

after(async () => {
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

function recordsOf(text: string): ZoneRecord[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) => {
      const [owner, ttl, , type, ...rdata] = line.split(/\s+/);
      return { owner, ttl: Number(ttl), type, rdata: rdata.join(' ') };
    });
}

function find(zone: string, type: string, owner?: string): ZoneRecord[] {
  const name = owner === undefined ? undefined : owner === '@' ? `${zone}.example.` : `${owner}.${zone}.example.`;
  return (transfers.get(zone) ?? []).filter((one) => one.type === type && (name === undefined || one.owner === name));
}

interface Signature {
  readonly covered: string;
  readonly tag: number;
  readonly expiration: number;
}

function signatures(zone: string, owner?: string): Signature[] {
  return find(zone, 'RRSIG', owner).map(({ rdata }) => {
    const [covered, , , , expiration, , tag] = rdata.split(' ');
    const [, year, month, day, hour, minute, second] = /^(....)(..)(..)(..)(..)(..)$/.exec(expiration)!.map(Number);
    return { covered, tag: Number(tag), expiration: Date.UTC(year, month - 1, day, hour, minute, second) / 1000 };
  });
}

/** Tags of the zone's keys with these DNSKEY flags, from the names of their files. */
function tagsOf(zone: string, flags: number): number[] {
  return fs
    .readdirSync(directory.path)
    .filter((name) => name.startsWith(`K${zone}.example.+`) && name.endsWith('.key'))
    .filter((name) => fs.readFileSync(path.join(directory.path, name), 'latin1').includes(`DNSKEY ${flags} `))
    .map((name) => Number(name.slice(-9, -4)));
}

const KEY_TYPES = ['DNSKEY', 'CDS', 'CDNSKEY'];
const DAY = 86_400;

test('S-006 S-026 all zones, signed by policy and by hand side by side, satisfy dnssec-verify', async () => {
  for (const zone of ZONES) {
    const file = path.join(directory.path, `${zone}.copy`);
    fs.writeFileSync(
      file,
      transfers
        .get(zone)!
        .map(({ owner, ttl, type, rdata }) => `${owner} ${ttl} ${type} ${rdata}\n`)
        .join(''),
    );
    const verify = await execute('dnssec-verify', ['-z', '-o', `${zone}.example`, file], directory.path);
    assert.equal(verify.code, 0, `${zone}: ${verify.stderr}`);
  }
});

test('S-020 type master is type primary: an authoritative answer', async () => {
  assert.match(await server.dig('csk.example', 'SOA'), /flags: qr aa/);
});

test('S-025 S-031 S-039 the default policy has one key, with flags 257, that signs everything', () => {
  const [tag, ...others] = tagsOf('csk', 257);
  assert.deepEqual([others, tagsOf('csk', 256)], [[], []]);
  assert.deepEqual(
    find('csk', 'DNSKEY').map(({ rdata }) => rdata.split(' ').slice(0, 3).join(' ')),
    ['257 3 13'],
  );
  assert.ok(signatures('csk').every((one) => one.tag === tag));
});

test('S-037 S-044 a KSK has flags 257 and signs DNSKEY, CDS and CDNSKEY only', () => {
  const [ksk] = tagsOf('two', 257);
  const made = signatures('two').filter(({ tag }) => tag === ksk);
  assert.ok(made.length > 0);
  assert.ok(made.every(({ covered }) => KEY_TYPES.includes(covered)));
});

test('S-038 S-045 a ZSK has flags 256 and signs all the rest', () => {
  const [zsk] = tagsOf('two', 256);
  for (const { covered, tag } of signatures('two')) assert.equal(tag === zsk, !KEY_TYPES.includes(covered), covered);
});

test('S-041 S-042 (part) lifetimes stand in the state files: 60d is Active plus 60 days, unlimited is 0', () => {
  const state = (zone: string, flags: number): string => {
    const tag = String(tagsOf(zone, flags)[0]).padStart(5, '0');
    const name = fs
      .readdirSync(directory.path)
      .find((file) => file.startsWith(`K${zone}`) && file.endsWith(`+${tag}.state`));
    return fs.readFileSync(path.join(directory.path, name!), 'latin1');
  };
  const zsk = state('two', 256);
  assert.match(zsk, new RegExp(`^Lifetime: ${60 * DAY}$`, 'm'));
  const time = (field: string): number => {
    const [, year, month, day, hour, minute, second] = new RegExp(`^${field}: (....)(..)(..)(..)(..)(..)`, 'm')
      .exec(zsk)!
      .map(Number);
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  };
  assert.equal(time('Retired') - time('Active'), 60 * DAY);
  assert.match(state('csk', 257), /^Lifetime: 0$/m);
});

test('S-035 dnskey-ttl is the TTL of the DNSKEY RRset', () => {
  assert.deepEqual([find('two', 'DNSKEY')[0].ttl, find('csk', 'DNSKEY')[0].ttl], [600, 3600]);
});

test('S-027 S-032 NSEC: the chain meets every owner once and comes back to the apex', () => {
  const next = new Map(find('csk', 'NSEC').map(({ owner, rdata }) => [owner, rdata.split(' ')[0]]));
  let at = 'csk.example.';
  const met = new Set<string>();
  while (!met.has(at)) {
    met.add(at);
    at = next.get(at)!;
  }
  assert.equal(at, 'csk.example.');
  assert.equal(met.size, next.size);
  assert.equal(find('csk', 'NSEC3PARAM').length, 0);
});

test('S-047 S-048 S-050 NSEC3 with the policy parameters, and no NSEC left', () => {
  assert.match(find('three', 'NSEC3PARAM')[0].rdata, /^1 0 0 [0-9A-F]{16}$/);
  assert.match(find('optout', 'NSEC3PARAM')[0].rdata, /^1 0 0 -$/);
  assert.equal(find('three', 'NSEC').length + find('optout', 'NSEC').length, 0);
});

test('S-049 optout no: an insecure delegation has an NSEC3; optout yes: it has none and the flag is set', () => {
  const flags = (zone: string): Set<string> => new Set(find(zone, 'NSEC3').map(({ rdata }) => rdata.split(' ')[1]));
  assert.deepEqual([...flags('three')], ['0']);
  assert.deepEqual([...flags('optout')], ['1']);
  assert.equal(find('three', 'NSEC3').length, find('optout', 'NSEC3').length + 1);
});

test('S-051 S-052 signatures end when the policy says, those over keys by their own value', () => {
  const now = Date.now() / 1000;
  const slack = 600;
  for (const { covered, expiration } of signatures('two')) {
    const left = expiration - now;
    const [least, most] = KEY_TYPES.includes(covered) ? [10 * DAY - slack, 10 * DAY] : [19.5 * DAY - slack, 20 * DAY];
    assert.ok(left >= least && left <= most, `${covered}: ${left / DAY} days`);
  }
});

test('S-067 a policy that says nothing is the default policy', async () => {
  const [, original] =
    /key: \d+ \((.*)\), (CSK)/.exec((await server.rndc('dnssec', '-status', 'csk.example')).stdout) ?? [];
  const [, copied] =
    /key: \d+ \((.*)\), (CSK)/.exec((await server.rndc('dnssec', '-status', 'three.example')).stdout) ?? [];
  assert.equal(copied, original);
});

test('S-005 a plain secondary serves our signatures unchanged, and delv validates what it says', async () => {
  using home = temporaryDirectory();
  const ports = await freePorts();
  const zone = `zone "csk.example" { type secondary; file "copy"; primaries { ${HOST} port ${server.ports.dns}; }; };`;
  writeConfiguration(home.path, ports, zone, { options: 'dnssec-validation no;' });
  await using debian = await NamedProcess.start(home.path, ports, 'debian');
  await debian.line(/Transfer status: success/);
  const copy = recordsOf(await debian.dig('csk.example', 'AXFR', '+onesoa'));
  const texts = (records: ZoneRecord[]): string[] =>
    records.map(({ owner, type, rdata }) => `${owner} ${type} ${rdata}`).toSorted();
  assert.deepEqual(texts(copy), texts(transfers.get('csk')!));
  const [flags, protocol, algorithm, ...key] = find('csk', 'DNSKEY')[0].rdata.split(' ');
  const anchors = path.join(home.path, 'anchors');
  fs.writeFileSync(
    anchors,
    `trust-anchors { csk.example. static-key ${flags} ${protocol} ${algorithm} "${key.join('')}"; };\n`,
  );
  const args = [`@${HOST}`, '-p', String(ports.dns), '-a', anchors, '+root=csk.example', 'www.csk.example', 'A'];
  assert.match((await execute('delv', args)).stdout, /^; fully validated$/m);
});
