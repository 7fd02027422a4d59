/**
 * `npm run bench:hsm [-- [--seconds N] [sign] [devices] [calls] [lookup]]`: signatures a second by our network HSM, by plain OpenSSL, and by SoftHSM2 loaded directly and through
 * p11-kit's client and server, on the same machine in one run; how work is spread over devices; how long calls take; looking a key up among 100,000. N seconds for
 * each figure, default 2. Nothing else may use the machine meanwhile. Works in a temporary directory that is removed at the end.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs } from 'node:util';
import { buildNative } from '../scripts/build-native.ts';
import type { Appliance, LoadOrder, LoadResult } from './hsm-load.ts';
import { type BenchKind, KINDS } from './hsm-kinds.ts';
import { printTable } from './measure.ts';
import { must } from './peers.ts';

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '2' }, keys: { type: 'string', default: '100000' } },
  allowPositionals: true,
});
const SECONDS = Number(values.seconds);
const CONNECTIONS = [1, 4, 16];
/** Calls under way on a connection, where a client does not wait for each. */
const PIPELINE = 16;
/** Seconds of calls before the first figure. */
const WARM_UP = 3;
/** Devices of the model, and milliseconds that they take for a signature. */
const MODEL_DEVICES = [1, 2, 4];
const SERVICE_TIME = 4;
const LOOKUP_KEYS = Number(values.keys);
const THREADS = [1, 4];
const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so';
const TOKEN = { label: 'bench', pin: '123456' };

const root = path.resolve(import.meta.dirname, '..');
const P11_CLIENT = `/usr/lib/${os.arch() === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/pkcs11/p11-kit-client.so`;

/** Signatures a second, NaN when refused; and CPU microseconds of each in all processes, where they are known. */
interface Figure {
  readonly rate: number;
  readonly cpu: number | undefined;
}
/** By what made them. */
type Figures = Map<string, Figure>;
const REFUSED: Figure = { rate: Number.NaN, cpu: undefined };

requireFiles();
console.log(
  `${os.cpus().length} cores of ${os.cpus()[0].model}, Node.js ${process.version}, ${SECONDS} s for each figure`,
);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-bench-hsm-'));
async function benchmarkSigning(): Promise<void> {
  const loader = compileLoader();
  await using client = startLoad();
  const figures = new Map<string, Figures>(KINDS.map(({ name }) => [name, new Map()]));
  const note = (kind: BenchKind, name: string, value: Figure): void => void figures.get(kind.name)!.set(name, value);

  for (const kind of KINDS)
    for (const threads of THREADS) note(kind, `openssl ${threads}`, { rate: openssl(kind, threads), cpu: undefined });
  const softhsm = prepareSoftHsm();
  for (const kind of KINDS)
    for (const threads of THREADS)
      note(kind, `softhsm ${threads}`, await runLoader(loader, SOFTHSM, kind, threads, softhsm, []));
  {
    await using server = await startP11Kit(softhsm);
    for (const kind of KINDS)
      for (const threads of THREADS)
        note(kind, `p11-kit ${threads}`, await runLoader(loader, P11_CLIENT, kind, threads, server.env, [server.pid]));
  }
  for (const devices of [1, 2]) {
    await using hsm = await startHsm(devices);
    // A process that was just started still compiles what it runs.
    await client.run({
      work: 'sign',
      kind: 'p256',
      connections: 16,
      depth: 1,
      seconds: WARM_UP,
      appliance: hsm.appliance,
    });
    for (const kind of KINDS)
      for (const connections of CONNECTIONS)
        for (const depth of [1, PIPELINE]) {
          const order = { work: 'sign', kind: kind.name, connections, depth, seconds: SECONDS } as const;
          const { result, cpu } = await client.runMeasured({ ...order, appliance: hsm.appliance }, hsm.pid);
          const { operations, seconds } = result;
          note(kind, nameOf(devices, connections, depth), {
            rate: operations / seconds,
            cpu: (cpu / operations) * 1e6,
          });
        }
  }
  report(figures);
}

