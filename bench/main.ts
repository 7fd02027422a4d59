/**
 * `npm run bench [sign] [grow] [load] [memory] [change]`: us and the peers, alternately, as whole processes, in one run.
 * Nothing else may use the machine meanwhile. Works in a temporary directory that is removed at the end.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { benchmarkChange } from './change.ts';
import { alternate, printTable, runMeasured, startServer, stopServer, treeMemory, type Cost } from './measure.ts';
import { bindServer, bindSigner, makeKeys, must, requirePeers, servingPeers, signingPeers } from './peers.ts';
import type { SigningWork } from './peers.ts';
import { BENCH_ZONE, writeHostZone } from './zones.ts';

const ROUNDS = 3;
const NAMES = 100_000;
/** Signatures a second of two cores of OpenSSL for P-256: the physical limit of signing. */
const SIGNATURES_A_CORE = 45_000;
const BUNDLES = path.resolve('dist/bin');
const seconds = (value: number): string => value.toFixed(2);
const ratio = (ours: number, theirs: number): string => (ours / theirs).toFixed(2);

const sections = { sign, grow, load, memory, change: () => benchmarkChange() };
const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!(name in sections)) throw new Error(`no benchmark ${name}; there are: ${Object.keys(sections).join(' ')}`);

console.log(`${os.cpus().length} cores of ${os.cpus()[0].model}, Node.js ${process.version}`);
console.log(requirePeers().join('\n'));
must([process.execPath, 'scripts/build.ts']);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-bench-'));
try {
  for (const [name, section] of Object.entries(sections))
    if (wanted.length === 0 || wanted.includes(name)) await section();
} finally {
  fs.rmSync(directory, { recursive: true });
}

function prepare(names: number): SigningWork {
  const home = path.join(directory, `names-${names}`);
  fs.rmSync(home, { recursive: true, force: true });
  fs.mkdirSync(home, { recursive: true });
  const zoneFile = path.join(home, 'zone.db');
  const keyDirectory = path.join(home, 'keys');
  writeHostZone(zoneFile, names);
  return { directory: home, zoneFile, keyDirectory, ...makeKeys(keyDirectory) };
}

async function sign(): Promise<void> {
  const work = prepare(NAMES);
  const ours = {
    name: 'Signet dnssec-signzone -P',
    argv: bindSigner(path.join(BUNDLES, 'dnssec-signzone'), work, 'ours.signed'),
  };
  const withCheck = { name: 'Signet dnssec-signzone', argv: ours.argv.filter((word) => word !== '-P') };
  const peers = signingPeers(work);
  const bindWithCheck = { name: 'BIND dnssec-signzone', argv: peers[1].argv.filter((word) => word !== '-P') };
  const costs = await alternate([ours, ...peers, withCheck, bindWithCheck], ROUNDS);
  const fastest = Math.min(...peers.map((peer) => costs.get(peer.name)!.wall));
  const ldns = costs.get('ldns-signzone')!.wall;
  printTable(
    `Signing ${NAMES} names, P-256 KSK and ZSK, NSEC (median of ${ROUNDS}; without -P the result is verified as well)`,
    ['program', 'wall s', 'CPU s', 'peak MB', 'of ldns', 'of fastest peer'],
    [...costs].map(([name, cost]) => [
      name,
      seconds(cost.wall),
      seconds(cost.cpu),
      cost.peak.toFixed(0),
      ratio(cost.wall, ldns),
      ratio(cost.wall, fastest),
    ]),
  );
  must(['ldns-verify-zone', path.join(work.directory, 'ours.signed')]);
  const limit = (2 * NAMES) / SIGNATURES_A_CORE / os.cpus().length;
  console.log(`Physical limit: ${seconds(limit)} s; we take ${ratio(costs.get(ours.name)!.wall, limit)} times that.`);
}

