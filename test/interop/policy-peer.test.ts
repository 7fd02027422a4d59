import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { MovedClock } from './moved-clock.ts';
import { execute, executeNamed, freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* One configuration, kept by our named and by Debian's in the same second: what the policies in it lead to must be the same. */

const DATA = `$TTL 300
@ SOA ns1 host 3 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
*.wild TXT "any"
non.terminal A 192.0.2.2
sub NS ns.sub
ns.sub A 192.0.2.9
secure NS ns.sub
secure DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123
`;

/** The block of BIND's manual, as it stands there. */
const CUSTOM = `dnssec-policy "custom" {
    dnskey-ttl 600;
    keys {
        ksk lifetime P1Y algorithm ecdsap384sha384;
        zsk lifetime 60d algorithm ecdsap384sha384;
    };
    nsec3param iterations 0 optout no salt-length 0;
};
`;
const POLICIES = `${CUSTOM}
dnssec-policy "optout" { nsec3param iterations 0 optout yes salt-length 0; };
dnssec-policy "mixed" { keys { csk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; };
dnssec-policy "all" { keys { csk lifetime unlimited algorithm 13; ksk lifetime P1Y algorithm 13; zsk lifetime 90d algorithm 13; }; };
dnssec-policy "rsa" { keys { ksk lifetime P2Y algorithm rsasha512 1024; zsk lifetime 90d algorithm RsaSha512 1024; }; };
`;
const KEPT = ['default', 'copied', 'custom', 'optout', 'mixed', 'all', 'rsa'];

const clock = new MovedClock(1_900_000_000);
const directory = temporaryDirectory();
const homes = { ours: path.join(directory.path, 'ours'), debian: path.join(directory.path, 'debian') };
const servers = new Map<'ours' | 'debian', NamedProcess>();
let printed = '';

before(async () => {
  const { code, stdout, stderr } = await executeNamed(['-C'], directory.path);
  assert.deepEqual([code, stderr], [0, '']);
  printed = stdout;
  const [copied] = /^dnssec-policy "default" \{\n[\s\S]*?^\};$/m.exec(printed) ?? [''];
  const policies = POLICIES + copied.replace('"default"', '"copied"');
  const zones = KEPT.map(
    (name) =>
      `zone "${name}.example" { type primary; file "${name}.db"; dnssec-policy ${name}; inline-signing yes; };\n`,
  ).join('');
  const none = 'zone "none.example" { type primary; file "none.db.signed"; dnssec-policy none; };\n';
  for (const who of ['ours', 'debian'] as const) {
    fs.mkdirSync(homes[who]);
    for (const name of [...KEPT, 'none']) fs.writeFileSync(path.join(homes[who], `${name}.db`), DATA);
    await execute('dnssec-keygen', ['-q', '-K', directory.path, '-a', '13', '-f', 'KSK', 'none.example']);
    await execute('dnssec-keygen', ['-q', '-K', directory.path, '-a', '13', 'none.example']);
    await execute('dnssec-signzone', ['-S', '-K', directory.path, '-o', 'none.example', 'none.db'], homes[who]);
    const ports = await freePorts();
    writeConfiguration(homes[who], ports, policies + zones + none, {
      options: who === 'debian' ? 'dnssec-validation no;' : '',
    });
    servers.set(who, await NamedProcess.start(homes[who], ports, who));
  }
});

after(async () => {
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
  clock[Symbol.dispose]();
  directory[Symbol.dispose]();
});

interface ZoneRecord {
  readonly owner: string;
  readonly ttl: string;
  readonly type: string;
  readonly rdata: string;
}

async function recordsOf(who: 'ours' | 'debian', zone: string): Promise<ZoneRecord[]> {
  const text = await servers.get(who)!.dig(`${zone}.example`, 'AXFR', '+onesoa');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) => {
      const [owner, ttl, , type, ...rdata] = line.split(/\s+/);
      return { owner, ttl, type, rdata: rdata.join(' ') };
    });
}

/** "CSK", "KSK" or "ZSK" by key tag, from the state files. */
function rolesOf(home: string, zone: string): Map<string, string> {
  const names = fs.readdirSync(home).filter((name) => name.startsWith(`K${zone}.example.+`) && name.endsWith('.state'));
  return new Map(
    names.map((name) => {
      const text = fs.readFileSync(path.join(home, name), 'latin1');
      const [isKsk, isZsk] = ['KSK', 'ZSK'].map((role) => text.includes(`\n${role}: yes\n`));
      return [String(Number(name.slice(-11, -6))), isKsk && isZsk ? 'CSK' : isKsk ? 'KSK' : 'ZSK'];
    }),
  );
}

