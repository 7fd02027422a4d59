import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { SystemClock } from '../../../src/base/clock.ts';
import { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { ROLE_NUMBERS, type Role } from '../../../src/hsm/hal-constants.ts';
import { builtNativeKeys } from '../crypto/built-engine.ts';

/** Milliseconds for anything that a test waits for: far more than it takes. */
export const LIMIT = 120_000;

export const PINS = { wheel: 'password123456', so: 'password1234', user: '1234' } as const;
export const MASTER_KEY = '01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF 01234567 89ABCDEF';

const HSMD = path.resolve(import.meta.dirname, '../../../src/daemon/hsmd.ts');

export interface HsmStatus {
  readonly stage: string;
  readonly isLocked: boolean;
  readonly whyLocked: readonly string[];
  readonly troubles: readonly string[];
  readonly fingerprint: string;
  readonly identity: { readonly serial: string; readonly version: string };
  readonly leds: Readonly<
    Record<'power' | 'system' | 'tamper', { readonly colour: string; readonly isBlinking: boolean }>
  >;
  readonly devices: readonly {
    readonly index: number;
    readonly condition: string;
    readonly text: string;
    readonly tokenKeys: number;
    readonly masterKey: string;
    readonly tamper: string;
  }[];
}

/** Files of Node.js and of hsmd. */
export interface Program {
  readonly node: string;
  readonly hsmd: string;
}

/** hsmd with all its processes, on a state directory of its own. */
export class HsmdProcess implements AsyncDisposable {
  readonly state: string;
  readonly #options: readonly string[];
  readonly #program: Program;
  #child: ChildProcess | undefined;
  #output = '';

  /** A factory-new one that is ready. */
  static async start(...options: string[]): Promise<HsmdProcess> {
    builtNativeKeys();
    const hsmd = new HsmdProcess(options);
    await hsmd.boot();
    return hsmd;
  }

  /** The same, started by root with `--user`; the state directory is the user's. @param program a copy that the user can read */
  static async startFor(
    user: string,
    ids: { readonly uid: number; readonly gid: number },
    program?: Program,
  ): Promise<HsmdProcess> {
    builtNativeKeys();
    const hsmd = new HsmdProcess(['--user', user], program);
    fs.chownSync(hsmd.state, ids.uid, ids.gid);
    await hsmd.boot();
    return hsmd;
  }

  private constructor(options: readonly string[], program: Program = { node: process.execPath, hsmd: HSMD }) {
    this.state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsmd-'));
    this.#options = options;
    this.#program = program;
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it; resolves when it is ready. */
  async boot(): Promise<void> {
    const file = path.join(this.state, 'run/ports.json');
    fs.rmSync(file, { force: true });
    const words = ['--state', this.state, '--listen', '127.0.0.1', '--rpc-port', '0', '--console-port', '0'];
    const { node, hsmd } = this.#program;
    const child = spawn(node, [hsmd, ...words, '--web-port', '0', '--pin-cost', '10', ...this.#options], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    child.stderr.on('data', (text: Buffer) => (this.#output += text.toString()));
    await until(() => {
      assert.equal(child.exitCode, null, `hsmd ended:\n${this.#output}`);
      return fs.existsSync(file);
    }, 'hsmd is ready');
  }

  /** SIGTERM; the watchdogs go on. */
  async stop(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], this.#output);
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const ended = once(this.#child!, 'exit');
    this.#child!.kill('SIGKILL');
    await ended;
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  get ports(): { readonly rpc: number; readonly console: number; readonly web: number } {
    return JSON.parse(fs.readFileSync(path.join(this.state, 'run/ports.json'), 'utf8')) as ReturnType<
      () => this['ports']
    >;
  }

  async status(): Promise<HsmStatus> {
    // On a connection of its own: one that is kept may be closed by hsmd just while it is used again.
    const text = await new Promise<string>((resolve, reject) => {
      const failed = (error: Error): void => {
        const how = this.#child?.exitCode ?? this.#child?.signalCode ?? 'it runs';
        error.message += ` when hsmd was asked for its status (its end: ${how}):\n${this.#output.slice(-4000)}`;
        reject(error);
      };
      const request = http.get({ host: '127.0.0.1', port: this.ports.web, path: '/api/status', agent: false });
      request.on('error', failed);
      request.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('error', failed);
        response.on('end', () => resolve(body));
      });
    });
    return JSON.parse(text) as HsmStatus;
  }

  async until(isSo: (status: HsmStatus) => boolean, what: string): Promise<HsmStatus> {
    let last!: HsmStatus;
    await until(
      async () => isSo((last = await this.status())),
      what,
      () => `${JSON.stringify(last)}\n${this.#output}`,
    );
    return last;
  }

  /** Process ids: of hsmd's children, by their names; of watchdogs, by their lock files. */
  deviceProcess(index: number): number {
    const children = fs.readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'latin1').trim().split(' ');
    const found = children.find((pid) => {
      const words = commandLine(Number(pid));
      return words.includes(`hsm-device-${index}`);
    });
    assert.ok(found !== undefined, `no process of device ${index}`);
    return Number(found);
  }

  watchdogProcess(index: number): number {
    const [pid] = fs.readFileSync(path.join(this.state, `run/watchdog-${index}.lock`), 'latin1').split(' ');
    return Number(pid);
  }

  /** Puts something else in the keystore's place: the device, once ended, does not come up before it is given back. */
  takeKeystore(index: number): { giveBack(): void } {
    const file = path.join(this.state, `keystore-${index}.db`);
    const names = [file, `${file}-wal`, `${file}-shm`].filter((name) => fs.existsSync(name));
    for (const name of names) fs.renameSync(name, `${name}.away`);
    fs.writeFileSync(file, 'this is no keystore\n'.repeat(500));
    return {
      giveBack: () => {
        for (const name of [file, `${file}-wal`, `${file}-shm`]) fs.rmSync(name, { force: true });
        for (const name of names) fs.renameSync(`${name}.away`, name);
      },
    };
  }

  sensor(...words: string[]): void {
    const { status, stderr, stdout } = spawnSync(process.execPath, [HSMD, 'sensor', '--state', this.state, ...words], {
      encoding: 'utf8',
      timeout: LIMIT,
    });
    assert.equal(status, 0, `${stdout}${stderr}`);
  }

  auditVerify(): { readonly status: number | null; readonly output: string } {
    const { status, stderr, stdout } = spawnSync(process.execPath, [HSMD, 'audit', 'verify', '--state', this.state], {
      encoding: 'utf8',
      timeout: LIMIT,
    });
    return { status, output: `${stdout}${stderr}` };
  }

  /** `tamper reset` at a console, as often as it takes: devices are being started again after an event, and logins end with it. */
  async resetTamper(): Promise<void> {
    await until(async () => {
      using terminal = await this.console();
      await terminal.login();
      await terminal.run('tamper reset');
      return (await this.status()).devices.every(({ tamper }) => tamper === 'ok');
    }, 'the tamper event is reset');
  }

  /** Whether keys that are made from now on go to all devices. */
  async setMirroring(isOn: boolean): Promise<void> {
    using terminal = await this.console();
    await terminal.login();
    const value = isOn ? 'TRUE' : 'FALSE';
    assert.match(await terminal.run(`set ENABLE_EXPORTABLE_PRIVATE_KEYS ${value}`), new RegExp(`set to ${value}`));
  }

  async console(): Promise<ConsoleClient> {
    return ConsoleClient.connect(this.ports.console);
  }

  /** Connected to the RPC port, and logged in. */
  async rpc(role?: Role): Promise<HsmClient> {
    const { identity, fingerprint } = await this.status();
    const client = await HsmClient.connect(
      {
        host: '127.0.0.1',
        port: this.ports.rpc,
        expected: { servername: 'dks-hsm', serial: identity.serial, fingerprint },
      },
      { clock: new SystemClock() },
    );
    if (role !== undefined)
      await client.call('PARTITION_LOGIN', { partition: 0, role: ROLE_NUMBERS[role], pin: Buffer.from(PINS[role]) });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    this.endWatchdogs();
    // A process that is killed may still write its last file.
    fs.rmSync(this.state, { recursive: true, force: true, maxRetries: 20 });
  }

  /** As when the host is switched off. */
  endWatchdogs(): void {
    for (const name of fs.readdirSync(path.join(this.state, 'run')))
      if (/^watchdog-\d+\.lock$/.test(name)) {
        const pid = Number(fs.readFileSync(path.join(this.state, 'run', name), 'latin1').split(' ')[0]);
        // Only one that is ours: the id may be another's by now.
        if (commandLine(pid).some((word) => word.startsWith('hsm-watchdog') || word.includes('watchdog-process')))
          process.kill(pid, 'SIGKILL');
      }
  }
}

/** A terminal at the console port. */
export class ConsoleClient implements Disposable {
  readonly #socket: TLSSocket;
  #text = '';
  #isClosed = false;

  static async connect(port: number): Promise<ConsoleClient> {
    const socket = connect({ host: '127.0.0.1', port, servername: 'dks-hsm', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const client = new ConsoleClient(socket);
    socket.write('\r');
    return client;
  }

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    socket.on('close', () => (this.#isClosed = true));
    socket.on('error', () => (this.#isClosed = true));
  }

  /** Waits for what the text since the last call ends with; returns that text. */
  async expect(end: RegExp): Promise<string> {
    const isThere = new RegExp(`(?:${end.source})$`);
    await until(
      () => {
        if (isThere.test(this.#text)) return true;
        assert.ok(!this.#isClosed, `the console closed after ${JSON.stringify(this.#text)}`);
        return false;
      },
      `the console says ${String(end)}`,
      () => this.#text,
    );
    const text = this.#text;
    this.#text = '';
    return text;
  }

  type(line: string): void {
    this.#socket.write(`${line}\r`);
  }

  send(octets: Uint8Array): void {
    this.#socket.write(octets);
  }

  /** @param masterKey what is answered when the console asks whether the master key is to be set */
  async login(pin: string = PINS.wheel, masterKey = 'n'): Promise<string> {
    const end = Date.now() + LIMIT;
    await this.expect(/Username: /);
    for (;;) {
      this.type('wheel');
      await this.expect(/Password: /);
      this.type(pin);
      let text = await this.expect(/\(y\/n\) |Diamond-HSM > |Password: |Username: /);
      // After a tamper event the devices are being started again.
      if (text.includes('No device can do that now') && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        continue;
      }
      if (/(?:Password|Username): $/.test(text)) assert.fail(`the login was refused: ${text}`);
      if (text.endsWith('(y/n) ')) {
        this.type(masterKey);
        text += await this.expect(/Diamond-HSM > /);
      }
      return text;
    }
  }

  /** Types the command, enters PINs again and says yes as it is asked; returns all that it said. */
  async run(command: string): Promise<string> {
    this.type(command);
    let whole = '';
    for (;;) {
      const text = await this.expect(/Diamond-HSM > |\(y\/n\) |Password of '(?:so|wheel)': |Username: /);
      whole += text;
      if (/(?:Diamond-HSM > |Username: )$/.test(text)) return whole;
      if (text.endsWith('(y/n) ')) this.type('y');
      else this.type(text.endsWith("'so': ") ? PINS.so : PINS.wheel);
    }
  }

  async closed(): Promise<void> {
    await until(() => this.#isClosed, 'the console is closed');
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** The first set-up of the manual: PINs, then the master key. Returns what the console said to the latter. */
export async function setUp(hsmd: HsmdProcess, masterKey = MASTER_KEY): Promise<string> {
  using terminal = await hsmd.console();
  await terminal.login('YouReallyNeedToChangeThisPINRightNowWeAreNotKidding');
  for (const role of ['wheel', 'so', 'user'] as const)
    assert.match(await terminal.run(`set pin ${role} ${PINS[role]}`), /was changed on all devices/);
  return await terminal.run(`masterkey set ${masterKey}`);
}

export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  facts: () => string = () => '',
): Promise<void> {
  const end = Date.now() + LIMIT;
  while (!(await isSo())) {
    if (Date.now() > end) assert.fail(`not within ${LIMIT / 1000} s: ${what}\n${facts()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function commandLine(pid: number): string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').split(/\0| /);
  } catch {
    return []; // it is gone
  }
}
