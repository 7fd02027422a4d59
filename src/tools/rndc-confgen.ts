/** The command `rndc-confgen`: makes a key for the control channel. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import { toBase64 } from '../base/base64.ts';
import { type CommandOutput, parseCommandLine } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { type Random, SystemRandom } from '../base/random.ts';

export interface ConfgenDependencies {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly random: Random;
  /** The number of a user by name, undefined when there is no such user. */
  readonly findUser: (name: string) => number | undefined;
  /** chown(2). @throws DiskError */
  readonly giveTo: (file: string, userId: number) => void;
}

const DEFAULT_KEY_FILE = '/etc/bind/rndc.key';
const LARGEST_SECRET = 512;

/** Bits of the secret where -b says none: the digest's. */
const ALGORITHM_BITS: Readonly<Record<string, number>> = {
  'hmac-md5': 128,
  'hmac-sha1': 160,
  'hmac-sha224': 224,
  'hmac-sha256': 256,
  'hmac-sha384': 384,
  'hmac-sha512': 512,
};

const USAGE = `Usage:
 rndc-confgen [-a] [-b bits] [-c keyfile] [-k keyname] [-p port] [-s addr] [-t chrootdir] [-u user]
  -a:\t\t generate just the key clause and write it to keyfile (${DEFAULT_KEY_FILE})
  -A alg:\t algorithm (default hmac-sha256)
  -b bits:\t from 1 through 512, default 256; total length of the secret
  -c keyfile:\t specify an alternate key file (requires -a)
  -k keyname:\t the name as it will be used  in named.conf and rndc.conf
  -p port:\t the port named will listen on and rndc will connect to
  -q:\t\t suppress printing written key path
  -s addr:\t the address to which rndc should connect
  -t chrootdir:\t write a keyfile in chrootdir as well (requires -a)
  -u user:\t set the keyfile owner to "user" (requires -a)
`;

interface Settings {
  automatic: boolean;
  quiet: boolean;
  algorithm: string;
  bits: number | undefined;
  keyFile: string;
  keyName: string;
  port: number;
  address: string;
  rootDirectory: string | undefined;
  user: string | undefined;
}

/** Runs the command; returns its exit code. */
export function main(argv: readonly string[], dependencies: ConfgenDependencies): number {
  const { output, random } = dependencies;
  const settings = readSettings(argv);
  if (typeof settings === 'string') {
    output.complain(settings);
    return settings.startsWith('Usage') && argv.includes('-h') ? 0 : 1;
  }
  const { algorithm, keyName } = settings;
  const bits = settings.bits ?? ALGORITHM_BITS[algorithm];
  const secret = toBase64(random.fill(new Uint8Array(Math.ceil(bits / 8))));
  const key = `key "${keyName}" {\n\talgorithm ${algorithm};\n\tsecret "${secret}";\n};\n`;
  if (algorithm === 'hmac-md5') {
    output.complain('warning: use of hmac-md5 for RNDC keys is deprecated; hmac-sha256 is now recommended.\n');
  }
  if (settings.automatic) return writeKeyFiles(key, settings, dependencies);
  output.print(configurationText(key, settings));
  return 0;
}

/** What to do, or the text for standard error. */
function readSettings(argv: readonly string[]): Settings | string {
  const settings: Settings = {
    automatic: false,
    quiet: false,
    algorithm: 'hmac-sha256',
    bits: undefined,
    keyFile: DEFAULT_KEY_FILE,
    keyName: 'rndc-key',
    port: 953,
    address: '127.0.0.1',
    rootDirectory: undefined,
    user: undefined,
  };
  const { options, operands } = parseCommandLine(argv, 'aA:b:c:hk:Mmp:qr:s:t:u:Vy');
  for (const option of options) {
    if (option.kind === 'invalid') {
      return option.reason === 'unknown'
        ? `rndc-confgen: invalid argument -${option.letter}\n${USAGE}`
        : `rndc-confgen: option requires an argument -- ${option.letter}\n${USAGE}`;
    }
    if (option.letter === 'h') return USAGE;
    const fault = apply(settings, option.letter, option.kind === 'value' ? option.argument : '');
    if (fault !== undefined) return `rndc-confgen: ${fault}\n`;
  }
  return operands.length > 0 ? USAGE : settings;
}