/** The zone in lines that do not depend on key material, on the moment or on what named writes for itself. */
async function shapeOf(who: 'ours' | 'debian', zone: string): Promise<string[]> {
  const roles = rolesOf(homes[who], zone);
  const lines = (await recordsOf(who, zone))
    .filter(({ type, rdata }) => type !== 'TYPE65534' && !rdata.startsWith('TYPE65534 '))
    .map(({ owner, ttl, type, rdata }) => {
      const words = rdata.split(' ');
      if (type === 'RRSIG') {
        const [covered, algorithm, labels, originalTtl] = words;
        return `${owner} ${ttl} RRSIG ${covered} ${algorithm} ${labels} ${originalTtl} ${roles.get(words[6])}`;
      }
      if (type === 'DNSKEY') return `${owner} ${ttl} DNSKEY ${words.slice(0, 3).join(' ')}`;
      if (type === 'SOA') return `${owner} ${ttl} SOA ${words.toSpliced(2, 1).join(' ')}`;
      return `${owner} ${ttl} ${type} ${words.filter((word) => word !== 'TYPE65534').join(' ')}`;
    });
  return lines.toSorted();
}

test('S-031 S-032 S-034 S-039 S-043 S-047 S-067 every zone has the records and signers that it has with BIND', async () => {
  for (const zone of KEPT) {
    const shapes = async (): Promise<string[][]> => [await shapeOf('ours', zone), await shapeOf('debian', zone)];
    let [ours, debian] = await shapes();
    // BIND signs piece by piece, and shows what it has.
    for (let round = 0; round < 300 && !isDeepStrictEqual(ours, debian); round++) {
      await delay(200);
      [ours, debian] = await shapes();
    }
    assert.deepEqual(ours, debian, zone);
    assert.ok(ours.length > 0, zone);
  }
});

test('S-034 S-039 each key line gives one key: role and algorithm as BIND gives them, in the state files and in DNSKEY', () => {
  const keysOf = (home: string, zone: string): string[] =>
    fs
      .readdirSync(home)
      .filter((name) => name.startsWith(`K${zone}.example.+`) && name.endsWith('.state'))
      .map((name) => {
        const text = fs.readFileSync(path.join(home, name), 'latin1');
        return ['Algorithm', 'Length', 'Lifetime', 'KSK', 'ZSK', 'DNSKEYState', 'GoalState']
          .map((field) => new RegExp(`^${field}: .*$`, 'm').exec(text)?.[0])
          .join(', ');
      })
      .toSorted();
  for (const zone of KEPT) assert.deepEqual(keysOf(homes.ours, zone), keysOf(homes.debian, zone), zone);
  assert.deepEqual(keysOf(homes.ours, 'custom').length, 2);
  assert.ok(keysOf(homes.ours, 'custom').every((key) => key.startsWith('Algorithm: 14, Length: 384, ')));
});

