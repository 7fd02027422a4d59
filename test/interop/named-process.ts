import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, HOST } from './serve-peers.ts';

/* named, ours or Debian's, as a process of its own in a directory, for the tests of this folder. */

const OURS = [process.execPath, path.resolve(import.meta.dirname, '../../src/daemon/main.ts')];
const DEBIANS = ['/usr/sbin/named'];

/** Milliseconds that a start may take on a machine that has other work. */
const PATIENCE = 180_000;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function execute(program: string, args: readonly string[], cwd?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, [...args], { cwd, timeout: PATIENCE, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error ? ((error.code as number | null | undefined) ?? null) : 0, stdout, stderr });
    });
  });
}

/** Runs our named with these arguments until it ends. */
export function executeNamed(args: readonly string[], cwd: string): Promise<Outcome> {
  return execute(OURS[0], [...OURS.slice(1), ...args], cwd);
}

const KEY = `key "rndc-key" { algorithm hmac-sha256; secret "c2lnbmV0LXNpZ25ldC1zaWduZXQtc2lnbmV0LTEyMzQ="; };`;

export interface Ports {
  readonly dns: number;
  readonly control: number;
}

export async function freePorts(): Promise<Ports> {
  const dns = await freePort();
  let control = await freePort();
  while (control === dns) control = await freePort();
  return { dns, control };
}

/** named.conf with what every test needs, and rndc's own configuration beside it. */
export function writeConfiguration(
  directory: string,
  ports: Ports,
  zones: string,
  options: { readonly options?: string; readonly address?: string } = {},
): void {
  const { address = HOST } = options;
  const text = `${KEY}
options {
  directory "${directory}";
  listen-on port ${ports.dns} { ${address}; };
  listen-on-v6 { none; };
  pid-file "${directory}/named.pid";
  session-keyfile "${directory}/session.key";
  recursion no;
  notify no;
  ${options.options ?? ''}
};
controls { inet ${HOST} port ${ports.control} allow { ${HOST}; } keys { "rndc-key"; }; };
${zones}
`;
  fs.writeFileSync(path.join(directory, 'named.conf'), text);
  const rndc = `${KEY}\noptions { default-server ${HOST}; default-port ${ports.control}; default-key "rndc-key"; };\n`;
  fs.writeFileSync(path.join(directory, 'rndc.conf'), rndc);
}

/** A running named. */
export class NamedProcess implements AsyncDisposable {
  readonly directory: string;
  readonly ports: Ports;
  readonly child: ChildProcess;
  #log = '';
  #wake: () => void = () => undefined;
  /** The process has ended and its log has been read to the end. */
  #isClosed = false;

  private constructor(directory: string, ports: Ports, program: readonly string[], args: readonly string[]) {
    this.directory = directory;
    this.ports = ports;
    this.child = spawn(program[0], [...program.slice(1), '-g', '-c', path.join(directory, 'named.conf'), ...args], {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.child.stderr?.on('data', (octets: Buffer) => {
      this.#log += octets.toString('latin1');
      this.#wake();
    });
    this.child.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** Starts it in the foreground and waits until it runs. */
  static async start(
    directory: string,
    ports: Ports,
    who: 'ours' | 'debian' = 'ours',
    args: readonly string[] = [],
  ): Promise<NamedProcess> {
    const named = new NamedProcess(directory, ports, who === 'ours' ? OURS : DEBIANS, args);
    await named.line(/ running$/m);
    return named;
  }

  get log(): string {
    return this.#log;
  }

  /** Waits until the log has it. @throws Error with the log when it does not come, or the process ends */
  async line(pattern: RegExp, from = 0): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!pattern.test(this.#log.slice(from))) {
      if (this.#isClosed || Date.now() > end) {
        throw new Error(`named has no line ${String(pattern)}:\n${this.#log}`);
      }
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), delay(200)]);
    }
  }

  rndc(...words: string[]): Promise<Outcome> {
    return execute('rndc', ['-c', path.join(this.directory, 'rndc.conf'), ...words]);
  }

  /** Runs a command and waits for a line that the log has not had before it. */
  async rndcUntil(pattern: RegExp, ...words: string[]): Promise<Outcome> {
    const from = this.#log.length;
    const outcome = await this.rndc(...words);
    await this.line(pattern, from);
    return outcome;
  }

  async dig(...words: string[]): Promise<string> {
    const args = [`@${HOST}`, '-p', String(this.ports.dns), '+time=15', '+tries=2', ...words];
    return (await execute('dig', args)).stdout;
  }

  /** Sends a signal and waits for the end, and for the last of the log. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.#isClosed) {
      const closed = once(this.child, 'close');
      this.child.kill(signal);
      await closed;
    }
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL');
  }
}

/** Waits until the condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + PATIENCE;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`it did not come to this: ${what}`);
    await delay(50);
  }
}
