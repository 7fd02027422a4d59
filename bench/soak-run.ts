import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { TYPE } from '../src/wire/type-codes.ts';
import { must } from './peers.ts';
import { statusField, stopServer } from './measure.ts';
import type { AttackerData, AttackerReport } from './soak-attacker.ts';
import { GoodClient, type GoodQuestion, type GoodReport } from './soak-client.ts';

/*
 * A soak: our named as a process, malformed messages at full rate over UDP, TCP and TLS, good ones at a steady rate beside them.
 *
 * No growth means: the first half is for warming up (at least 10 s: code is compiled, arenas and buffers are touched for the
 * first time, kept answers fill their 32 MiB). Of the rest, the median of resident memory in the last quarter is at most 5 % and 8 MiB above that of the first
 * quarter; the heap that is left after the last full collection of any thread is at most half as much again and 8 MiB more
 * than after its first one behind the warming up; and when all clients have gone, no descriptor is left that was not there before.
 */

export interface SoakOptions {
  readonly seconds: number;
  /** How named is started, without its options. */
  readonly named: readonly string[];
  /** native/udp for the attackers. */
  readonly module: string;
  readonly directory: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly seed: number;
  readonly goodRate?: number;
  /** Octets that resident memory may grow by besides 5 %; 8 MiB by default. Half a minute is too short to be warm. */
  readonly growth?: number;
}

export interface SoakResult {
  /** What is wrong; empty is success. */
  readonly faults: readonly string[];
  readonly good: GoodReport;
  readonly malformed: AttackerReport;
  readonly overStreams: AttackerReport;
  /** Octets: medians of resident memory, first and last quarter behind the warming up. */
  readonly memory: readonly [number, number];
  /** Octets of heap after full collections: the first and the last behind the warming up, summed over threads. */
  readonly heap: readonly [number, number];
  readonly logLines: number;
}

const MIB = 2 ** 20;
const THREADS = 2;
const APEXES = ['nsec.soak.', 'nsec3.soak.'];

export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { port, seconds } = options;
  writeConfiguration(options);
  const server = new Server(options);
  const client = new GoodClient(port, questions());
  const stop = new Int32Array(new SharedArrayBuffer(4));
  try {
    await server.running();
    await server.told(client.learn());
    const descriptors = server.descriptors();
    const attack = (over: AttackerData['over'], seed: number): Promise<AttackerReport> =>
      runAttacker({ over, module: options.module, ports: over === 'udp' ? [port] : [port, options.tlsPort], names: names(), seed, stop }); // prettier-ignore
    const attacks = Promise.all([attack('udp', options.seed), attack('streams', options.seed + 1)]);
    attacks.catch(() => undefined); // awaited below
    const ending = new AbortController();
    const begun = performance.now();
    const asking = Promise.all([
      client.askSteadily(options.goodRate ?? 300, ending.signal),
      client.askOverTcp(ending.signal),
    ]);
    const samples = await server.watch(seconds);
    ending.abort();
    await asking;
    Atomics.store(stop, 0, 1);
    const [malformed, overStreams] = await attacks;
    const warm = begun + Math.max(10, seconds / 2) * 1000;
    const faults = [...client.report.wrong];
    const rest = samples.filter(({ at }) => at > warm).map(({ resident }) => resident);
    const quarter = Math.max(1, rest.length >> 2);
    const memory = [median(rest.slice(0, quarter)), median(rest.slice(-quarter))] as const;
    if (memory[1] > memory[0] * 1.05 + (options.growth ?? 8 * MIB))
      faults.push(`resident memory grew from ${mib(memory[0])} to ${mib(memory[1])}`);
    const heap = server.heap(warm);
    if (heap[1] > heap[0] * 1.5 + 8 * MIB) faults.push(`the heaps grew from ${mib(heap[0])} to ${mib(heap[1])}`);
    faults.push(...(await server.settle(descriptors)), ...server.logFaults(overStreams));
    if (malformed.answers === 0 || overStreams.connections === 0) faults.push('the attack did not take place');
    // At rest again, all is answered as before.
    await client.atRest();
    const { repeated } = client.report;
    // A question that is asked again was lost: slow is not lost on a machine that has other work.
    await client.askSteadily(200, AbortSignal.timeout(1000), 60_000);
    if (client.report.repeated > repeated) faults.push('after the attack not all was answered at the first try');
    faults.push(...client.report.wrong.filter((one) => !faults.includes(one)));
    faults.push(...(await server.end()));
    return { faults, good: client.report, malformed, overStreams, memory, heap, logLines: server.logLines };
  } finally {
    Atomics.store(stop, 0, 1);
    client.close();
    await server.kill();
  }
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
export const mib = (octets: number): string => `${(octets / MIB).toFixed(1)} MiB`;