test('S-067 the built-in policy, printed by named -C and pasted under another name: the same zone, and BIND takes it too', async () => {
  const inPlaceOf = (line: string): string => line.replaceAll('copied.example.', 'default.example.');
  assert.deepEqual((await shapeOf('ours', 'copied')).map(inPlaceOf).toSorted(), await shapeOf('ours', 'default'));
  const status = async (zone: string): Promise<string> => {
    const { code, stdout } = await servers.get('ours')!.rndc('dnssec', '-status', `${zone}.example`);
    assert.equal(code, 0);
    return stdout.replace(/^dnssec-policy: .*$/m, '').replaceAll(/(key:) \d+/g, '$1');
  };
  assert.equal(await status('copied'), await status('default'));
  // The whole of it says what the server does anyway: with other names for the policies it can be a configuration.
  const file = path.join(directory.path, 'printed.conf');
  fs.writeFileSync(file, printed.replaceAll(/^dnssec-policy "/gm, '$&my-'));
  assert.deepEqual(await execute('named-checkconf', [file]), { code: 0, stdout: '', stderr: '' });
});

test('S-032 S-047 NXDOMAIN shows NSEC, or three NSEC3 and no NSEC', async () => {
  const server = servers.get('ours')!;
  const denial = async (name: string): Promise<string[]> => {
    const answer = await server.dig(name, 'A', '+dnssec');
    assert.match(answer, /status: NXDOMAIN/);
    return answer
      .split('\n')
      .map((line) => line.split(/\s+/)[3])
      .filter((type) => type === 'NSEC' || type === 'NSEC3');
  };
  assert.deepEqual(new Set(await denial('none-such.default.example')), new Set(['NSEC']));
  // The closest encloser, the next closer name and the wildcard each have their own (RFC 5155 section 7.2.2).
  assert.deepEqual(await denial('a.b.terminal.non.custom.example'), ['NSEC3', 'NSEC3', 'NSEC3']);
  assert.equal(await server.dig('+short', 'default.example', 'NSEC3PARAM'), '');
  assert.equal(await server.dig('+short', 'custom.example', 'NSEC3PARAM'), '1 0 0 -\n');
});

async function hashOwner(name: string, zone: string): Promise<string> {
  const { stdout } = await execute('nsec3hash', ['-', '1', '0', name]);
  return `${stdout.split(' ')[0]}.${zone}.`;
}

test('S-049 a delegation without DS has an NSEC3 of its own with flags 0; with optout yes none, and the one around it flag 1', async () => {
  const nsec3 = async (zone: string): Promise<ZoneRecord[]> =>
    (await recordsOf('ours', zone)).filter(({ type }) => type === 'NSEC3');
  const expected = await hashOwner('sub.custom.example', 'custom.example');
  const own = (await nsec3('custom')).find(({ owner }) => owner === expected);
  assert.match(own?.rdata ?? 'none', /^1 0 0 - \S+ NS$/);
  const optedOut = await nsec3('optout');
  const hash = await hashOwner('sub.optout.example', 'optout.example');
  assert.ok(!optedOut.some(({ owner }) => owner === hash));
  const secure = await hashOwner('secure.optout.example', 'optout.example');
  assert.ok(optedOut.some(({ owner }) => owner === secure));
  const sorted = optedOut.toSorted((a, b) => (a.owner < b.owner ? -1 : 1));
  const covering = sorted.findLast(({ owner }) => owner < hash) ?? sorted.at(-1)!;
  assert.equal(covering.rdata.split(' ')[1], '1');
});

test('S-066 policy none: a presigned zone is served as it is written, and no key is made', async () => {
  const file = path.join(homes.ours, 'none.db.signed');
  const canonical = path.join(directory.path, 'none.text');
  await execute('named-compilezone', ['-q', '-D', '-o', canonical, 'none.example', file]);
  const written = fs
    .readFileSync(canonical, 'latin1')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) => line.split(/\s+/).join(' '));
  const served = (await recordsOf('ours', 'none')).map(
    ({ owner, ttl, type, rdata }) => `${owner} ${ttl} IN ${type} ${rdata}`,
  );
  assert.deepEqual(served.toSorted(), written.toSorted());
  assert.deepEqual(
    fs.readdirSync(homes.ours).filter((name) => name.startsWith('Knone')),
    [],
  );
});

test('S-035 S-055 S-056 a change of the policy moves the next key event in the status by exactly that; the TTL follows', async () => {
  const server = servers.get('ours')!;
  const file = path.join(homes.ours, 'named.conf');
  const text = fs.readFileSync(file, 'latin1');
  const event = async (): Promise<number> => {
    const { stdout } = await server.rndc('zonestatus', 'custom.example');
    return Date.parse(/^next key event: (.*)$/m.exec(stdout)![1]) / 1000;
  };
  const before = await event();
  let expected = before;
  for (const [clause, seconds] of [
    ['dnskey-ttl 1000;', 400],
    ['dnskey-ttl 1000; publish-safety 2h;', 3600],
    ['dnskey-ttl 1000; publish-safety 2h; zone-propagation-delay 10m;', 300],
  ] as const) {
    fs.writeFileSync(file, text.replace('dnskey-ttl 600;', clause));
    expected += seconds;
    await server.rndcUntil(/custom\.example\/IN \(signed\): next key event/, 'reconfig');
    assert.equal(await event(), expected, clause);
  }
  // The event is told before the zone is signed again.
  const ttlFollows = async (): Promise<boolean> =>
    /^custom\.example\.\s+1000\s/m.test(await server.dig('custom.example', 'DNSKEY'));
  await until(ttlFollows, 'DNSKEY with the new TTL');
});

test('S-056 a TTL above max-zone-ttl is named in the log with file and line; what is served stays', async () => {
  const server = servers.get('ours')!;
  fs.writeFileSync(path.join(homes.ours, 'default.db'), `${DATA}long 86401 A 192.0.2.7\n`);
  await server.rndcUntil(
    /default\.db:12:\d+: TTL 86401 exceeds configured max-zone-ttl 86400/,
    'reload',
    'default.example',
  );
  await server.line(/default\.example\/IN \(unsigned\): not loaded due to errors/);
  assert.match(await server.dig('+short', 'www.default.example', 'A'), /192\.0\.2\.1/);
  assert.match(await server.dig('long.default.example', 'A'), /NXDOMAIN/);
});
