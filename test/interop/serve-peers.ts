import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, type ListenOptions, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { ResponderPool } from '../../src/server/responder-pool.ts';
import type { ServerTables } from '../../src/server/server-tables.ts';
import { emptyResponse } from '../../src/transfer/notify-message.ts';
import { type Message, parseMessage } from '../../src/wire/message.ts';
import { scanZone, ZoneFixture } from '../server/zone-fixture.ts';

/* Real programs and our responders on loopback, for the tests of this folder. */

export const HOST = '127.0.0.1';

/** Milliseconds that a program may take for what it is waited for, on a machine that has other work. */
const PATIENCE = 180_000;

const run = promisify(execFile);

/** Output of a program. @throws Error with its output when it fails */
export async function output(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const { stdout, stderr } = await run(program, [...args], { cwd, timeout: PATIENCE, maxBuffer: 1 << 26 });
  return stdout + stderr;
}

/** A directory that goes when it is disposed of. */
export function temporaryDirectory(): { readonly path: string } & Disposable {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-serve-'));
  return { path: directory, [Symbol.dispose]: () => fs.rmSync(directory, { recursive: true, force: true }) };
}

/**
 * A port that nothing listens on and no other test is given while this process lives, and below those that the kernel gives to clients:
 * dig's sockets share ports, and a client that gets the very port of its server hears its own question.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    // A name of the kernel's that it gives to one process and takes back when that ends, however it does: test files run side by side.
    const claim = await listening({ path: `\0signet-test-port-${port}` });
    if (claim === undefined) continue;
    const [tcp, isFreeForUdp] = [await listening({ port, host: HOST }), await canBindUdp(port)];
    if (tcp !== undefined) await closed(tcp);
    if (tcp !== undefined && isFreeForUdp) return port;
    await closed(claim);
  }
  throw new Error('no port between 10000 and 30000 is free');
}

/** Undefined: somebody else has it. It does not keep the process alive. */
async function listening(where: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(where);
  try {
    await once(server, 'listening');
    return server.unref();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}

async function canBindUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const listens = once(socket, 'listening').then(
    () => true,
    () => false,
  );
  socket.bind(port, HOST);
  const isFree = await listens;
  const end = once(socket, 'close');
  socket.close();
  await end;
  return isFree;
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close');
  server.close();
  await end;
}

export const SIGNED = {
  nsec: ['-x'],
  nsec3: ['-3', 'aabbccdd', '-H', '5', '-x'],
  optOut: ['-3', 'aabbccdd', '-H', '5', '-A', '-x'],
} as const;

/** The zone as dnssec-signzone signs it, and the file with the trust anchor of its key. */
export async function signZone(
  directory: string,
  apex: string,
  text: string,
  options: readonly string[],
): Promise<{ readonly text: string; readonly file: string; readonly dnskey: string }> {
  const file = `db.${apex === '.' ? 'root' : apex}`;
  fs.writeFileSync(path.join(directory, file), text, 'latin1');
  const key = await run('dnssec-keygen', ['-q', '-a', 'ECDSAP256SHA256', '-f', 'KSK', apex], { cwd: directory });
  await run('dnssec-keygen', ['-q', '-a', 'ECDSAP256SHA256', apex], { cwd: directory });
  await output('dnssec-signzone', ['-q', '-S', '-O', 'full', '-o', apex, ...options, file], directory);
  const dnskey = fs.readFileSync(path.join(directory, `${key.stdout.trim()}.key`), 'latin1').replaceAll(/^;.*\n/gm, '');
  const signed = path.join(directory, `${file}.signed`);
  return { text: fs.readFileSync(signed, 'latin1'), file: signed, dnskey: dnskey.trim() };
}

export interface Served {
  readonly port: number;
  readonly fixture: ZoneFixture;
  readonly pool: ResponderPool;
  readonly log: MemoryLog;
}

/** Our responders with the zones (apex to master file text) on a port of loopback. */
export async function serve(
  zones: ReadonlyMap<string, string>,
  changes: Partial<ServerTables> = {},
  threads = 1,
): Promise<Served & AsyncDisposable> {
  const fixture = new ZoneFixture();
  for (const [apex, text] of zones) fixture.add(apex, scanZone(apex, text));
  const log = new MemoryLog();
  const pool = await ResponderPool.start(
    { threads, tables: fixture.tables(changes) },
    {
      arena: fixture.arena,
      clock: new SystemClock(),
      log,
      onRequest: async ({ octets }) => emptyResponse(octets, 0),
    },
  );
  const [{ port }] = await pool.listen([{ address: HOST, port: 0 }]);
  return { port, fixture, pool, log, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

/** A program that runs until it is disposed of. */
export class Peer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #output = '';

  constructor(program: string, args: readonly string[], cwd: string) {
    this.#child = spawn(program, [...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk) => (this.#output += String(chunk)));
    this.#child.stderr?.on('data', (chunk) => (this.#output += String(chunk)));
    this.#exit = new Promise((resolve) => this.#child.once('exit', resolve));
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until the condition holds. @throws Error with the program's output when it ends, or that takes longer than a busy machine needs */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (performance.now() < end) {
      if (await condition()) return;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${this.#child.spawnfile} is not ready:\n${this.#output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE);
    await this.#exit;
    clearTimeout(late);
  }
}

/** Debian's named with these zone statements. */
export async function startNamed(directory: string, port: number, zones: string, options = ''): Promise<Peer> {
  const configuration = `
    options {
      directory "${directory}"; listen-on port ${port} { ${HOST}; }; listen-on-v6 { none; }; recursion no;
      check-names primary ignore; pid-file none; session-keyfile none; dnssec-validation no; notify no;
      allow-transfer { any; }; max-udp-size 1232; server-id "unit"; answer-cookie no; ${options}
    };
    controls { };
    ${zones}`;
  const file = path.join(directory, `named-${port}.conf`);
  fs.writeFileSync(file, configuration);
  const peer = new Peer('named', ['-g', '-c', file], directory);
  await peer.until(() => peer.output.includes(' running\n'));
  return peer;
}

/** Asks over UDP, again when nothing comes; one socket for all questions. */
export class UdpClient implements Disposable {
  readonly #socket = createSocket('udp4');
  readonly #waiting = new Map<string, (octets: Buffer) => void>();

  constructor() {
    this.#socket.on('message', (octets, { port }) => this.#waiting.get(`${port} ${octets.readUInt16BE(0)}`)?.(octets));
  }

  async ask(port: number, query: Uint8Array): Promise<Message> {
    const key = `${port} ${(query[0] << 8) | query[1]}`;
    for (let attempt = 0; attempt < PATIENCE / 1000; attempt++) {
      const answer = await new Promise<Buffer | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), 1000);
        this.#waiting.set(key, (octets) => {
          clearTimeout(timer);
          resolve(octets);
        });
        this.#socket.send(query, port, HOST);
      });
      this.#waiting.delete(key);
      if (answer !== undefined) return parseMessage(answer);
    }
    throw new Error(`no answer from port ${port}`);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
