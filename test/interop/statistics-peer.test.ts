import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { freePort, HOST, temporaryDirectory } from './serve-peers.ts';

/* The same messages to our named and to Debian's: counters must go up alike, and be told alike. */

const ZONE = `$TTL 300
@ SOA ns1 host 3 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
alias CNAME www
long.d DNAME ${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}.${'w'.repeat(40)}
sub NS ns.sub
ns.sub A 192.0.2.3
*.wild TXT "any"
big TXT ${'"0123456789abcdefghijklmnopqrstuvwxyz0123456789" '.repeat(40)}
`;

const ZONES = `
zone "counted.test" { type primary; file "zone.db"; allow-transfer { ${HOST}; }; };
zone "terse.test" { type primary; file "zone.db"; zone-statistics terse; allow-query { 192.0.2.1; }; };
zone "kept.test" { type primary; file "zone.db"; allow-transfer { none; }; };
zone "hidden.test" { type primary; file "zone.db"; zone-statistics none; };
zone "broken.test" { type primary; file "broken.db"; };
`;

interface Server {
  readonly named: NamedProcess;
  readonly http: number;
}

const directories = [temporaryDirectory(), temporaryDirectory()];
const servers: Server[] = [];

function configure(directory: string, ports: NamedProcess['ports'], http: number, who: string): void {
  const options = `zone-statistics full; ${who === 'debian' ? 'dnssec-validation no;' : ''}`;
  const channels = `statistics-channels { inet ${HOST} port ${http} allow { ${HOST}; }; };`;
  writeConfiguration(directory, ports, ZONES + channels, { options });
}

before(async () => {
  for (const [index, who] of (['ours', 'debian'] as const).entries()) {
    const directory = directories[index].path;
    fs.writeFileSync(path.join(directory, 'zone.db'), ZONE);
    fs.writeFileSync(path.join(directory, 'broken.db'), '@ SOA a b 1 1 1 1 1\n@ FOO bar\n');
    const ports = await freePorts();
    const http = await freePort();
    configure(directory, ports, http, who);
    servers.push({ named: await NamedProcess.start(directory, ports, who), http });
  }
});

after(async () => {
  for (const { named } of servers) await named[Symbol.asyncDispose]();
  for (const directory of directories) directory[Symbol.dispose]();
});

type Groups = Record<string, Record<string, number>>;
interface Zone {
  readonly name: string;
  readonly class: string;
  readonly type: string;
  readonly serial?: number;
  readonly loaded?: string;
  readonly rcodes?: Record<string, number>;
  readonly qtypes?: Record<string, number>;
}
interface Statistics {
  readonly views: Record<string, { zones?: Zone[] }>;
  readonly traffic: Groups;
}