const HOSTS = 50;
const names = (): string[] =>
  APEXES.flatMap((apex) => [apex, `h1.${apex}`, `none.${apex}`, `x.wild.${apex}`, `x.sub.${apex}`, `c.${apex}`]);

function questions(): GoodQuestion[] {
  return APEXES.flatMap((apex) => {
    const question = (name: string, type: number, answers: number, rcode = 0): GoodQuestion => ({
      name: `${name}${apex}`,
      type,
      rcode,
      answers,
    });
    return [
      ...Array.from({ length: HOSTS }, (_, i) => question(`h${i}.`, TYPE.A, 2)),
      ...Array.from({ length: HOSTS }, (_, i) => question(`h${i}.none.`, TYPE.A, 0, 3)),
      question('', TYPE.SOA, 2),
      question('h1.', TYPE.MX, 0),
      question('x.wild.', TYPE.TXT, 2),
      question('x.sub.', TYPE.A, 0),
      question('c.', TYPE.A, 4),
    ];
  });
}

/** Zones that BIND signed, so that nothing changes meanwhile. */
function writeConfiguration({ directory, port, tlsPort }: SoakOptions): void {
  const zones = APEXES.map((apex, i) => {
    const hosts = Array.from({ length: HOSTS }, (_, host) => `h${host} A 192.0.2.${host}\n`).join('');
    const more = '*.wild TXT "any"\nsub NS ns.sub\nns.sub A 192.0.2.99\nc CNAME h1\n';
    const file = path.join(directory, `${apex}db`);
    fs.writeFileSync(
      file,
      `$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.53\n${hosts}${more}`,
    );
    must(['dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', '-f', 'KSK', apex], directory);
    must(['dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', apex], directory);
    must(['dnssec-signzone', '-q', '-S', '-o', apex, ...(i > 0 ? ['-3', 'aabb', '-H', '5'] : []), file], directory);
    return `zone "${apex}" { type primary; file "${file}.signed"; };\n`;
  });
  fs.writeFileSync(
    path.join(directory, 'named.conf'),
    `options {
  directory "${directory}"; listen-on port ${port} { 127.0.0.1; }; listen-on port ${tlsPort} tls ephemeral { 127.0.0.1; };
  listen-on-v6 { none; }; recursion no; pid-file none; session-keyfile none; notify no; allow-transfer { none; };
};
controls { };
${zones.join('')}`,
  );
}

