/**
 * `npm run bench:serve [section ...] [-- --scale 0.01 --seconds 2 --rounds 1]`: our named beside Knot, NSD and BIND, each with one
 * thread that answers, alternately in one run. CPU is what the kernel charges the server, user and system, for each query
 * that dnsperf saw answered. Nothing else may use the machine meanwhile. `--scale` makes all zones smaller, for a trial.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { askFor, transferZone, writeQuestions, type LoadResult } from './load.ts';
import { printTable, threadCpu, treeCpu } from './measure.ts';
import { bindServer, bindSigner, makeKeys, must, requirePeers } from './peers.ts';
import type { ServedZone } from './peers.ts';
import { judge, medianOf, ServeRun, US, type Answered, type RunningServer } from './serve-run.ts';
import { signedSerial } from './signed-serial.ts';
import { BENCH_ZONE, writeDelegationZone, writeHostZone } from './zones.ts';

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    scale: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '8' },
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
try {
  await using run = new ServeRun({ seconds: SECONDS, rounds: ROUNDS, directory });
  for (const [name, section] of Object.entries(sections))
    if (wanted.length === 0 || wanted.includes(name)) await section(run);
} finally {
  fs.rmSync(directory, { recursive: true });
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

async function answers(run: ServeRun): Promise<void> {
  const empty = await run.startAll([signedZone('empty', 1)]);
  await run.stopAll(empty);
  const servers = await run.startAll([signedZone('nsec', NAMES)]);
  const questions = mixedQuestions();
  const title = `Signed zone of ${NAMES} names, 10 % NXDOMAIN`;
  await run.compare(`${title}, DO`, servers, { questions, dnssecOk: true, limit: 0.9 });
  await run.compare(`${title}, without DO`, servers, { questions, dnssecOk: false, limit: 0.9 });
  printGrowth(`Memory (PSS), signed zone of ${NAMES} names`, empty, servers);
  await run.stopAll(servers);
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

function nxdomain(run: ServeRun): Promise<void> {
  return randomSubdomains(run, 'NSEC', signedZone('nsec', NAMES));
}

function nxdomain3(run: ServeRun): Promise<void> {
  return randomSubdomains(run, 'NSEC3', signedZone('nsec3', NAMES, ['-3', '-', '-H', '0']));
}

async function randomSubdomains(run: ServeRun, denial: string, zone: ServedZone): Promise<void> {
  const servers = await run.startAll([zone]);
  const questions = writeQuestions(
    path.join(directory, 'random.txt'),
    QUESTIONS,
    (below) => `${below(1 << 30).toString(36)}.${BENCH_ZONE}`,
  );
  await run.compare(`Random subdomains, ${denial}, DO`, servers, { questions, dnssecOk: true, limit: 1 });
  await run.stopAll(servers);
}

/** A registry's zone: referrals, start, memory, transfer. */
async function delegations(run: ServeRun): Promise<void> {
  const file = path.join(directory, 'delegations.db');
  writeDelegationZone(file, DELEGATIONS);
  const servers = await run.startAll([{ zone: BENCH_ZONE, file }]);
  const questions = writeQuestions(path.join(directory, 'referrals.txt'), QUESTIONS, (below) =>
    child(below(DELEGATIONS)),
  );
  await run.compare(`Referrals of ${DELEGATIONS} delegations`, servers, { questions, dnssecOk: true, limit: 1 });
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
  judge('AXFR of Knot', await compareTransfers(`AXFR of ${DELEGATIONS} delegations`, BENCH_ZONE, servers), 1);
  await run.stopAll(servers);
}

async function compareTransfers(title: string, zone: string, servers: readonly RunningServer[]): Promise<number> {
  const runs = new Map<string, string[]>();
  const times = new Map<string, number>();
  for (const server of servers) {
    const before = treeCpu(server.process.pid!);
    const all = [];
    for (let round = 0; round < ROUNDS; round++) all.push(await transferZone(server.port, zone));
    const cpu = (treeCpu(server.process.pid!) - before) / ROUNDS;
    const median = all.toSorted((a, b) => a.seconds - b.seconds)[ROUNDS >> 1];
    times.set(server.name, median.seconds);
    const megabytes = (median.octets / 1e6).toFixed(1);
    runs.set(server.name, [median.seconds.toFixed(3), cpu.toFixed(3), megabytes, String(median.records)]);
  }
  const knot = times.get('Knot')!;
  printTable(
    title,
    ['server', 'wall s', 'CPU s', 'MB', 'records', 'of Knot'],
    [...runs].map(([name, cells]) => [name, ...cells, (times.get(name)! / knot).toFixed(2)]),
  );
  return times.get(US)! / knot;
}

/**
 * Two responder threads against one. The one has a core to itself, and dnsperf the others. Two threads and dnsperf have to share two
 * cores, so there what two busy threads answer follows from the CPU time of an answer while both are loaded; the shares show
 * that they are.
 */