async function statistics({ http }: Server, part = ''): Promise<Statistics & Record<string, Record<string, number>>> {
  const response = await fetch(`http://${HOST}:${http}/json/v1${part}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Statistics & Record<string, Record<string, number>>;
}

const zonesOf = ({ views }: Statistics): Zone[] => views['_default'].zones ?? [];

/** Every number by its path. */
async function numbers(server: Server): Promise<Map<string, number>> {
  const all = await statistics(server);
  const groups: Groups = Object.fromEntries(
    ['opcodes', 'rcodes', 'qtypes', 'nsstats', 'zonestats'].map((name) => [name, all[name] ?? {}]),
  );
  for (const { name, rcodes = {}, qtypes = {} } of zonesOf(all)) {
    groups[`${name} rcodes`] = rcodes;
    groups[`${name} qtypes`] = qtypes;
  }
  const flat = Object.entries({ ...groups, ...all.traffic }).flatMap(([group, counters]) =>
    Object.entries(counters).map(([name, value]) => [`${group} ${name}`, value] as const),
  );
  return new Map(flat);
}

/** Milliseconds that an answer may take on a machine that has other work. */
const PATIENCE = 60_000;

async function overUdp(port: number, message: Uint8Array): Promise<number | undefined> {
  const socket = createSocket('udp4');
  socket.send(message, port, HOST);
  const answer = once(socket, 'message').then(([octets]) => (octets as Buffer)[3] & 15);
  const patience = delay(isAnswered(message) ? PATIENCE : 300, undefined, { ref: false });
  const rcode = await Promise.race([answer, patience]);
  socket.close();
  return rcode;
}

const isAnswered = (message: Uint8Array): boolean => message.length >= 12 && (message[2] & 0x80) === 0;

async function overTcp(port: number, message: Uint8Array): Promise<number | undefined> {
  const socket = connect(port, HOST);
  socket.end(Buffer.from([message.length >> 8, message.length & 255, ...message]));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : Buffer.concat(chunks)[5] & 15;
}

/** What a message does to the counters of each server, ours first. */
type Effects = readonly [ours: Effect, debians: Effect];

/**
 * What went up, once all counts of the message are there: some come after the answer, those of a transfer when it has ended. So we look until
 * it is what it has to be, and nothing more comes in three looks; or for a minute.
 */
async function effects(
  message: Uint8Array,
  transport: 'udp' | 'tcp',
  isExpected: (effects: Effects) => boolean,
): Promise<Effects> {
  const earlier = await Promise.all(servers.map((server) => numbers(server)));
  const send = transport === 'udp' ? overUdp : overTcp;
  const rcodes = await Promise.all(servers.map(({ named }) => send(named.ports.dns, message)));
  const look = async (): Promise<Effects> => {
    const [ours, debians] = await Promise.all(
      servers.map(async (server, i): Promise<Effect> => {
        const changed = [...(await numbers(server))].filter(([name, value]) => value !== (earlier[i].get(name) ?? 0));
        const changes = changed.map(([name, value]) => `${name} +${value - (earlier[i].get(name) ?? 0)}`);
        return { rcode: rcodes[i], changes: changes.filter((one) => !/TCPConnHighWater/.test(one)).toSorted() };
      }),
    );
    return [ours, debians];
  };
  let last = await look();
  const end = Date.now() + PATIENCE;
  for (let same = 0; (same < 3 || !isExpected(last)) && Date.now() < end;) {
    await delay(20);
    const next = await look();
    same = isDeepStrictEqual(next, last) ? same + 1 : 0;
    last = next;
  }
  return last;
}

function header(flags = 0, counts: readonly number[] = [1, 0, 0, 0]): number[] {
  return [0x12, 0x34, flags >> 8, flags & 255, ...counts.flatMap((count) => [0, count])];
}

function question(name: string, type: number, klass = 1): number[] {
  const labels = name.split('.').filter((label) => label !== '');
  const octets = labels.flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return [...octets, 0, type >> 8, type & 255, 0, klass];
}

function opt(options: readonly number[] = [], version = 0): number[] {
  return [0, 0, 41, 4, 208, 0, version, 0, 0, options.length >> 8, options.length & 255, ...options];
}

const plain = (name: string, type: number, klass = 1): number[] => [...header(), ...question(name, type, klass)];
const edns = (options: readonly number[] = [], version = 0): number[] => [
  ...header(0, [1, 0, 0, 1]),
  ...question('www.counted.test', 1),
  ...opt(options, version),
];

const CASES: Record<string, readonly number[]> = {
  positive: plain('www.counted.test', 1),
  'positive with RD': [...header(0x0100), ...question('www.counted.test', 1)],
  'of a name server': plain('counted.test', 2),
  NODATA: plain('www.counted.test', 28),
  NXDOMAIN: plain('none.counted.test', 1),
  CNAME: plain('alias.counted.test', 1),
  'CNAME to NXDOMAIN and type CNAME': plain('alias.counted.test', 5),
  wildcard: plain('a.wild.counted.test', 16),
  'wildcard NODATA': plain('a.wild.counted.test', 1),
  referral: plain('x.sub.counted.test', 1),
  'DNAME that gives too long a name': plain(`${'v'.repeat(60)}.long.d.counted.test`, 1),
  truncated: plain('big.counted.test', 16),
  'type above 255': plain('www.counted.test', 257),
  'type 0': plain('www.counted.test', 0),
  'of no zone of ours': plain('elsewhere.test', 1),
  'of no zone of ours, with RD': [...header(0x0100), ...question('elsewhere.test', 1)],
  'denied by allow-query': plain('www.terse.test', 1),
  'of a zone that is not counted': plain('www.hidden.test', 1),
  'of a zone that is not loaded': plain('www.broken.test', 1),
  'class HS': plain('www.counted.test', 1, 4),
  'unknown class': plain('www.counted.test', 1, 99),
  'another name of class CH': plain('other.bind', 16, 3),
  'type OPT in the question': plain('www.counted.test', 41),
  'type MAILB': plain('www.counted.test', 253),
  'IXFR without SOA': plain('counted.test', 251),
  EDNS: edns(),
  'EDNS version 3': edns([], 3),
  'NSID, client subnet, expire': edns([0, 3, 0, 0, 0, 8, 0, 7, 0, 1, 24, 0, 1, 2, 3]),
  'unknown option': edns([0xfd, 0xe9, 0, 2, 1, 2]),
  'request above 288 octets': edns([0xfd, 0xe9, 1, 64, ...Array.from({ length: 320 }, () => 7)]),
  'no question': header(0, [0, 0, 0, 0]),
  'two questions': [...header(0, [2, 0, 0, 0]), ...question('www.counted.test', 1), ...question('counted.test', 1)],
  'cut question': plain('www.counted.test', 1).slice(0, -3),
  NOTIFY: [...header(0x2400), ...question('counted.test', 6)],
  'NOTIFY for no zone of ours': [...header(0x2400), ...question('elsewhere.test', 6)],
  STATUS: [...header(0x1000), ...question('counted.test', 6)],
  'opcode 9': [...header(0x4800), ...question('counted.test', 6)],
};

/** Where answers, and so their sizes, differ for reasons of their own: names are compressed further, ECS is not echoed. */
const OTHER_SIZE = new Set(['wildcard', 'NSID, client subnet, expire']);

interface Effect {
  readonly rcode: number | undefined;
  readonly changes: readonly string[];
}

const without = ({ rcode, changes }: Effect, left: RegExp): Effect => ({
  rcode,
  changes: changes.filter((change) => !left.test(change)),
});

for (const transport of ['udp', 'tcp'] as const)
  for (const [name, message] of Object.entries(CASES))
    test(`${name} over ${transport.toUpperCase()} is counted as Debian's named counts it`, async () => {
      const comparable = ([ours, debians]: Effects): Effects => {
        // Behind an alias Debian's named no longer knows the type that was asked.
        const mine = name === 'CNAME' ? without(ours, /^counted\.test qtypes A /) : ours;
        if (!OTHER_SIZE.has(name)) return [mine, debians];
        return [without(mine, /-responses-sizes-/), without(debians, /-responses-sizes-/)];
      };
      const [ours, debians] = comparable(
        await effects(Uint8Array.from(message), transport, (both) => isDeepStrictEqual(...comparable(both))),
      );
      assert.deepEqual(ours, debians);
    });