function runAttacker(data: AttackerData): Promise<AttackerReport> {
  const worker = new Worker(new URL('./soak-attacker.ts', import.meta.url), { workerData: data });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

interface Sample {
  readonly at: number;
  readonly resident: number;
}

/** The process under test. */
class Server {
  readonly #child: ChildProcess;
  #log = '';
  /** By isolate, the heap after each full collection: when, octets. */
  readonly #collections = new Map<string, [number, number][]>();

  constructor({ named, directory }: SoakOptions) {
    const [program, ...script] = named;
    const args = [...script, '-g', '-n', String(THREADS), '-c', path.join(directory, 'named.conf')];
    this.#child = spawn(program, ['--trace-gc', ...args], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.#log += chunk.toString('latin1')));
    let rest = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#collected(line);
    });
  }

  /** "[pid:isolate] ... ms: Mark-Compact 12.3 (20.1) -> 8.2 (18.1) MB, ..." */
  #collected(line: string): void {
    const found = /^\[\d+:(0x[0-9a-f]+)[^\]]*\].*Mark-Compact.*? -> ([\d.]+) \(/.exec(line);
    if (found === null) return;
    const all = this.#collections.get(found[1]) ?? [];
    all.push([performance.now(), Number(found[2]) * MIB]);
    this.#collections.set(found[1], all);
  }

  get logLines(): number {
    return this.#log.split('\n').length - 1;
  }

  async running(): Promise<void> {
    for (let i = 0; i < 1200 && !/ running$/m.test(this.#log); i++) {
      if (this.#child.exitCode !== null) break;
      await sleep(50);
    }
    if (!/ running$/m.test(this.#log)) throw new Error(`named does not start:\n${this.#log}`);
  }

  /** A failure with the log to it. */
  async told(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      throw new Error(`named said:\n${this.#log.slice(-3000)}`, { cause: error });
    }
  }

  descriptors(): number {
    return fs.readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  async watch(seconds: number): Promise<Sample[]> {
    const samples: Sample[] = [];
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end && this.#child.exitCode === null && this.#child.signalCode === null) {
      samples.push({ at: performance.now(), resident: statusField(this.#child.pid ?? 0, 'VmRSS') });
      await sleep(500);
    }
    return samples;
  }

  /** Octets after the first and after the last full collection behind `warm`, of all threads that had two. */
  heap(warm: number): readonly [number, number] {
    const rest = [...this.#collections.values()]
      .map((all) => all.filter(([at]) => at > warm))
      .filter((all) => all.length > 1);
    const sum = (which: 0 | -1): number => rest.reduce((total, all) => total + (all.at(which)?.[1] ?? 0), 0);
    return [sum(0), sum(-1)];
  }

  /** Connections without a client have to end by themselves. */
  async settle(descriptors: number): Promise<string[]> {
    for (let i = 0; i < 600 && this.descriptors() > descriptors; i++) await sleep(200);
    const left = this.descriptors() - descriptors;
    return left > 0 ? [`${left} descriptors are left`] : [];
  }

  /** Datagrams, whose senders may be forged, never fill the log; a connection may have a line for each message. */
  logFaults({ sent }: AttackerReport): string[] {
    const faults: string[] = [];
    if (this.logLines > 200 + 2 * sent) faults.push(`${this.logLines} lines of log for ${sent} messages over streams`);
    const bad = this.#log
      .split('\n')
      .filter((line) => /internal error|critical|uncaught|responder thread|Error:/.test(line));
    if (bad.length > 0) faults.push(`the log has:\n${bad.slice(0, 5).join('\n')}`);
    return faults;
  }

  async end(): Promise<string[]> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null)
      return [`named ended with ${exitCode ?? signalCode}:\n${this.#log.slice(-3000)}`];
    await stopServer(this.#child);
    const code = this.#child.exitCode ?? this.#child.signalCode;
    return code === 0 ? [] : [`named ended with ${code} when it was told to end:\n${this.#log.slice(-3000)}`];
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await sleep(0);
  }
}

/** Builds the bundles and native/udp from this checkout into a directory of their own. @returns named's argv, the module */
export function buildBundle(directory: string): { readonly named: readonly string[]; readonly module: string } {
  const root = path.resolve(import.meta.dirname, '..');
  for (const part of ['src', 'scripts', 'native', 'package.json'])
    fs.cpSync(path.join(root, part), path.join(directory, part), { recursive: true });
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(directory, 'node_modules'));
  const built = spawnSync(process.execPath, ['scripts/build.ts'], { cwd: directory, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const module = path.join(directory, 'dist/native/udp.node');
  if (!fs.existsSync(module)) throw new Error('native/udp was not built: a soak without it is of no use');
  return { named: [process.execPath, path.join(directory, 'dist/named.js')], module };
}
