/**
 * `npm run bench:serve [section ...] [-- --scale 0.01 --seconds 2 --rounds 1]`: our named beside Knot, NSD and BIND, each with one
 * thread that answers, alternately in one run. CPU is what the kernel charges the server, user and system, for each query
 * that dnsperf saw answered. Nothing else may use the machine meanwhile. `--scale` makes all zones smaller, for a trial.
 */
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { askFor, transferZone, writeQuestions, type LoadResult } from './load.ts';
import { printTable, startServer, stopServer, treeCpu, treeMemory } from './measure.ts';
import { bindServer, bindSigner, makeKeys, must, requirePeers, servingPeers } from './peers.ts';
import type { ServedZone, ServerCommand } from './peers.ts';
import { BENCH_ZONE, writeDelegationZone, writeHostZone } from './zones.ts';

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
  },
});
const SCALE = positive('scale');
const SECONDS = positive('seconds');
const ROUNDS = Math.ceil(positive('rounds'));
const NAMES = Math.ceil(100_000 * SCALE);
const DELEGATIONS = Math.ceil(1_000_000 * SCALE);
const SMALL_ZONES = Math.ceil(10_000 * SCALE);
const QUESTIONS = 200_000;
const US = 'Signet';
const host = (i: number): string => `host-${String(i).padStart(6, '0')}.${BENCH_ZONE}`;
const child = (i: number): string => `www.child-${String(i).padStart(7, '0')}.${BENCH_ZONE}`;

const sections = { answers, nxdomain, nxdomain3, delegations, threads, latency, small };
for (const name of wanted)
  if (!(name in sections)) throw new Error(`no section ${name}; there are: ${Object.keys(sections).join(' ')}`);

console.log(`${os.cpus().length} cores of ${os.cpus()[0].model}, Linux ${os.release()}, Node.js ${process.version}`);
console.log(requirePeers().join('\n'));
console.log(`${ROUNDS} rounds of ${SECONDS} s, zones of ${NAMES} names, ${DELEGATIONS} delegations`);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-bench-'));
fs.chmodSync(directory, 0o755);
const running = new Set<ChildProcess>();
let nextPort = 5500;
let ourNamed: readonly string[] = [];
try {
  buildOurs();
  for (const [name, section] of Object.entries(sections))
    if (wanted.length === 0 || wanted.includes(name)) await section();
} finally {
  for (const server of running) await stopServer(server);
  fs.rmSync(directory, { recursive: true });
}

/** Our bundles with native/udp, in a place where no other build replaces them meanwhile. */
function buildOurs(): void {
  must([process.execPath, 'scripts/build.ts']);
  const dist = path.join(directory, 'dist');
  fs.cpSync('dist', dist, { recursive: true });
  must([process.execPath, path.resolve('scripts/build-native.ts'), '--output', path.join(dist, 'native/udp.node')]);
  ourNamed = [process.execPath, path.join(dist, 'named.js')];
}

interface RunningServer {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Seconds from the start to the first answer. */
  readonly started: number;
  /** PSS in octets after loading. */
  readonly memory: number;
}

/** Knot, NSD, BIND and we, started one after the other. */
async function startAll(zones: readonly ServedZone[]): Promise<RunningServer[]> {
  const port = nextPort;
  nextPort += 10;
  const ours = bindServer(US, [...ourNamed, '-g', '-n', '1'], path.join(directory, `ours-${port}`), zones, port + 3);
  const servers: RunningServer[] = [];
  // The last zone of many is the one that tells that all are loaded.
  for (const command of [ours, ...servingPeers(directory, zones, port)])
    servers.push(await startOne(command, zones.at(-1)!.zone));
  return servers;
}

async function startOne(command: ServerCommand, zone: string): Promise<RunningServer> {
  const begun = performance.now();
  const started = await startServer(command, command.port, zone);
  running.add(started);
  const seconds = (performance.now() - begun) / 1000;
  await sleep(3000); // what loading took beside the zone is given back within moments
  return {
    name: command.name,
    port: command.port,
    process: started,
    started: seconds,
    memory: treeMemory(started.pid!),
  };
}

async function stopAll(servers: readonly RunningServer[]): Promise<void> {
  for (const server of servers) {
    await stopServer(server.process);
    running.delete(server.process);
  }
}

interface Answered extends LoadResult {
  /** Microseconds of the server's CPU for each answered query. */
  readonly cost: number;
}

async function measureAnswers(
  server: RunningServer,
  questions: string,
  dnssecOk: boolean,
  duration = SECONDS,
): Promise<Answered> {
  const before = treeCpu(server.process.pid!);
  const result = await askFor({ port: server.port, questions, seconds: duration, dnssecOk });
  return { ...result, cost: ((treeCpu(server.process.pid!) - before) * 1e6) / result.answered };
}

