import fs from 'node:fs';
import readline from 'node:readline';
import { connect, type TLSSocket } from 'node:tls';
import { parseArgs } from 'node:util';
import { SystemClock, type Clock, type Timer } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { checkPeer } from '../hsm/certificate/peer-identity.ts';
import { SetupClient } from '../hsm/client/setup-client.ts';
import { OWN_ALPN } from '../hsm/protocol/client-hello.ts';
import { hsmConfFile, pinFingerprint, readHsmConf, sectionOf, type HsmAddress } from '../hsm/protocol/hsm-conf.ts';

const USAGE = `usage: dks_setup_console [--config_path DIRECTORY] [--batch FILE] [--fingerprint FINGERPRINT]
Connects to the console of the Diamond HSM that hsm.conf names. Ctrl-C ends it.
  --config_path DIRECTORY    where hsm.conf is; else $DIAMOND_HSM_CONFIG_PATH, else /etc/dkey/hsm
  --batch FILE               types the lines of the file, each after a prompt; - is standard input
  --fingerprint FINGERPRINT  of the HSM's key, when hsm.conf does not have it
`;

const VERSION = '19.07';
/** Milliseconds to connect. */
const CONNECT = 15_000;
/** Milliseconds for which a script waits for the next prompt. */
const PROMPT_PATIENCE = 300_000;
/** What the appliance shows before it waits for a line, and milliseconds of silence after it. */
const PROMPT = /[>:)] $/;
const SILENCE = 50;

/** A person's terminal, or what stands for it. */
export interface Keyboard {
  readonly isTerminal: boolean;
  /** Keys as they are pressed, from now on. */
  read(keys: (octets: Uint8Array) => void): void;
  /** One line, before `read`; undefined at the end. */
  ask(): Promise<string | undefined>;
  close(): void;
}

export interface SetupConsoleDependencies {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly keyboard: Keyboard;
  /** The lines of a script; "-": standard input. */
  readonly readScript: (file: string) => string;
}

/** Resolves to the exit code: 0 ended by the person, the script or the HSM; 1 not possible; 2 usage; 3 another HSM than the one meant. */
export async function setupConsole(argv: readonly string[], dependencies: SetupConsoleDependencies): Promise<number> {
  const { output } = dependencies;
  const options = readOptions(argv);
  if (typeof options === 'string') {
    if (options === '') output.print(USAGE);
    else output.complain(`dks_setup_console: ${options}\n${USAGE}`);
    return options === '' ? 0 : 2;
  }
  try {
    return await run(options, dependencies);
  } catch (error) {
    output.complain(`dks_setup_console: ${(error as Error).message}\n`);
    return error instanceof SignetError && error.code === 'HSM_IDENTITY' ? 3 : 1;
  }
}

interface Options {
  readonly configPath: string | undefined;
  readonly batch: string | undefined;
  readonly fingerprint: string | undefined;
}

async function run(options: Options, dependencies: SetupConsoleDependencies): Promise<number> {
  const { output, disk, environment } = dependencies;
  output.print(`\r\ndks_setup_console\r\n\r\nversion ${VERSION}\r\n\r\n`);
  const file = hsmConfFile(environment, options.configPath);
  const conf = readHsmConf(file, disk);
  for (const warning of conf.warnings) output.complain(`${warning}\n`);
  const address = sectionOf(conf, 'cty', file);
  const script = options.batch === undefined ? undefined : dependencies.readScript(options.batch).split(/\r\n|\n|\r/);
  if (script?.at(-1) === '') script.pop();
  output.print(`Connecting to ${address.ip}...\n`);
  const socket = await connectTo(address);
  try {
    await identify(socket, { address, file, given: options.fingerprint }, dependencies);
    output.print('Connected ...\nConnected TLS...\n');
    return await converse(socket, script, dependencies);
  } finally {
    socket.destroy();
    dependencies.keyboard.close();
  }
}