/** The effects, which have to be the same. */
const bothEffects = (message: readonly number[], transport: 'udp' | 'tcp'): Promise<Effects> =>
  effects(Uint8Array.from(message), transport, ([ours, debians]) => isDeepStrictEqual(ours, debians));

test('AXFR over UDP, and what is refused of it over TCP, is counted as Debian counts it', async () => {
  const asked = [['counted.test', 'udp'], ['elsewhere.test', 'tcp'], ['kept.test', 'tcp']] as const; // prettier-ignore
  for (const [zone, transport] of asked) {
    const [ours, debians] = await bothEffects(plain(zone, 252), transport);
    assert.deepEqual(ours, debians, zone);
  }
});

test('AXFR is counted when it has ended, by the server and by the zone', async () => {
  const hasEnded = ({ changes }: Effect): boolean => changes.some((change) => change.startsWith('nsstats XfrReqDone'));
  const [ours, debians] = await effects(Uint8Array.from(plain('counted.test', 252)), 'tcp', (both) => {
    return both.every(hasEnded) && isDeepStrictEqual(...both);
  });
  assert.deepEqual(ours, debians);
  assert.match(JSON.stringify(ours), /nsstats XfrReqDone \+1/);
  assert.match(JSON.stringify(ours), /counted\.test rcodes XfrReqDone \+1/);
});