/** Asks the servers alternately and prints the median of each; `limit` is the share of Knot's cost that is the aim. */
async function compare(
  title: string,
  servers: readonly RunningServer[],
  work: { questions: string; dnssecOk: boolean; limit?: number },
): Promise<void> {
  const all = new Map<string, Answered[]>(servers.map((server) => [server.name, []]));
  // A first short round has every server's code and pages warm.
  for (const server of servers) await measureAnswers(server, work.questions, work.dnssecOk, Math.min(2, SECONDS));
  for (let round = 0; round < ROUNDS; round++)
    for (const server of servers)
      all.get(server.name)!.push(await measureAnswers(server, work.questions, work.dnssecOk));
  const medians = new Map([...all].map(([name, runs]) => [name, medianOf(runs)]));
  const knot = medians.get('Knot')!.cost;
  printTable(
    title,
    ['server', 'CPU us an answer', 'of Knot', 'answers/s', 'lost', 'codes'],
    [...medians].map(([name, run]) => [
      name,
      run.cost.toFixed(2),
      (run.cost / knot).toFixed(2),
      run.rate.toFixed(0),
      String(all.get(name)!.reduce((sum, one) => sum + one.lost, 0)),
      run.codes,
    ]),
  );
  if (work.limit !== undefined) judge('of Knot', medians.get(US)!.cost / knot, work.limit);
}

function medianOf(runs: readonly Answered[]): Answered {
  return runs.toSorted((a, b) => a.cost - b.cost)[runs.length >> 1];
}

/** Says whether a figure keeps its limit. */
function judge(what: string, figure: number, limit: number): void {
  console.log(`${figure <= limit ? 'kept  ' : 'MISSED'} ${what}: ${figure.toFixed(2)}, limit ${limit}`);
}

/** BENCH_ZONE with `names` hosts, signed by our dnssec-signzone, once for all sections that use the same `label`. */
function signedZone(label: string, names: number, words: readonly string[] = []): ServedZone {
  const home = path.join(directory, label);
  if (fs.existsSync(home)) return { zone: BENCH_ZONE, file: path.join(home, 'signed.db') };
  const keyDirectory = path.join(home, 'keys');
  fs.mkdirSync(home, { recursive: true });
  const zoneFile = path.join(home, 'zone.db');
  writeHostZone(zoneFile, names);
  const signer = { directory: home, zoneFile, keyDirectory, ...makeKeys(keyDirectory) };
  const [, ...rest] = bindSigner('dnssec-signzone', signer, 'signed.db');
  must([process.execPath, path.join(directory, 'dist/dnssec-signzone.js'), ...words, ...rest]);
  return { zone: BENCH_ZONE, file: path.join(home, 'signed.db') };
}

/** Hosts of the zone, with a tenth of names that are not there. */
function mixedQuestions(): string {
  return writeQuestions(path.join(directory, 'mixed.txt'), QUESTIONS, (below) =>
    below(10) === 0 ? `no-${below(1 << 30).toString(36)}.${BENCH_ZONE}` : host(below(NAMES)),
  );
}

async function answers(): Promise<void> {
  const empty = await startAll([signedZone('empty', 1)]);
  await stopAll(empty);
  const servers = await startAll([signedZone('nsec', NAMES)]);
  const questions = mixedQuestions();
  const title = `Signed zone of ${NAMES} names, 10 % NXDOMAIN`;
  await compare(`${title}, DO`, servers, { questions, dnssecOk: true, limit: 0.9 });
  await compare(`${title}, without DO`, servers, { questions, dnssecOk: false, limit: 0.9 });
  printGrowth(`Memory (PSS), signed zone of ${NAMES} names`, empty, servers);
  await stopAll(servers);
}

/** The part of the memory that the zone takes, and the time to the first answer. */
function printGrowth(title: string, empty: readonly RunningServer[], full: readonly RunningServer[]): void {
  const grown = full.map((server, i) => server.memory - empty[i].memory);
  const knot = grown[full.findIndex((server) => server.name === 'Knot')];
  const megabytes = (octets: number): string => (octets / 1e6).toFixed(1);
  printTable(
    title,
    ['server', 'empty MB', 'with zone MB', 'zone MB', 'of Knot', 'first answer s'],
    full.map((server, i) => [
      server.name,
      megabytes(empty[i].memory),
      megabytes(server.memory),
      megabytes(grown[i]),
      (grown[i] / knot).toFixed(2),
      server.started.toFixed(2),
    ]),
  );
  judge('growth of Knot', grown[0] / knot, 1);
}

function nxdomain(): Promise<void> {
  return randomSubdomains('NSEC', signedZone('nsec', NAMES));
}