function connectTo({ ip, port, servername }: HsmAddress): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // Whose key it is, is looked at before anything is sent: see identify.
    const socket = connect({
      host: ip,
      port,
      servername,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: [OWN_ALPN],
    });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new SignetError('HSM_CONNECT', `Unable to connect to remote host ${ip} port ${port}: ${why}`));
    };
    socket.setTimeout(CONNECT, () => fail('it does not answer. Is the HSM on, and is <IP> in hsm.conf its address?'));
    socket.once('error', (error) => fail(whyNot(error)));
    socket.once('secureConnect', () => {
      socket.setTimeout(0);
      socket.setNoDelay(true);
      socket.removeAllListeners('error');
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}

/** What a person can do about it. */
function whyNot(error: NodeJS.ErrnoException & { readonly reason?: string }): string {
  const { code = '', reason = error.message } = error;
  switch (code) {
    case 'ECONNREFUSED':
      return 'nothing listens there. Is the HSM on, and are its lights green? Is <IP> in hsm.conf its address?';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
      return `this machine has no way to that address (${code}). Is <IP> in hsm.conf right, and has this machine an address in that network?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name has no address: put the address of the HSM into <IP> of hsm.conf';
    case 'ECONNRESET':
      return 'it hung up. Does its firewall let this machine in (FIREWALL_MGMT)?';
    default:
      return code.startsWith('ERR_SSL_')
        ? `what answers there is not the console of an HSM (TLS: ${reason})`
        : error.message;
  }
}

interface Meant {
  readonly address: HsmAddress;
  readonly file: string;
  readonly given: string | undefined;
}

/** Name, serial number and key; a key that nobody vouched for yet is shown, and pinned when the person says so. */
async function identify(
  socket: TLSSocket,
  { address, file, given }: Meant,
  { output, disk, keyboard }: SetupConsoleDependencies,
): Promise<void> {
  const { servername, serial, ip, port } = address;
  const where = `${ip} port ${port}`;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new SignetError('HSM_IDENTITY', `${where} showed no certificate`);
  const pinned = given?.toLowerCase() ?? address.fingerprint;
  const { fingerprint } = checkPeer(certificate, { servername, serial, fingerprint: pinned }, where);
  if (address.fingerprint !== undefined) return;
  if (pinned === undefined) {
    output.print(`\nThe key of HSM ${serial} has the fingerprint\n  ${fingerprint}\n`);
    if (!keyboard.isTerminal)
      throw new SignetError('HSM_IDENTITY', `nobody has vouched for this key: run findHSM, or give --fingerprint ${fingerprint} when it is the one that the HSM shows`); // prettier-ignore
    output.print(
      'Is that what the HSM itself shows (start of its log, status page)? Only this key will be trusted. (y/n): ',
    );
    if (!/^y(?:es)?$/i.test((await keyboard.ask())?.trim() ?? ''))
      throw new SignetError('HSM_IDENTITY', 'nothing was sent to this HSM');
  }
  try {
    pinFingerprint(file, 'cty', fingerprint, disk);
    output.print(`It is in ${file} from now on.\n`);
  } catch (error) {
    output.complain(`It could not be kept, and will be asked for again: ${(error as Error).message}\n`);
  }
}

async function converse(
  socket: TLSSocket,
  script: string[] | undefined,
  { output, disk, clock, keyboard }: SetupConsoleDependencies,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const client = new SetupClient({
    disk,
    send: (octets) => socket.write(octets),
    print: (octets) => output.print(octets),
  });
  const typist =
    script && new Typist(script, { clock, type: (line) => client.type(Buffer.from(`${line}\r`)), done: resolve });
  socket.on('data', (octets: Buffer) => {
    client.take(octets);
    typist?.heard(octets);
  });
  socket.once('close', () => {
    output.print('\r\nThe HSM has closed the connection.\r\n');
    resolve(typist?.isDone === false ? 1 : 0);
  });
  client.begin();
  if (typist === undefined)
    keyboard.read((keys) => {
      const end = keys.indexOf(CTRL_C);
      if (end !== 0) client.type(end < 0 ? keys : keys.subarray(0, end));
      if (end >= 0) resolve(0);
    });
  const code = await promise;
  typist?.[Symbol.dispose]();
  return code;
}

const CTRL_C = 0x03;

interface TypistDependencies {
  readonly clock: Clock;
  readonly type: (line: string) => void;
  readonly done: (code: number) => void;
}

/** Types a script, each line when the appliance has asked for one and is silent. */
class Typist implements Disposable {
  readonly #lines: string[];
  readonly #dependencies: TypistDependencies;
  #tail = '';
  #timer: Timer | undefined;
  isDone = false;

  constructor(lines: readonly string[], dependencies: TypistDependencies) {
    this.#lines = [...lines];
    this.#dependencies = dependencies;
  }

  heard(octets: Uint8Array): void {
    this.#tail = (this.#tail + Buffer.from(octets).toString('latin1')).slice(-200);
    this.#timer?.cancel();
    const isAsked = PROMPT.test(this.#tail);
    this.#timer = this.#dependencies.clock.after(isAsked ? SILENCE : PROMPT_PATIENCE, () => this.#next(isAsked));
  }

  #next(isAsked: boolean): void {
    const line = isAsked ? this.#lines.shift() : undefined;
    this.isDone = isAsked && line === undefined;
    if (line === undefined) return this.#dependencies.done(isAsked ? 0 : 1);
    this.#tail = '';
    this.#dependencies.type(line);
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }
}

/** What is wrong is a text; empty: the usage was asked for. */
function readOptions(argv: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        config_path: { type: 'string' },
        batch: { type: 'string' },
        fingerprint: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return '';
    if (values.config_path === '') return '--config_path needs a directory';
    return { configPath: values.config_path, batch: values.batch, fingerprint: values.fingerprint };
  } catch (error) {
    return (error as Error).message;
  }
}

/** The terminal of this process: raw once keys are read, and put back at the end. */
class ProcessKeyboard implements Keyboard {
  readonly isTerminal = process.stdin.isTTY;

  read(keys: (octets: Uint8Array) => void): void {
    if (this.isTerminal) process.stdin.setRawMode(true);
    process.stdin.on('data', (octets: Buffer) => keys(octets));
    process.stdin.on('end', () => keys(Uint8Array.of(CTRL_C)));
    process.stdin.resume();
  }

  async ask(): Promise<string | undefined> {
    const lines = readline.createInterface({ input: process.stdin });
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined));
    const line = await promise;
    lines.close();
    return line;
  }

  close(): void {
    if (this.isTerminal) process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}

if (import.meta.main) {
  const code = await setupConsole(process.argv.slice(2), {
    output: processOutput,
    disk: new NodeDisk(),
    clock: new SystemClock(),
    environment: process.env,
    keyboard: new ProcessKeyboard(),
    readScript: (file) => fs.readFileSync(file === '-' ? 0 : file, 'utf8'),
  });
  process.exit(code);
}