async function grow(): Promise<void> {
  const sizes = [NAMES, 10 * NAMES];
  const costs: Cost[] = [];
  for (const names of sizes) {
    const work = prepare(names);
    const argv = bindSigner(path.join(BUNDLES, 'dnssec-signzone'), work, 'ours.signed');
    costs.push(await runMeasured({ name: 'Signet', argv }));
    fs.rmSync(work.directory, { recursive: true });
  }
  printTable(
    'Signing ten times the names',
    ['names', 'wall s', 'CPU s', 'peak MB'],
    costs.map((cost, i) => [String(sizes[i]), seconds(cost.wall), seconds(cost.cpu), cost.peak.toFixed(0)]),
  );
  console.log(
    `Growth: time ${ratio(costs[1].wall, costs[0].wall)}, memory ${ratio(costs[1].peak, costs[0].peak)} (zone: 10)`,
  );
}

/** A signed zone text of about 500,000 records. */
function signedZone(): { file: string; records: number } {
  const work = prepare(125_000);
  must(bindSigner('dnssec-signzone', work, 'signed.db'));
  const file = path.join(work.directory, 'signed-lines.db');
  // One record a line, as every server's own dump has it.
  must([
    'named-compilezone',
    '-q',
    '-i',
    'none',
    '-s',
    'full',
    '-o',
    file,
    BENCH_ZONE,
    path.join(work.directory, 'signed.db'),
  ]);
  return { file, records: Number(must(['grep', '-vc', '^;', file])) };
}

async function load(): Promise<void> {
  const { file, records } = signedZone();
  const check = (name: string, program: string): { name: string; argv: string[] } => ({
    name,
    argv: [program, '-q', '-i', 'none', BENCH_ZONE, file],
  });
  const costs = await alternate(
    [
      check('Signet named-checkzone', path.join(BUNDLES, 'named-checkzone')),
      check('BIND named-checkzone', 'named-checkzone'),
    ],
    ROUNDS,
  );
  const bind = costs.get('BIND named-checkzone')!;
  printTable(
    `Loading a signed zone text of ${records} records (${(fs.statSync(file).size / 1e6).toFixed(0)} MB)`,
    ['program', 'wall s', 'CPU s', 'peak MB', 'of BIND'],
    [...costs].map(([name, cost]) => [
      name,
      seconds(cost.wall),
      seconds(cost.cpu),
      cost.peak.toFixed(0),
      ratio(cost.wall, bind.wall),
    ]),
  );
}

/** What a zone costs in memory: the server with it, less the same server with a zone of one name. */
async function memory(): Promise<void> {
  const { file, records } = signedZone();
  const small = path.join(directory, 'small.db');
  writeHostZone(small, 1);
  const start = 5400;
  const servers = (zoneFile: string, port: number): ReturnType<typeof servingPeers> => [
    bindServer(
      'Signet',
      [path.join(BUNDLES, 'named'), '-g', '-n', '1'],
      path.join(directory, `ours-${port}`),
      [{ zone: BENCH_ZONE, file: zoneFile }],
      port + 3,
    ),
    ...servingPeers(directory, [{ zone: BENCH_ZONE, file: zoneFile }], port),
  ];
  const empty = servers(small, start);
  const full = servers(file, start + 10);
  const rows: string[][] = [];
  const grown: number[] = [];
  for (let i = 0; i < full.length; i++) {
    const [base] = await memoryOf(empty[i]);
    const [whole, answered] = await memoryOf(full[i]);
    grown.push(whole - base);
    const each = ((whole - base) / records).toFixed(0);
    rows.push([
      full[i].name,
      (base / 1e6).toFixed(0),
      (whole / 1e6).toFixed(0),
      ((whole - base) / 1e6).toFixed(1),
      each,
      seconds(answered),
    ]);
  }
  const knot = grown[full.findIndex((server) => server.name === 'Knot')];
  printTable(
    `Memory (PSS) for a signed zone of ${records} records`,
    ['server', 'empty MB', 'with zone MB', 'zone MB', 'octets a record', 'first answer s', 'of Knot'],
    rows.map((row, i) => [...row, ratio(grown[i], knot)]),
  );
}

async function memoryOf(server: ReturnType<typeof servingPeers>[number]): Promise<[number, number]> {
  const started = performance.now();
  const child = await startServer(server, server.port, BENCH_ZONE);
  const answered = (performance.now() - started) / 1000;
  // Loading leaves pages that are given back within moments.
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const octets = treeMemory(child.pid!);
  await stopServer(child);
  return [octets, answered];
}