function nxdomain3(): Promise<void> {
  return randomSubdomains('NSEC3', signedZone('nsec3', NAMES, ['-3', '-', '-H', '0']));
}

async function randomSubdomains(denial: string, zone: ServedZone): Promise<void> {
  const servers = await startAll([zone]);
  const questions = writeQuestions(
    path.join(directory, 'random.txt'),
    QUESTIONS,
    (below) => `${below(1 << 30).toString(36)}.${BENCH_ZONE}`,
  );
  await compare(`Random subdomains, ${denial}, DO`, servers, { questions, dnssecOk: true, limit: 1 });
  await stopAll(servers);
}

/** A registry's zone: referrals, start, memory, transfer. */
async function delegations(): Promise<void> {
  const file = path.join(directory, 'delegations.db');
  writeDelegationZone(file, DELEGATIONS);
  const servers = await startAll([{ zone: BENCH_ZONE, file }]);
  const questions = writeQuestions(path.join(directory, 'referrals.txt'), QUESTIONS, (below) =>
    child(below(DELEGATIONS)),
  );
  await compare(`Referrals of ${DELEGATIONS} delegations`, servers, { questions, dnssecOk: true, limit: 1 });
  const best = Math.min(...servers.slice(1).map((server) => server.memory));
  const knot = servers.find((server) => server.name === 'Knot')!;
  printTable(
    'Start to first answer, and memory (PSS)',
    ['server', 'first answer s', 'of Knot', 'MB', 'of best peer'],
    servers.map((server) => [
      server.name,
      server.started.toFixed(2),
      (server.started / knot.started).toFixed(2),
      (server.memory / 1e6).toFixed(0),
      (server.memory / best).toFixed(2),
    ]),
  );
  judge('start of Knot', servers[0].started / knot.started, 1);
  judge('memory of best peer', servers[0].memory / best, 0.5);
  await compareTransfers(servers);
  await stopAll(servers);
}

async function compareTransfers(servers: readonly RunningServer[]): Promise<void> {
  const runs = new Map<string, string[]>();
  const times = new Map<string, number>();
  for (const server of servers) {
    const before = treeCpu(server.process.pid!);
    const all = [];
    for (let round = 0; round < ROUNDS; round++) all.push(await transferZone(server.port, BENCH_ZONE));
    const cpu = (treeCpu(server.process.pid!) - before) / ROUNDS;
    const median = all.toSorted((a, b) => a.seconds - b.seconds)[ROUNDS >> 1];
    times.set(server.name, median.seconds);
    const megabytes = (median.octets / 1e6).toFixed(1);
    runs.set(server.name, [median.seconds.toFixed(3), cpu.toFixed(3), megabytes, String(median.records)]);
  }
  const knot = times.get('Knot')!;
  printTable(
    `AXFR of ${DELEGATIONS} delegations`,
    ['server', 'wall s', 'CPU s', 'MB', 'records', 'of Knot'],
    [...runs].map(([name, cells]) => [name, ...cells, (times.get(name)! / knot).toFixed(2)]),
  );
  judge('AXFR of Knot', times.get(US)! / knot, 1);
}

/** Two responder threads against one. What two busy threads can answer follows from their CPU for each answer. */
async function threads(): Promise<void> {
  const zone = signedZone('nsec', NAMES);
  const questions = mixedQuestions();
  const measured: Answered[] = [];
  for (const count of [1, 2]) {
    const words = [...ourNamed, '-g', '-n', String(count)];
    const port = nextPort++;
    const command = bindServer(US, words, path.join(directory, `ours-${port}`), [zone], port);
    const server = await startOne(command, BENCH_ZONE);
    const runs: Answered[] = [];
    for (let round = 0; round <= ROUNDS; round++) runs.push(await measureAnswers(server, questions, true));
    measured.push(medianOf(runs.slice(1)));
    await stopAll([server]);
  }
  printTable(
    'Responder threads',
    ['threads', 'CPU us an answer', 'answers/s beside dnsperf', 'answers/s of busy threads'],
    measured.map((run, i) => [
      String(i + 1),
      run.cost.toFixed(2),
      run.rate.toFixed(0),
      (((i + 1) * 1e6) / run.cost).toFixed(0),
    ]),
  );
  const gain = (2 * measured[0].cost) / measured[1].cost;
  console.log(
    `${gain >= 1.7 ? 'kept  ' : 'MISSED'} two busy threads answer ${gain.toFixed(2)} times one, at least 1.7`,
  );
  if (os.cpus().length < 4) console.log('dnsperf shares these cores: two threads are never both busy here.');
}

