/** The peers, from Debian's packages, set up for BENCH_ZONE in one working directory. A missing one is an error. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BENCH_ZONE } from './zones.ts';
import type { Command } from './measure.ts';

/** Programs that the benchmarks run, with the option that makes each print its version. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ['ldns-signzone', '-v'],
  ['dnssec-signzone', '-V'],
  ['named', '-v'],
  ['kzonesign', '-V'],
  ['keymgr', '-V'],
  ['knotd', '-V'],
  ['nsd', '-v'],
  ['named-checkzone', '-v'],
  ['dnsperf', '-h'],
  ['rndc', '-h'],
  ['taskset', '-V'],
];

/** @throws when a peer is missing: a comparison without it would look like a victory */
export function requirePeers(): string[] {
  return PROGRAMS.map(([program, option]) => {
    const { error, stdout, stderr } = spawnSync(program, [option]);
    if (error) throw new Error(`${program} is missing: run 'sh scripts/setup.sh test' as root`);
    const first = `${stdout.toString('latin1')}${stderr.toString('latin1')}`.trim().split('\n')[0];
    return `${program}: ${first}`;
  });
}

export function must(argv: readonly string[], cwd?: string): string {
  const { error, status, stdout, stderr } = spawnSync(argv[0], argv.slice(1), { cwd, maxBuffer: 1 << 28 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${argv.join(' ')}: exit ${status}: ${stderr.toString('latin1').slice(-500)}`);
  return stdout.toString('latin1').trim();
}

/** P-256 key pairs made by BIND; base names. */
export function makeKeys(directory: string): { ksk: string; zsk: string } {
  fs.mkdirSync(directory, { recursive: true });
  const keygen = ['dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', '-K', directory];
  return { ksk: must([...keygen, '-f', 'KSK', BENCH_ZONE]), zsk: must([...keygen, BENCH_ZONE]) };
}

export interface SigningWork {
  readonly directory: string;
  readonly zoneFile: string;
  readonly keyDirectory: string;
  readonly ksk: string;
  readonly zsk: string;
}

/** The signing commands of the peers; none of them verifies what it made. */
export function signingPeers(work: SigningWork): Command[] {
  const knot = path.join(work.directory, 'knot-sign');
  fs.mkdirSync(path.join(knot, 'database'), { recursive: true });
  const configuration = path.join(knot, 'knot.conf');
  fs.writeFileSync(
    configuration,
    `server:
  rundir: "${knot}"
  background-workers: 2
database:
  storage: "${knot}/database"
policy:
  - id: bench
    manual: on
    algorithm: ecdsap256sha256
    signing-threads: 2
zone:
  - domain: ${BENCH_ZONE}
    file: "${work.zoneFile}"
    dnssec-signing: on
    dnssec-policy: bench
`,
  );
  for (const key of [work.ksk, work.zsk])
    must(['keymgr', '-c', configuration, BENCH_ZONE, 'import-bind', path.join(work.keyDirectory, `${key}.private`)]);
  const key = (base: string): string => path.join(work.keyDirectory, base);
  return [
    {
      name: 'ldns-signzone',
      argv: [
        'ldns-signzone',
        '-f',
        path.join(work.directory, 'ldns.signed'),
        work.zoneFile,
        key(work.zsk),
        key(work.ksk),
      ],
    },
    { name: 'BIND dnssec-signzone -P', argv: bindSigner('dnssec-signzone', work, 'bind.signed') },
    {
      name: 'kzonesign',
      argv: ['kzonesign', '-c', configuration, '-o', path.join(knot, 'out'), BENCH_ZONE],
    },
  ];
}

/** The same words for BIND's program and ours. */
export function bindSigner(program: string, work: SigningWork, output: string): string[] {
  const file = path.join(work.directory, output);
  return [
    program,
    '-P',
    '-S',
    '-K',
    work.keyDirectory,
    '-d',
    work.directory,
    '-o',
    BENCH_ZONE,
    '-f',
    file,
    work.zoneFile,
  ];
}

export interface ServedZone {
  readonly zone: string;
  readonly file: string;
}

/** Servers of the same zone files on 127.0.0.1, each on its own port, with one thread that answers. */
export function servingPeers(directory: string, zones: readonly ServedZone[], firstPort: number): ServerCommand[] {
  const home = (name: string): string => {
    const made = path.join(directory, `serve-${name}-${firstPort}`);
    fs.mkdirSync(made, { recursive: true });
    fs.chmodSync(made, 0o777);
    return made;
  };
  const knot = home('knot');
  fs.writeFileSync(path.join(knot, 'knot.conf'), knotConfiguration(knot, zones, firstPort));
  const nsd = home('nsd');
  fs.writeFileSync(path.join(nsd, 'nsd.conf'), nsdConfiguration(nsd, zones, firstPort + 1));
  return [
    { name: 'Knot', port: firstPort, argv: ['knotd', '-c', path.join(knot, 'knot.conf')], cwd: knot },
    { name: 'NSD', port: firstPort + 1, argv: ['nsd', '-d', '-c', path.join(nsd, 'nsd.conf')], cwd: nsd },
    bindServer('BIND', ['named', '-g', '-n', '1'], home('bind'), zones, firstPort + 2),
  ];
}

function knotConfiguration(home: string, zones: readonly ServedZone[], port: number): string {
  const list = zones.map(({ zone, file }) => `  - domain: ${zone}\n    file: "${file}"\n`);
  return `server:
  rundir: "${home}"
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "${home}"
acl:
  - id: local
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    semantic-checks: off
    acl: local
zone:
${list.join('')}`;
}

/** Debian's NSD limits the rate of answers unless told otherwise. */
function nsdConfiguration(home: string, zones: readonly ServedZone[], port: number): string {
  const list = zones.map(
    ({ zone, file }) => `zone:\n  name: ${zone}\n  zonefile: "${file}"\n  provide-xfr: 127.0.0.1 NOKEY\n`,
  );
  return `server:
  ip-address: 127.0.0.1@${port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "${home}"
  pidfile: "${home}/nsd.pid"
  xfrdfile: "${home}/xfrd.state"
  zonelistfile: "${home}/zone.list"
  database: ""
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
${list.join('')}`;
}

export interface ServerCommand extends Command {
  readonly port: number;
}

/** BIND and we read the same configuration; `more` is text at its end, `inZones` in each zone's block. */
export function bindServer(
  name: string,
  program: readonly string[],
  directory: string,
  zones: readonly ServedZone[],
  port: number,
  { more = 'controls { };', inZones = '' } = {},
): ServerCommand {
  fs.mkdirSync(directory, { recursive: true });
  const list = zones.map(({ zone, file }) => `zone "${zone}" { type primary; file "${file}"; ${inZones} };\n`);
  fs.writeFileSync(
    path.join(directory, 'named.conf'),
    `options { directory "${directory}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
  pid-file none; session-keyfile none; notify no; };
${more}
${list.join('')}`,
  );
  return { name, port, argv: [...program, '-c', path.join(directory, 'named.conf')], cwd: directory };
}