test('what deserves no answer is QryDropped here and not counted by Debian', async () => {
  for (const message of [plain('www.counted.test', 1).slice(0, 7), [...header(0x8000), ...question('a', 1)]]) {
    const [ours, debians] = await effects(Uint8Array.from(message), 'udp', ([{ changes }]) => changes.length > 0);
    assert.deepEqual(ours, { rcode: undefined, changes: ['nsstats QryDropped +1'] });
    assert.deepEqual(debians, { rcode: undefined, changes: [] });
  }
});

/** Sections of a dump, with the lines of each as label to number. */
function sections(text: string): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>();
  let lines = new Map<string, number>();
  let section = '';
  for (const line of text.split('\n')) {
    const title = /^\+\+ (.*) \+\+$/.exec(line);
    const block = /^\[(.*)\]$/.exec(line);
    if (title) found.set((section = title[1]), (lines = new Map()));
    else if (block) found.set(`${section} ${block[1]}`, (lines = new Map()));
    else if (/^[+-]{3} /.test(line) || line === '') continue;
    else {
      const counter = /^( *\d+) (.+)$/.exec(line);
      assert.ok(counter && counter[1].length === 20, line);
      lines.set(counter[2], Number(counter[1]));
    }
  }
  return found;
}

test('rndc stats: the same sections and lines as Debian writes, appended each time', async () => {
  const dumps: string[] = [];
  for (const { named } of servers) {
    const file = path.join(named.directory, 'named.stats');
    const first = await named.rndc('stats');
    assert.deepEqual([first.code, first.stdout, first.stderr], [0, '', '']);
    const once_ = fs.readFileSync(file, 'latin1');
    await named.rndc('stats');
    assert.ok(fs.readFileSync(file, 'latin1').startsWith(once_));
    assert.equal(fs.readFileSync(file, 'latin1').match(/^\+\+\+ Statistics Dump/gm)?.length, 2);
    dumps.push(once_);
  }
  const [ours, debians] = dumps.map(sections);
  for (const dump of dumps)
    assert.match(dump, /^\+\+\+ Statistics Dump \+\+\+ \(\d{10}\)\n[^]*\n--- Statistics Dump --- \(\d{10}\)\n$/);
  const titles = (of: Map<string, unknown>): string[] =>
    [...of.keys()].filter((title) => !/_bind|^(Cache|Resolver|ADB|Outgoing Queries|Per Zone Glue)/.test(title));
  // Debian's has the built-in zone of the root beside ours.
  assert.deepEqual(
    titles(ours),
    titles(debians).filter((title) => title !== 'Per Zone Query Statistics .'),
  );
  for (const title of titles(ours)) {
    if (title === 'Socket I/O Statistics') continue;
    const mine = new Map(ours.get(title));
    if (title === 'Name Server Statistics') assert.ok(mine.delete('queries dropped'));
    assert.deepEqual(mine, debians.get(title), title);
  }
  // Debian counts accepted connections as sockets opened; what was accepted is the same but for its own channels.
  for (const label of ['UDP/IPv4 sockets opened', 'TCP/IPv4 connections accepted', 'TCP/IPv4 sockets active'])
    assert.ok(ours.get('Socket I/O Statistics')?.has(label) && debians.get('Socket I/O Statistics')?.has(label), label);
});

test('a statistics file that cannot be written is named', async () => {
  const { named } = servers[0];
  const file = path.join(named.directory, 'named.stats');
  fs.rmSync(file);
  fs.mkdirSync(file);
  const { code, stderr, stdout } = await named.rndc('stats');
  fs.rmdirSync(file);
  assert.equal(code, 1);
  assert.ok((stdout + stderr).includes(`'stats' failed: failure`) && (stdout + stderr).includes(file), stdout + stderr);
});