/** Half the maximum load while every address of the zone changes and is signed again. */
async function latency(): Promise<void> {
  const home = path.join(directory, 'latency');
  fs.mkdirSync(home);
  const file = path.join(home, 'zone.db');
  writeHostZone(file, NAMES);
  const port = nextPort++;
  const control = nextPort++;
  const secret = Buffer.alloc(32, 7).toString('base64');
  const key = `key bench { algorithm hmac-sha256; secret "${secret}"; };`;
  fs.writeFileSync(path.join(home, 'rndc.conf'), `${key}\noptions { default-key bench; };\n`);
  const command = bindServer(US, [...ourNamed, '-g', '-n', '1'], home, [{ zone: BENCH_ZONE, file }], port, {
    more: `${key}\ncontrols { inet 127.0.0.1 port ${control} allow { 127.0.0.1; } keys { bench; }; };`,
    inZones: 'dnssec-policy default; inline-signing yes;',
  });
  const server = await startOne(command, BENCH_ZONE);
  await signedSerial(port, 0);
  const questions = mixedQuestions();
  const maximum = await measureAnswers(server, questions, true);
  const rate = maximum.rate / 2;
  const calm = await askFor({ port, questions, seconds: SECONDS, dnssecOk: true, rate, latencies: true });
  const before = await signedSerial(port, 0);
  writeHostZone(file, NAMES, 2);
  const load = askFor({ port, questions, seconds: SECONDS, dnssecOk: true, rate, latencies: true });
  const begun = performance.now();
  must(['rndc', '-c', path.join(home, 'rndc.conf'), '-s', '127.0.0.1', '-p', String(control), 'reload', BENCH_ZONE]);
  await signedSerial(port, before);
  const signing = (performance.now() - begun) / 1000;
  const busy = await load;
  await stopAll([server]);
  const row = (what: string, run: LoadResult): string[] => [
    what,
    run.rate.toFixed(0),
    ...[0.5, 0.99, 0.999, 1].map((part) => (1000 * quantile(run.latencies, part)).toFixed(2)),
    String(run.lost),
  ];
  printTable(
    `Latency in ms at half the maximum load; ${NAMES} names signed anew within ${signing.toFixed(1)} s of ${SECONDS} s`,
    ['zone', 'answers/s', 'median', '99 %', '99.9 %', 'worst', 'lost'],
    [row('at rest', calm), row('re-signed', busy)],
  );
  judge('99.9th percentile ms', 1000 * quantile(busy.latencies, 0.999), 5);
  judge('lost queries', busy.lost, 0);
}

function quantile(ascending: Float64Array, part: number): number {
  if (ascending.length === 0) throw new Error('dnsperf printed no latencies');
  return ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))];
}

/** Waits, bounded, until the zone is signed with a serial above `before`; the serial. */
async function signedSerial(port: number, before: number): Promise<number> {
  for (let tries = 0; tries < 600; tries++) {
    const text = must(['dig', '@127.0.0.1', '-p', String(port), '+short', '+dnssec', '+norec', BENCH_ZONE, 'SOA']);
    const [soa, signature] = text.split('\n');
    const serial = Number(soa.split(' ')[2]);
    if (signature !== undefined && serial > before) return serial;
    await sleep(100);
  }
  throw new Error(`${BENCH_ZONE} was not signed above serial ${before} within a minute`);
}

/** Many small zones in one server. */
async function small(): Promise<void> {
  const name = (i: number): string => `zone-${String(i).padStart(5, '0')}.example`;
  const home = path.join(directory, 'small');
  fs.mkdirSync(home);
  const zones = Array.from({ length: SMALL_ZONES }, (_, i): ServedZone => {
    const file = path.join(home, `${i}.db`);
    const text = `@ IN SOA ns1 hostmaster 1 3600 900 1209600 3600\n@ IN NS ns1\nns1 IN A 192.0.2.1\nwww IN A 192.0.2.2\n`;
    fs.writeFileSync(file, `$ORIGIN ${name(i)}.\n$TTL 3600\n${text}`);
    return { zone: name(i), file };
  });
  const servers = await startAll(zones);
  const questions = writeQuestions(
    path.join(directory, 'small.txt'),
    QUESTIONS,
    (below) => `www.${name(below(SMALL_ZONES))}`,
  );
  await compare(`${SMALL_ZONES} small zones`, servers, { questions, dnssecOk: false });
  printTable(
    'Start to the first answer for the last zone, and memory (PSS)',
    ['server', 'first answer s', 'MB'],
    servers.map((server) => [server.name, server.started.toFixed(2), (server.memory / 1e6).toFixed(0)]),
  );
  await stopAll(servers);
}

function positive(option: 'scale' | 'seconds' | 'rounds'): number {
  const value = Number(values[option]);
  if (!(value > 0)) throw new Error(`--${option} must be a number above 0, not '${values[option]}'`);
  return value;
}