/** How the pool spreads work: over devices of which each has a speed of its own, so that the cores of this machine do not limit them. */
async function benchmarkDevices(): Promise<void> {
  await using client = startLoad();
  const lines: string[][] = [];
  const alone = new Map<string, number>();
  for (const devices of MODEL_DEVICES) {
    await using hsm = await startHsm(devices, SERVICE_TIME);
    for (const connections of [4, 16])
      for (const depth of [1, PIPELINE]) {
        const order = { work: 'sign', kind: 'rsa2048', connections, depth, seconds: SECONDS } as const;
        const { operations, seconds } = await client.run({ ...order, appliance: hsm.appliance });
        const rate = operations / seconds;
        const load = `${connections} connections, ${depth} at once on each`;
        if (devices === 1) alone.set(load, rate);
        lines.push([`${devices} device${devices === 1 ? '' : 's'}, ${load}`, rate.toFixed(0), (rate / alone.get(load)!).toFixed(2)]); // prettier-ignore
      }
  }
  printTable(
    `RSA-2048, devices that take ${SERVICE_TIME} ms for each signature`,
    ['', 'a second', 'of one device'],
    lines,
  );
}

async function benchmarkCalls(): Promise<void> {
  await using client = startLoad();
  await using hsm = await startHsm(2);
  const order = { kind: 'p256', connections: 1, depth: 1, seconds: SECONDS, appliance: hsm.appliance } as const;
  const own = await client.run({ ...order, work: 'idle' });
  const device = await client.run({ ...order, work: 'devices idle' });
  const signature = await client.run({ ...order, work: 'sign' });
  printLatencies([
    latencyLine('a call that the appliance answers itself', own),
    latencyLine('a call that a device answers', device),
    latencyLine('a signature of P-256', signature),
  ]);
}

async function benchmarkLookup(): Promise<void> {
  await using client = startLoad();
  await using hsm = await startHsm(2);
  const begin = performance.now();
  const order = { work: 'lookup', connections: 1, depth: 1, seconds: SECONDS, keys: LOOKUP_KEYS } as const;
  const result = await client.run({ ...order, appliance: hsm.appliance });
  const making = (performance.now() - begin) / 1000 - SECONDS;
  printLatencies([latencyLine(`a key by its label among ${LOOKUP_KEYS}`, result)]);
  console.log(
    `Making the keys took ${making.toFixed(0)} s: ${(LOOKUP_KEYS / making).toFixed(0)} a second, each with a label.`,
  );
}

function printLatencies(lines: readonly string[][]): void {
  printTable('Microseconds of a call, one at a time', ['', 'half below', '99 of 100 below'], lines);
}

function nameOf(devices: number, connections: number, depth: number): string {
  return `hsm ${devices} ${connections} ${depth}`;
}

function latencyLine(text: string, { p50, p99 }: LoadResult): string[] {
  return [text, p50.toFixed(0), p99.toFixed(0)];
}

// ---- what is printed

function report(figures: ReadonlyMap<string, Figures>): void {
  for (const kind of KINDS) {
    const of = figures.get(kind.name)!;
    const most = of.get('openssl 4')!.rate;
    const line = (text: string, name: string): string[] => {
      const { rate, cpu } = of.get(name)!;
      if (Number.isNaN(rate)) return [text, 'refused', '', ''];
      return [text, rate.toFixed(0), (rate / most).toFixed(2), cpu?.toFixed(0) ?? ''];
    };
    const peers = (['openssl', 'softhsm', 'p11-kit'] as const).flatMap((name) =>
      THREADS.map((threads) =>
        line(`${PEER_TEXTS[name]}, ${threads} thread${threads === 1 ? '' : 's'}`, `${name} ${threads}`),
      ),
    );
    const ours = [1, 2].flatMap((devices) =>
      CONNECTIONS.flatMap((connections) =>
        [1, PIPELINE].map((depth) =>
          line(
            `HSM over TLS, ${devices} device${devices === 1 ? '' : 's'}, ${connections} connection${connections === 1 ? '' : 's'}, ${depth} at once on each`,
            nameOf(devices, connections, depth),
          ),
        ),
      ),
    );
    printTable(
      `${kind.label}: signatures a second`,
      ['', 'a second', 'of OpenSSL, 4 threads', 'CPU us each'],
      [...peers, ...ours],
    );
  }
  printTable('Goals: 4 connections, two devices', ['', 'one at a time', `${PIPELINE} at once`], goals(figures));
}

const PEER_TEXTS = {
  openssl: 'plain OpenSSL',
  softhsm: 'SoftHSM2 in process',
  'p11-kit': 'SoftHSM2 through p11-kit',
} as const;