async function threads(run: ServeRun): Promise<void> {
  const zone = signedZone('nsec', NAMES);
  const questions = mixedQuestions();
  const cores = os.availableParallelism();
  const isShared = cores < 4;
  const measured: { cores: string; client: string; answered: Answered; shares: string }[] = [];
  for (const count of [1, 2]) {
    const own = count === 1 ? '0' : '0-1';
    const client = isShared && count === 2 ? '0-1' : `${isShared ? 1 : 2}-${cores - 1}`;
    const port = run.nextPort();
    const words = ['taskset', '-c', own, ...run.ourNamed, '-g', '-n', String(count)];
    const server = await run.startOne(
      bindServer(US, words, path.join(directory, `ours-${port}`), [zone], port),
      BENCH_ZONE,
    );
    const runs: Answered[] = [];
    for (let round = 0; round <= ROUNDS; round++)
      runs.push(await run.measureAnswers(server, questions, true, { cores: client }));
    const busy = threadCpu(server.process.pid!, /^responder/);
    const total = busy.reduce((sum, one) => sum + one, 0);
    const shares = busy.map((one) => `${((100 * one) / total).toFixed(0)} %`).join(' + ');
    measured.push({ cores: own, client, answered: medianOf(runs.slice(1)), shares });
    await run.stopAll([server]);
  }
  printTable(
    'Responder threads',
    ['threads', 'cores', 'of dnsperf', 'CPU us an answer', 'answers/s', 'shares of the threads'],
    measured.map(({ cores: own, client, answered, shares }, i) => [
      String(i + 1),
      own,
      client,
      answered.cost.toFixed(2),
      answered.rate.toFixed(0),
      shares,
    ]),
  );
  const [one, two] = measured.map(({ answered }) => answered);
  const gain = isShared ? (2 * one.cost) / two.cost : two.rate / one.rate;
  const how = isShared ? 'by the CPU time of an answer, since dnsperf shares both cores' : 'measured';
  console.log(
    `${gain >= 1.7 ? 'kept  ' : 'MISSED'} two busy threads answer ${gain.toFixed(2)} times one, at least 1.7 (${how})`,
  );
}

/** Half the maximum load while every address of the zone changes and is signed again. */
async function latency(run: ServeRun): Promise<void> {
  const home = path.join(directory, 'latency');
  fs.mkdirSync(home);
  const file = path.join(home, 'zone.db');
  writeHostZone(file, NAMES);
  const port = run.nextPort();
  const control = run.nextPort();
  const secret = Buffer.alloc(32, 7).toString('base64');
  const key = `key bench { algorithm hmac-sha256; secret "${secret}"; };`;
  fs.writeFileSync(path.join(home, 'rndc.conf'), `${key}\noptions { default-key bench; };\n`);
  const command = bindServer(US, [...run.ourNamed, '-g', '-n', '1'], home, [{ zone: BENCH_ZONE, file }], port, {
    more: `${key}\ncontrols { inet 127.0.0.1 port ${control} allow { 127.0.0.1; } keys { bench; }; };`,
    inZones: 'dnssec-policy default; inline-signing yes;',
  });
  const server = await run.startOne(command, BENCH_ZONE);
  await signedSerial(port, BENCH_ZONE, 0);
  const questions = mixedQuestions();
  const maximum = await run.measureAnswers(server, questions, true);
  const rate = maximum.rate / 2;
  // Long enough for all signatures to be made meanwhile.
  const seconds = Math.max(SECONDS, Math.ceil(12 * SCALE));
  const calm = await askFor({ port, questions, seconds, dnssecOk: true, rate, latencies: true });
  const before = await signedSerial(port, BENCH_ZONE, 0);
  writeHostZone(file, NAMES, 2);
  const load = askFor({ port, questions, seconds, dnssecOk: true, rate, latencies: true });
  const begun = performance.now();
  must(['rndc', '-c', path.join(home, 'rndc.conf'), '-s', '127.0.0.1', '-p', String(control), 'reload', BENCH_ZONE]);
  await signedSerial(port, BENCH_ZONE, before);
  const signing = (performance.now() - begun) / 1000;
  const busy = await load;
  await run.stopAll([server]);
  const row = (what: string, result: LoadResult): string[] => [
    what,
    result.rate.toFixed(0),
    ...[0.5, 0.99, 0.999, 1].map((part) => (1000 * quantile(result.latencies, part)).toFixed(2)),
    String(result.lost),
  ];
  printTable(
    `Latency in ms at half the maximum load; ${NAMES} names signed anew within ${signing.toFixed(1)} s of ${seconds} s`,
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

/** Many small zones in one server. */
async function small(run: ServeRun): Promise<void> {
  const name = (i: number): string => `zone-${String(i).padStart(5, '0')}.example`;
  const home = path.join(directory, 'small');
  fs.mkdirSync(home);
  const zones = Array.from({ length: SMALL_ZONES }, (_, i): ServedZone => {
    const file = path.join(home, `${i}.db`);
    const text = `@ IN SOA ns1 hostmaster 1 3600 900 1209600 3600\n@ IN NS ns1\nns1 IN A 192.0.2.1\nwww IN A 192.0.2.2\n`;
    fs.writeFileSync(file, `$ORIGIN ${name(i)}.\n$TTL 3600\n${text}`);
    return { zone: name(i), file };
  });
  const servers = await run.startAll(zones);
  const questions = writeQuestions(
    path.join(directory, 'small.txt'),
    QUESTIONS,
    (below) => `www.${name(below(SMALL_ZONES))}`,
  );
  await run.compare(`${SMALL_ZONES} small zones`, servers, { questions, dnssecOk: false });
  const knot = servers.find((server) => server.name === 'Knot')!;
  printTable(
    'Start to the first answer for the last zone, and memory (PSS)',
    ['server', 'first answer s', 'of Knot', 'MB', 'of Knot'],
    servers.map((server) => [
      server.name,
      server.started.toFixed(2),
      (server.started / knot.started).toFixed(2),
      (server.memory / 1e6).toFixed(0),
      (server.memory / knot.memory).toFixed(2),
    ]),
  );
  await compareTransfers('AXFR of one small zone', name(0), servers);
  await run.stopAll(servers);
}

function positive(option: 'scale' | 'seconds' | 'rounds'): number {
  const value = Number(values[option]);
  if (!(value > 0)) throw new Error(`--${option} must be a number above 0, not '${values[option]}'`);
  return value;
}