function apply(settings: Settings, letter: string, argument: string): string | undefined {
  switch (letter) {
    case 'a':
      settings.automatic = true;
      return undefined;
    case 'q':
      settings.quiet = true;
      return undefined;
    case 'c':
      settings.keyFile = argument;
      return undefined;
    case 'k':
      settings.keyName = argument;
      return undefined;
    case 't':
      settings.rootDirectory = argument;
      return undefined;
    case 'u':
      settings.user = argument;
      return undefined;
    case 'A':
      settings.algorithm = argument.toLowerCase();
      return Object.hasOwn(ALGORITHM_BITS, settings.algorithm) ? undefined : `Unsupported algorithm '${argument}'`;
    case 'b':
      if (!/^\d+$/.test(argument)) return '-b requires a non-negative number';
      settings.bits = Number(argument);
      if (settings.bits >= 1 && settings.bits <= LARGEST_SECRET) return undefined;
      return `keysize ${argument} out of range (must be 1-512)\n`;
    case 'p':
      settings.port = Number(argument);
      if (/^\d+$/.test(argument) && settings.port <= 65535) return undefined;
      return `port '${argument}' out of range`;
    case 's':
      settings.address = argument;
      return isIP(argument) === 0 ? '-s should be an IPv4 or IPv6 address' : undefined;
    case 'r':
      return 'The -r option has been deprecated.';
    default:
      return `option -${letter} is not supported: it is for BIND's own tests`;
  }
}

function writeKeyFiles(key: string, settings: Settings, dependencies: ConfgenDependencies): number {
  const { disk, output, giveTo } = dependencies;
  const { keyFile, rootDirectory, user } = settings;
  const owner = user === undefined ? undefined : dependencies.findUser(user);
  if (user !== undefined && owner === undefined) {
    output.complain(`rndc-confgen: unable to set file owner: there is no user '${user}'; no key was written\n`);
    return 1;
  }
  const inRoot = rootDirectory === undefined ? undefined : path.join(rootDirectory, keyFile);
  const owned = inRoot ?? keyFile;
  try {
    for (const file of [keyFile, ...(inRoot === undefined ? [] : [inRoot])]) {
      disk.replace(file, Buffer.from(key, 'latin1'), 0o600);
      if (owner !== undefined && file === owned) giveTo(file, owner);
      if (!settings.quiet) output.print(`wrote key file "${file}"\n`);
    }
    return 0;
  } catch (cause) {
    if (!(cause instanceof DiskError)) throw cause;
    output.complain(`rndc-confgen: create keyfile: ${cause.message}\n`);
    return 1;
  }
}

function configurationText(key: string, { keyName, address, port }: Settings): string {
  const controls = `
controls {
	inet ${address} port ${port}
		allow { ${address}; } keys { "${keyName}"; };
};
`;
  const commented = `${key}${controls}`
    .trimEnd()
    .split('\n')
    .map((line) => `# ${line}`)
    .join('\n');
  return `# Start of rndc.conf
${key}
options {
	default-key "${keyName}";
	default-server ${address};
	default-port ${port};
};
# End of rndc.conf

# Use with the following in named.conf, adjusting the allow list as needed:
${commented}
# End of named.conf
`;
}

/** Asks the system's own id(1), which knows users of all sources (files, LDAP ...). */
function findUser(name: string): number | undefined {
  const { status, stdout, error } = spawnSync('id', ['-u', '--', name], { encoding: 'latin1' });
  if (error) throw error;
  return status === 0 ? Number(stdout) : undefined;
}

function changeOwner(file: string, userId: number): void {
  try {
    fs.chownSync(file, userId, -1);
  } catch (cause) {
    throw new DiskError(`give to user ${userId}`, file, cause);
  }
}

if (import.meta.main) {
  const output = processOutput;
  process.exitCode = main(process.argv.slice(2), {
    output,
    disk: new NodeDisk(),
    random: new SystemRandom(),
    findUser,
    giveTo: changeOwner,
  });
}
