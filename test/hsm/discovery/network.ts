/**
 * In `unshare -rn`: a network of two HSMs and this host on a bridge, without any route but its own. Prints what was found as JSON.
 * Usage: network.ts DIRECTORY
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createSocket } from 'node:dgram';

const directory = process.argv[2];
const root = path.resolve(import.meta.dirname, '../../..');
const ip = (command: string): void => void execFileSync('ip', command.split(' '));
const clock = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

ip('link set lo up');
ip('link add br0 type bridge mcast_snooping 0');
ip('addr add 10.9.0.1/24 dev br0');
ip('link set br0 up');

class Hsm {
  readonly child;
  readonly #lines: string[] = [];
  #wake = (): void => undefined;

  constructor(index: number) {
    const state = path.join(directory, `hsm-${index}`);
    fs.mkdirSync(state, { mode: 0o700 });
    const script = path.join(import.meta.dirname, 'hsm-on-network.ts');
    const words = [process.execPath, script, `10.9.0.1${index}`, `1000-000${index}`, state];
    this.child = spawn('unshare', ['-n', ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
    let rest = '';
    this.child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop() ?? '';
      this.#lines.push(...parts);
      this.#wake();
    });
  }

  async say(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    while (this.#lines.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#lines.shift() ?? '';
  }
}

const inOwnNamespace = (pid: number): boolean => {
  try {
    return fs.readlinkSync(`/proc/${pid}/ns/net`) !== fs.readlinkSync('/proc/self/ns/net');
  } catch {
    return false;
  }
};

const findHSM = (input: string, ...words: string[]) => {
  const command = [path.join(root, 'src/tools/findHSM.ts'), '--seconds', '3', ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    input,
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { status, stdout, stderr };
};

/** Discovery is best effort on any network: it is asked again until it has seen what must be there, at most ten times. */
const listing = (isThere: (stdout: string) => boolean): string => {
  let stdout = '';
  for (let i = 0; i < 10; i++) {
    ({ stdout } = findHSM('', '--list'));
    if (isThere(stdout)) break;
  }
  return stdout;
};

const hsms = [1, 2].map((index) => new Hsm(index));
const ready: string[] = [];
for (const [i, hsm] of hsms.entries()) {
  const pid = hsm.child.pid ?? 0;
  for (let waited = 0; !inOwnNamespace(pid); waited++) {
    if (waited > 6000) throw new Error('unshare does not come up');
    await clock(10);
  }
  ip(`link add hsm${i} type veth peer name eth0 netns ${pid}`);
  ip(`link set hsm${i} master br0`);
  ip(`link set hsm${i} up`);
  ready.push(await hsm.say('begin'));
}

const both = listing((stdout) => stdout.split('1000-000').length === 5);

// Who floods the group with junk must not keep others from being found, nor end anybody.
const flood = createSocket('udp4');
await new Promise<void>((resolve) => flood.bind(0, '10.9.0.1', resolve));
flood.setMulticastInterface('10.9.0.1');
const junk = [Buffer.alloc(0), Buffer.alloc(11), Buffer.alloc(12, 0xff), Buffer.alloc(9001), Buffer.from('000000000001000000000000c00c000c0001', 'hex')]; // prettier-ignore
for (let i = 0; i < 300; i++) flood.send(junk[i % junk.length], 5353, '224.0.0.251');
await clock(1100);

const conf = path.join(directory, 'conf');
let chosen = { status: 1 as number | null, stdout: '', stderr: '' };
for (let i = 0; i < 10 && chosen.status !== 0; i++) {
  chosen = findHSM('1\n1\ny\n', '--config_path', conf);
  if (!chosen.stdout.includes('was written')) chosen.status = 1;
}
await hsms[0].say('withdraw');
const withdrawn = findHSM('', '--list').stdout;
await hsms[0].say('announce');
const again = listing((stdout) => stdout.includes('1000-0001'));
for (const hsm of hsms) hsm.child.stdin.end('end\n');
flood.close();
console.log(JSON.stringify({ ready, both, chosen, withdrawn, again, conf: fs.readFileSync(path.join(conf, 'hsm.conf'), 'utf8') })); // prettier-ignore
