import path from 'node:path';
import readline from 'node:readline';
import { parseArgs } from 'node:util';
import { SystemClock } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { checkPeer, identityOf, type PeerIdentity } from '../hsm/certificate/peer-identity.ts';
import { askCertificate } from '../hsm/discovery/ask-certificate.ts';
import { findHsms, type FoundPort } from '../hsm/discovery/finder.ts';
import { hsmConfFile, writeHsmConf } from '../hsm/protocol/hsm-conf.ts';

const USAGE = `usage: findHSM [--config_path DIRECTORY] [--seconds N] [--list]
Finds Diamond HSMs on the network, lets you choose one, and writes hsm.conf.
  --config_path DIRECTORY  where hsm.conf goes; else $DIAMOND_HSM_CONFIG_PATH, else /etc/dkey/hsm
  --seconds N              how long to look, 1 to 60; 5 when not given
  --list                   only list what is there
`;

export interface FindHsmDependencies {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Lines of the person; undefined at their end. */
  readonly ask: () => Promise<string | undefined>;
  readonly find: (seconds: number) => Promise<readonly FoundPort[]>;
  readonly identify: (port: FoundPort) => Promise<PeerIdentity>;
}

/** Resolves to the exit code: 0 written or quit, 1 nothing found or not possible, 2 usage. */
export async function findHsm(argv: readonly string[], dependencies: FindHsmDependencies): Promise<number> {
  const { output } = dependencies;
  const options = readOptions(argv);
  if (typeof options === 'string') {
    if (options === '') output.print(USAGE);
    else output.complain(`findHSM: ${options}\n${USAGE}`);
    return options === '' ? 0 : 2;
  }
  try {
    return await run(options, dependencies);
  } catch (cause) {
    output.complain(`findHSM: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return 1;
  }
}

interface Options {
  readonly configPath: string | undefined;
  readonly seconds: number;
  readonly isListOnly: boolean;
}

async function run(options: Options, dependencies: FindHsmDependencies): Promise<number> {
  const { output, disk, environment } = dependencies;
  output.print('Searching for Diamond HSMs ....\n');
  const found = await dependencies.find(options.seconds);
  const consoles = found.filter(({ kind }) => kind === 'cty');
  const operations = found.filter(({ kind }) => kind === 'rpc');
  if (consoles.length === 0) {
    output.print(
      'No Diamond HSMs were found.\nThey announce themselves on their own network only, unless ENABLE_ZEROCONF is FALSE or UDP port 5353 is closed: then write\nits address and serial number into hsm.conf by hand.\n',
    );
    return 1;
  }
  output.print(`\n--Located CTY Diamond HSM ports\n${list(consoles)}`);
  if (options.isListOnly) {
    output.print(`\n--Located RPC Diamond HSM ports\n${list(operations)}`);
    return 0;
  }
  const cty = await choose('CTY (console)', consoles, dependencies);
  if (cty === undefined) return 0;
  // An HSM that announces its console only, as the vendor's, has operations on the same address.
  const candidates = operations.length > 0 ? operations : consoles.map((one) => ({ ...one, kind: 'rpc' as const, port: 8080 })); // prettier-ignore
  output.print(`\n--Located RPC Diamond HSM ports\n${list(candidates)}`);
  const rpc = await choose('RPC (operations)', candidates, dependencies);
  if (rpc === undefined) return 0;
  if (rpc.serial !== cty.serial)
    output.print(`\nWarning: console and operations are of different HSMs (${cty.serial} and ${rpc.serial}): what is set at the console does not change the HSM that is used.\n`); // prettier-ignore

  const fingerprints = await Promise.all([fingerprintOf(cty, dependencies), fingerprintOf(rpc, dependencies)]);
  output.print(`\nFingerprint of the key of HSM ${cty.serial}:\n  ${fingerprints[0]}\n`);
  if (fingerprints[1] !== fingerprints[0]) output.print(`Fingerprint of the key of HSM ${rpc.serial}, for operations:\n  ${fingerprints[1]}\n`); // prettier-ignore
  output.print('\nIs that what the HSM itself shows (start of its log, status page)? Programs will trust this key only. (y/n): '); // prettier-ignore
  if (!/^y(es)?$/i.test((await dependencies.ask())?.trim() ?? '')) {
    output.print('\nNothing was written.\n');
    return 0;
  }

  const file = hsmConfFile(environment, options.configPath);
  const section = ({ ip, port, servername, serial }: FoundPort, fingerprint: string) => ({ ip, port, servername, serial, fingerprint }); // prettier-ignore
  if (disk.facts(path.dirname(file)) === undefined) disk.makeDirectory(path.dirname(file), 0o755);
  writeHsmConf(file, { cty: section(cty, fingerprints[0]), rpc: section(rpc, fingerprints[1]) }, disk);
  output.print(`\n${file} was written.\n`);
  return 0;
}

/** Name and serial number in the certificate must be those that were announced. */
async function fingerprintOf(port: FoundPort, dependencies: FindHsmDependencies): Promise<string> {
  return (await dependencies.identify(port)).fingerprint;
}

function list(ports: readonly FoundPort[]): string {
  return ports
    .map(
      ({ serial, ip, port, version }, i) =>
        `${i}: serial ${serial}  ${ip} port ${port}${version === '' ? '' : `  (${version})`}\n`,
    )
    .join('');
}

/** undefined: the person quits. */
async function choose(
  what: string,
  ports: readonly FoundPort[],
  { output, ask }: FindHsmDependencies,
): Promise<FoundPort | undefined> {
  for (;;) {
    output.print(`\nPlease choose the HSM you would like to connect to for ${what}, or Q to quit: `);
    const line = (await ask())?.trim();
    if (line === undefined || /^q(uit)?$/i.test(line)) {
      output.print('\nNothing was written.\n');
      return undefined;
    }
    const chosen = /^\d{1,3}$/.test(line) ? ports[Number(line)] : undefined;
    if (chosen !== undefined) return chosen;
    output.print(`\n"${line.replace(/[^\x20-\x7e]/g, '?')}" is not on the list: a number from 0 to ${ports.length - 1}, or Q.\n`); // prettier-ignore
  }
}

/** What is wrong is a text; empty: the usage was asked for. */
function readOptions(argv: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        config_path: { type: 'string' },
        seconds: { type: 'string', default: '5' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return '';
    const seconds = Number(values.seconds);
    if (!(seconds >= 1 && seconds <= 60)) return `--seconds ${values.seconds}: from 1 to 60`;
    if (values.config_path === '') return '--config_path needs a directory';
    return { configPath: values.config_path, seconds, isListOnly: values.list };
  } catch (cause) {
    return (cause as Error).message;
  }
}

/** Milliseconds to wait for an HSM that was found to answer. */
const TIMEOUT = 10_000;

async function identify(port: FoundPort): Promise<PeerIdentity> {
  const certificate = await askCertificate(port, TIMEOUT);
  checkPeer(certificate, { servername: port.servername, serial: port.serial, fingerprint: undefined }, `${port.ip} port ${port.port}`); // prettier-ignore
  return identityOf(certificate);
}

if (import.meta.main) {
  const clock = new SystemClock();
  const lines = readline.createInterface({ input: process.stdin });
  const iterator = lines[Symbol.asyncIterator]();
  const code = await findHsm(process.argv.slice(2), {
    output: processOutput,
    disk: new NodeDisk(),
    environment: process.env,
    ask: async () => {
      const { done, value } = await iterator.next();
      return done === true ? undefined : value;
    },
    find: (seconds) => findHsms(seconds, { clock }),
    identify,
  });
  lines.close();
  process.exit(code);
}