test('zones: name, serial, type and time as Debian has them, counters for full alone, none left out', async () => {
  const [ours, debians] = await Promise.all(servers.map((server) => statistics(server, '/zones')));
  const facts = (of: Statistics) =>
    zonesOf(of)
      .filter(({ name }) => name.endsWith('.test') && name !== 'broken.test')
      .map(({ name, class: klass, type, serial, loaded, rcodes, qtypes }) => [
        name,
        klass,
        type,
        serial,
        typeof loaded,
        rcodes,
        qtypes === undefined,
      ]) // prettier-ignore
      .toSorted();
  assert.deepEqual(facts(ours), facts(debians));
  assert.ok(!JSON.stringify(ours).includes('hidden.test'));
  assert.deepEqual(Object.keys(zonesOf(ours).find(({ name }) => name === 'terse.test') ?? {}), ['name', 'class', 'serial', 'type', 'loaded']); // prettier-ignore
});

test('xml/v3: counters of the same names in the same order as Debian has them', async () => {
  const names = await Promise.all(
    servers.map(async ({ http }) => {
      const text = await (await fetch(`http://${HOST}:${http}/xml/v3/server`)).text();
      return ['opcode', 'rcode', 'nsstat', 'zonestat'].map((type) => {
        const [group] = new RegExp(`<counters type="${type}">.*?</counters>`).exec(text) ?? [''];
        return [...group.matchAll(/<counter name="(.*?)">/g)].map(([, name]) => name);
      });
    }),
  );
  assert.deepEqual(names[0], names[1]);
  assert.ok(names[0].every(({ length }) => length > 12));
});

test('reconfiguration opens, keeps and closes channels, and zones keep their counts', async () => {
  const [server] = servers;
  const { named, http } = server;
  const file = path.join(named.directory, 'named.conf');
  const text = fs.readFileSync(file, 'latin1');
  const counted = async (): Promise<Zone | undefined> =>
    zonesOf(await statistics(server, '/zones')).find(({ name }) => name === 'counted.test');
  const before_ = await counted();
  const other = await freePort();
  fs.writeFileSync(file, text.replace('statistics-channels {', `statistics-channels { inet ${HOST} port ${other} allow { 192.0.2.1; };`)); // prettier-ignore
  assert.equal((await named.rndc('reconfig')).code, 0);
  await assert.rejects(fetch(`http://${HOST}:${other}/json/v1/status`));
  await named.line(new RegExp(`rejected statistics connection from ${HOST}#`));
  assert.deepEqual(await counted(), before_);
  fs.writeFileSync(file, text.replace('statistics-channels {', `statistics-channels { inet ${HOST} port ${other} allow { any; };`)); // prettier-ignore
  assert.equal((await named.rndc('reconfig')).code, 0);
  assert.equal((await fetch(`http://${HOST}:${other}/json/v1/status`)).status, 200, 'another list, the same socket');
  fs.writeFileSync(file, text.replace(/statistics-channels.*/, ''));
  assert.equal((await named.rndc('reconfig')).code, 0);
  for (const port of [other, http]) await assert.rejects(fetch(`http://${HOST}:${port}/json/v1/status`));
  await named.line(new RegExp(`stopping statistics channel on ${HOST}#${other}`));
  fs.writeFileSync(file, text);
  assert.equal((await named.rndc('reconfig')).code, 0);
  assert.deepEqual(await counted(), before_);
});

test('a channel that cannot be had is told with its address; the name service goes on', async () => {
  const { named } = servers[0];
  const file = path.join(named.directory, 'named.conf');
  const text = fs.readFileSync(file, 'latin1');
  fs.writeFileSync(file, text.replace('statistics-channels {', `statistics-channels { inet ${HOST} port ${named.ports.control};`)); // prettier-ignore
  const from = named.log.length;
  assert.equal((await named.rndc('reconfig')).code, 0);
  await named.line(
    new RegExp(`could not open statistics channel ${HOST}#${named.ports.control}: EADDRINUSE: the name service`),
    from,
  );
  fs.writeFileSync(file, text);
  assert.equal((await named.rndc('reconfig')).code, 0);
});