function goals(figures: ReadonlyMap<string, Figures>): string[][] {
  const value = (kind: BenchKind['name'], name: string): number => figures.get(kind)!.get(name)!.rate;
  const line = (text: string, goal: number, measured: (depth: number) => number): string[] => [
    `${text}: at least ${goal}`,
    ...[1, PIPELINE].map((depth) => `${measured(depth).toFixed(2)}${measured(depth) >= goal ? '' : ' (missed)'}`),
  ];
  const ours = (kind: BenchKind['name'], depth: number, devices = 2): number => value(kind, nameOf(devices, 4, depth));
  return [
    line('RSA-2048 of OpenSSL with 4 threads', 0.7, (depth) => ours('rsa2048', depth) / value('rsa2048', 'openssl 4')),
    line('RSA-2048 of SoftHSM2 through p11-kit', 3, (depth) => ours('rsa2048', depth) / value('rsa2048', 'p11-kit 4')),
    line('P-256 of SoftHSM2 through p11-kit', 1.5, (depth) => ours('p256', depth) / value('p256', 'p11-kit 4')),
    line('Ed25519 of SoftHSM2 in process', 1, (depth) => ours('ed25519', depth) / value('ed25519', 'softhsm 4')),
    ...KINDS.map(({ name, label }) =>
      line(
        `${label} of two devices, of one, all on these cores`,
        1.7,
        (depth) => ours(name, depth) / ours(name, depth, 1),
      ),
    ),
  ];
}

// ---- the peers

function requireFiles(): void {
  for (const [file, source] of [
    [SOFTHSM, 'softhsm2'],
    [P11_CLIENT, 'p11-kit-modules'],
    ['/usr/bin/p11-kit', 'p11-kit'],
    ['/usr/bin/softhsm2-util', 'softhsm2'],
    ['/usr/include/p11-kit-1/p11-kit/pkcs11.h', 'libp11-kit-dev'],
    ['/usr/bin/openssl', 'openssl'],
  ] as const)
    // prettier-ignore
    if (!fs.existsSync(file)) throw new Error(`${file} is missing: apt-get install ${source}`);
  const built = buildNative({ root, module: 'hsm', output: path.join(root, '.build/native/hsm.node') });
  if (!built.built) throw new Error(built.reason);
}

function openssl({ openssl: { algorithm, line }, label }: BenchKind, threads: number): number {
  const options = [
    'speed',
    '-elapsed',
    '-seconds',
    String(Math.ceil(SECONDS)),
    ...(threads > 1 ? ['-multi', String(threads)] : []),
  ];
  const { stdout, stderr } = spawnSync('openssl', [...options, algorithm], { encoding: 'utf8' });
  const rate = Number(line.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`openssl speed said nothing about ${label}: ${stdout}${stderr}`);
  return rate;
}

function compileLoader(): string {
  const output = path.join(directory, 'pkcs11-load');
  const source = path.join(import.meta.dirname, 'pkcs11-load.c');
  must([
    'gcc',
    '-std=c11',
    '-O2',
    '-Wall',
    '-Wextra',
    '-I/usr/include/p11-kit-1',
    '-o',
    output,
    source,
    '-lpthread',
    '-ldl',
  ]);
  return output;
}

/** A token of its own; gives the environment that leads to it. */
function prepareSoftHsm(): NodeJS.ProcessEnv {
  const tokens = path.join(directory, 'tokens');
  const configuration = path.join(directory, 'softhsm2.conf');
  fs.mkdirSync(tokens);
  fs.writeFileSync(configuration, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const env = { ...process.env, SOFTHSM2_CONF: configuration };
  const made = spawnSync('softhsm2-util', ['--init-token', '--free', '--label', TOKEN.label, '--pin', TOKEN.pin, '--so-pin', TOKEN.pin], { env }); // prettier-ignore
  if (made.status !== 0) throw new Error(`softhsm2-util: ${made.stderr.toString('latin1')}`);
  return env;
}

/** `others`: processes that work for the module. */
async function runLoader(
  loader: string,
  module: string,
  kind: BenchKind,
  threads: number,
  env: NodeJS.ProcessEnv,
  others: readonly number[],
): Promise<Figure> {
  const options = [module, TOKEN.label, TOKEN.pin, kind.name, String(threads), String(SECONDS)];
  const child = spawn(loader, options, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = linesOf(child)[Symbol.asyncIterator]();
  const pids = [child.pid!, ...others];
  const first = await lines.next();
  if (!first.done && first.value.startsWith('refused')) return REFUSED;
  const before = cpuOf(pids);
  const second = await lines.next();
  if (second.done) throw new Error(`pkcs11-load ${options.join(' ')} ended early`);
  const cpu = cpuOf(pids) - before;
  child.stdin.end();
  await end(child, false);
  const [signatures, seconds] = second.value.split(' ').map(Number);
  return { rate: signatures / seconds, cpu: (cpu / signatures) * 1e6 };
}

/** CPU seconds of processes and all that they started and that still runs. */
function cpuOf(pids: readonly number[]): number {
  const fields = (pid: number): string[] => fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const parents = new Map<number, number>();
  for (const name of fs.readdirSync('/proc'))
    if (/^\d+$/.test(name)) {
      try {
        parents.set(Number(name), Number(fields(Number(name))[1]));
      } catch {
        // It has ended meanwhile.
      }
    }
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && (pids.includes(pid) || isOurs(parents.get(pid)));
  let ticks = 0;
  for (const pid of parents.keys()) if (isOurs(pid)) ticks += Number(fields(pid)[11]) + Number(fields(pid)[12]);
  return ticks / 100; // USER_HZ of Linux
}

async function startP11Kit(
  env: NodeJS.ProcessEnv,
): Promise<AsyncDisposable & { readonly env: NodeJS.ProcessEnv; readonly pid: number }> {
  const socket = path.join(directory, 'p11-kit.socket');
  const options = ['server', '--foreground', '--name', socket, '--provider', SOFTHSM, 'pkcs11:'];
  const server = spawn('p11-kit', options, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  for (let i = 0; i < 1000 && !fs.existsSync(socket); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!fs.existsSync(socket)) throw new Error('p11-kit server did not start');
  return {
    pid: server.pid!,
    env: { ...env, P11_KIT_SERVER_ADDRESS: `unix:path=${socket}` },
    [Symbol.asyncDispose]: () => end(server),
  };
}

// ---- ours

class Load implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#process = child;
    this.#lines = linesOf(child)[Symbol.asyncIterator]();
  }

  async run(order: LoadOrder): Promise<LoadResult> {
    return (await this.runMeasured(order, undefined)).result;
  }

  /** With the CPU seconds of the client, of process `pid` and of all that it started. */
  async runMeasured(
    order: LoadOrder,
    pid: number | undefined,
  ): Promise<{ readonly result: LoadResult; readonly cpu: number }> {
    const pids = pid === undefined ? [] : [this.#process.pid!, pid];
    this.#process.stdin!.write(`${JSON.stringify(order)}\n`);
    await this.#line(order);
    const before = cpuOf(pids);
    const result = JSON.parse(await this.#line(order)) as LoadResult;
    return { result, cpu: cpuOf(pids) - before };
  }

  async #line(order: LoadOrder): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the client ended at ${JSON.stringify(order)}`);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end();
    await end(this.#process);
  }
}

function startLoad(): Load {
  const options = [path.join(import.meta.dirname, 'hsm-load.ts')];
  return new Load(spawn(process.execPath, options, { stdio: ['pipe', 'pipe', 'inherit'] }));
}

async function startHsm(
  devices: number,
  serviceTime?: number,
): Promise<AsyncDisposable & { readonly appliance: Appliance; readonly pid: number }> {
  const state = fs.mkdtempSync(path.join(directory, `hsm-${devices}-`));
  const options = [path.join(import.meta.dirname, 'hsm-run.ts'), state, String(devices)];
  if (serviceTime !== undefined) options.push(String(serviceTime));
  const child = spawn(process.execPath, options, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { value, done } = await linesOf(child)[Symbol.asyncIterator]().next();
  if (done) throw new Error('the HSM did not start');
  return {
    pid: child.pid!,
    appliance: JSON.parse(value) as Appliance,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await end(child, false);
    },
  };
}

function linesOf(child: ChildProcess): Interface {
  return createInterface({ input: child.stdout! });
}

async function end(child: ChildProcess, isSignalled = true): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  if (isSignalled) child.kill();
  await ended;
}

const sections = { sign: benchmarkSigning, devices: benchmarkDevices, calls: benchmarkCalls, lookup: benchmarkLookup };
for (const name of positionals)
  if (!(name in sections)) throw new Error(`no benchmark ${name}; there are: ${Object.keys(sections).join(' ')}`);
try {
  for (const [name, section] of Object.entries(sections))
    if (positionals.length === 0 || positionals.includes(name)) await section();
} finally {
  fs.rmSync(directory, { recursive: true });
}
