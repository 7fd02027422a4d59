import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { mustName } from '../../src/wire/name-text.ts';
import { FLAG } from '../../src/wire/header.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { KaspServer, type Maker } from './kasp-server.ts';
import { until } from './named-process.ts';
import { queryOctets } from './questions/query.ts';
import { startUnbound } from './resolver-peers.ts';
import { freePort, HOST, type Peer, temporaryDirectory, UdpClient } from './serve-peers.ts';

/*
 * Rollovers in real time, under a policy whose intervals are seconds: our named keeps the child, Debian's the parent, a script does with the
 * DS what the child's CDS asks for, and an Unbound with a cache is asked all the time and must never say SERVFAIL.
 */

const PARENT = 'parent.example';
const CHILD = `child.${PARENT}`;

/** A ZSK needs 4 seconds to become known and 10 to be forgotten, 5 of them until its last signature is replaced; a KSK 4 and 5. */
const POLICY = `dnssec-policy swift {
  keys { ksk lifetime KSK algorithm 13; zsk lifetime ZSK algorithm 13; };
  dnskey-ttl 2; max-zone-ttl 2; zone-propagation-delay 1; publish-safety 1; retire-safety 2;
  parent-ds-ttl 2; parent-propagation-delay 1; purge-keys 1d;
  signatures-validity 40; signatures-validity-dnskey 40; signatures-refresh 35; signatures-jitter 0;
};`;

/** Without keys: the zone goes insecure. `rest` as in the policy that it was signed by, so that it takes seconds. */
const GONE = POLICY.replace('swift', 'gone').replace(/keys \{.*\};$/m, 'keys { };');

const CHILD_DATA = `$TTL 2
@ SOA ns host 1 3600 600 86400 2
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
*.wild TXT "any"
`;

const withMargin = (policy: string, seconds: number): string =>
  policy.replaceAll(/(?<=(?:publish|retire)-safety )\d+/g, (safety) => String(Number(safety) + seconds));

export interface RolloverOptions {
  readonly maker: Maker;
  /** Finished rollovers to wait for. */
  readonly zsk: number;
  readonly ksk: number;
  /** Lifetimes in seconds. */
  readonly lifetimes: { readonly zsk: number; readonly ksk: number };
  /** Seconds that all of it may take. */
  readonly most: number;
  /** Seconds more of publish-safety and retire-safety: so long each program may stand still on a machine that has other work. */
  readonly margin?: number;
  /** Where all files are, for a run that goes on where another has ended; undefined: they go at the end. */
  readonly directory?: string;
  readonly report?: (text: string) => void;
}

export interface RolloverResult {
  /** False: the time was over before. */
  readonly isFinished: boolean;
  readonly zsk: number;
  readonly ksk: number;
  readonly answers: number;
  /** Of them those that Unbound called validated. */
  readonly validated: number;
  /** Each SERVFAIL, and what Unbound said about it. */
  readonly failures: readonly string[];
  /** DS RRsets that the parent has had. */
  readonly dsSets: number;
}

export async function runRollovers(options: RolloverOptions): Promise<RolloverResult> {
  using temporary = temporaryDirectory();
  const directory = options.directory ?? temporary.path;
  await using stack = new AsyncDisposableStack();
  const parent = stack.use(await startParent(path.join(directory, 'parent')));
  const change = (policy: string): string => withMargin(policy, options.margin ?? 0);
  const child = stack.use(await startChild(path.join(directory, 'child'), { ...options, change }));
  const follower = new Follower(parent, child);
  await follower.begin();
  const port = await freePort();
  const unbound = stack.use(startValidator(directory, port, parent, child));
  using asker = new Asker(port);
  await until(async () => (await asker.once()) === 'validated', 'Unbound validates the child');
  const end = Date.now() + options.most * 1000;
  const asking = asker.start();
  let done = finished(child);
  const isFinished = (): boolean => done.zsk >= options.zsk && done.ksk >= options.ksk;
  try {
    for (let told = ''; !isFinished() && Date.now() < end;) {
      await follower.look();
      done = finished(child);
      const text = `${done.zsk} ZSK and ${done.ksk} KSK rollovers, ${asker.answers} answers`;
      if (`${done.zsk} ${done.ksk}` !== told) options.report?.(text);
      told = `${done.zsk} ${done.ksk}`;
      await delay(250);
    }
  } finally {
    asker.stop();
    await asking;
  }
  const log = unbound.output.split('\n').filter((line) => /SERVFAIL|validation failure/.test(line));
  const failures = [...asker.failures, ...(asker.failures.length > 0 ? log : [])];
  const { answers, validated } = asker;
  return { isFinished: isFinished(), ...done, answers, validated, failures, dsSets: follower.dsSets };
}

export interface InsecureOptions {
  readonly maker: Maker;
  /** As in RolloverOptions. */
  readonly margin: number;
  /** Seconds that resolvers keep the child's DNSKEY RRset: far longer than the DS RRset and all safety margins. */
  readonly dnskeyTtl: number;
}

export interface InsecureResult {
  readonly answers: number;
  readonly validated: number;
  /** Answers of a zone that Unbound takes for unsigned. */
  readonly insecure: number;
  readonly failures: readonly string[];
  /** What the last answer was. */
  readonly last: string;
  /** Seconds between the moment when the parent had no DS any more and the end of the signed zone. */
  readonly signedWithoutDs: number;
}

/** A zone goes insecure in seconds, before an Unbound that is asked all the time and has the DNSKEY RRset in its key cache. */
export async function runInsecure({ maker, margin, dnskeyTtl }: InsecureOptions): Promise<InsecureResult> {
  using temporary = temporaryDirectory();
  const directory = temporary.path;
  await using stack = new AsyncDisposableStack();
  const withTtl = (policy: string): string =>
    withMargin(policy, margin).replace('dnskey-ttl 2', `dnskey-ttl ${dnskeyTtl}`);
  const parent = stack.use(await startParent(path.join(directory, 'parent')));
  const lifetimes = { zsk: 'unlimited', ksk: 'unlimited' } as const;
  const child = stack.use(await startChild(path.join(directory, 'child'), { maker, lifetimes, change: withTtl }));
  const follower = new Follower(parent, child);
  await follower.begin();
  await child.stateLine(CHILD, 'KSK1', 'DSState: omnipresent');
  const port = await freePort();
  const unbound = stack.use(startValidator(directory, port, parent, child));
  using asker = new Asker(port);
  await until(async () => (await asker.once()) === 'validated', 'Unbound validates the child');
  const asking = asker.start();
  let [gone, unsigned, last] = [0, 0, ''];
  try {
    await child.reconfigure({ policies: withTtl(GONE), zones: new Map([[CHILD, 'dnssec-policy gone;']]) });
    await until(() => follower.isDeletionAsked(), 'the child asks for no DS');
    await follower.look();
    gone = Date.now();
    await until(async () => (await rdataOf(child, 'DNSKEY')).length === 0, 'the child is unsigned');
    unsigned = Date.now();
    // Longer than anything of before can be in a cache.
    await delay((dnskeyTtl + 5) * 1000);
    last = await asker.once();
  } finally {
    asker.stop();
    await asking;
  }
  const log = unbound.output.split('\n').filter((line) => /SERVFAIL|validation failure/.test(line));
  const failures = [...asker.failures, ...(asker.failures.length > 0 ? log : [])];
  const { answers, validated, insecure } = asker;
  return { answers, validated, insecure, failures, last, signedWithoutDs: Math.round((unsigned - gone) / 1000) };
}

/** Keys that have gone through their whole life. */
function finished(child: KaspServer): { readonly zsk: number; readonly ksk: number } {
  const gone = child.keys(CHILD).filter(({ file }) => {
    return fs.readFileSync(path.join(child.home, `${file}.state`), 'latin1').includes('\nDNSKEYState: hidden\n');
  });
  const count = (role: string): number => gone.filter(({ label }) => label.startsWith(role)).length;
  return { zsk: count('ZSK'), ksk: count('KSK') };
}

function startParent(home: string): Promise<KaspServer> {
  fs.mkdirSync(home, { recursive: true });
  if (!fs.existsSync(path.join(home, `${PARENT}.db`))) writeParent(home, 1, []);
  return KaspServer.start(home, 'debian', {
    policies: '',
    zones: new Map([[PARENT, 'dnssec-policy default;']]),
  });
}

function writeParent(home: string, serial: number, ds: readonly string[]): void {
  const text = `$TTL 2
@ SOA ns host ${serial} 3600 600 86400 2
@ NS ns
ns A 127.0.0.1
child NS ns.child
ns.child A 127.0.0.1
${ds.map((rdata) => `child DS ${rdata}\n`).join('')}`;
  fs.writeFileSync(path.join(home, `${PARENT}.db.new`), text);
  fs.renameSync(path.join(home, `${PARENT}.db.new`), path.join(home, `${PARENT}.db`));
}

interface ChildOptions {
  readonly maker: Maker;
  /** Seconds. */
  readonly lifetimes: { readonly zsk: number | 'unlimited'; readonly ksk: number | 'unlimited' };
  /** What is different in the policy. */
  readonly change?: (policy: string) => string;
}

async function startChild(home: string, { maker, lifetimes, change }: ChildOptions): Promise<KaspServer> {
  fs.mkdirSync(home, { recursive: true });
  fs.writeFileSync(path.join(home, `${CHILD}.db`), CHILD_DATA);
  const policy = POLICY.replace('KSK', String(lifetimes.ksk)).replace('ZSK', String(lifetimes.zsk));
  const policies = change?.(policy) ?? policy;
  const zones = new Map([[CHILD, 'dnssec-policy swift;']]);
  return KaspServer.start(home, maker, { policies, zones });
}

function startValidator(directory: string, port: number, parent: KaspServer, child: KaspServer): Peer {
  const [key] = parent.keys(PARENT);
  const anchor = path.join(parent.home, `${key.file}.key`);
  const stub = (zone: string, server: KaspServer): string =>
    `stub-zone:\n  name: "${zone}"\n  stub-addr: ${HOST}@${server.ports.dns}\n`;
  const options = [
    'log-servfail: yes',
    'val-log-level: 2',
    `trust-anchor-file: "${anchor}"`,
    'module-config: "validator iterator"',
  ];
  return startUnbound(directory, port, options, stub(PARENT, parent) + stub(CHILD, child));
}

/** The registry's script: the parent has the DS that the child asks for, and the child is told when it has. */
class Follower {
  readonly #parent: KaspServer;
  readonly #child: KaspServer;
  #ds: string[] = [];
  dsSets = 0;

  constructor(parent: KaspServer, child: KaspServer) {
    this.#parent = parent;
    this.#child = child;
  }

  /** The first DS, once the child asks for one (RFC 8078 section 3). */
  async begin(): Promise<void> {
    this.#ds = await rdataOf(this.#parent, 'DS');
    await until(async () => (await this.#cds()).length > 0, 'the child shows CDS');
    await this.look();
  }

  /** RFC 8078 section 4: a CDS for algorithm 0. */
  async isDeletionAsked(): Promise<boolean> {
    return (await this.#cds()).some(isDeletion);
  }

  async look(): Promise<void> {
    const asked = await this.#cds();
    const wanted = asked.filter((rdata) => !isDeletion(rdata));
    if (asked.length === 0 || wanted.join('\n') === this.#ds.join('\n')) return;
    const before = this.#ds;
    this.#ds = wanted;
    this.dsSets++;
    writeParent(this.#parent.home, Math.floor(Date.now() / 1000), wanted);
    const reload = await this.#parent.rndc('reload', PARENT);
    assert.equal(reload.code, 0, reload.stderr);
    await until(
      async () => (await rdataOf(this.#parent, 'DS')).join('\n') === wanted.join('\n'),
      'the parent shows the DS',
    );
    for (const one of wanted) if (!before.includes(one)) await this.#tell(one, 'published');
    for (const one of before) if (!wanted.includes(one)) await this.#tell(one, 'withdrawn');
  }

  async #tell(ds: string, what: string): Promise<void> {
    const { code, stderr } = await this.#child.rndc('dnssec', '-checkds', '-key', ds.split(' ')[0], what, CHILD);
    assert.equal(code, 0, stderr);
  }

  #cds(): Promise<string[]> {
    return rdataOf(this.#child, 'CDS');
  }
}

const isDeletion = (cds: string): boolean => cds.startsWith('0 0 0 ');

async function rdataOf(server: KaspServer, type: string): Promise<string[]> {
  const text = await server.dig('+tcp', '+short', '+nosplit', CHILD, type);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();
}

/** Asks Unbound for everything that there is and is not in the child, again and again. */
class Asker implements Disposable {
  readonly #client = new UdpClient();
  readonly #port: number;
  #id = 0;
  #isStopped = false;
  answers = 0;
  validated = 0;
  /** Answers that are right, and that Unbound has not validated. */
  insecure = 0;
  readonly failures: string[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** One question, without counting it. */
  once(): Promise<string> {
    return this.#ask(`www.${CHILD}`, TYPE.A);
  }

  /** Resolves when it has been stopped. */
  async start(): Promise<void> {
    await Promise.all([0, 1, 2].map((lane) => this.#lane(lane)));
  }

  async #lane(lane: number): Promise<void> {
    for (let round = lane; !this.#isStopped; round++) {
      const [name, type] = this.#question(round);
      const verdict = await this.#ask(name, type).catch((error: Error) => error.message);
      this.answers++;
      if (verdict === 'validated') this.validated++;
      else if (verdict === 'insecure') this.insecure++;
      else this.failures.push(`${new Date().toISOString()} ${name} ${type}: ${verdict}`);
      await delay(20);
    }
  }

  #question(round: number): readonly [name: string, type: number] {
    switch (round % 7) {
      case 0:
        return [CHILD, TYPE.SOA];
      case 1:
        return [CHILD, TYPE.DNSKEY];
      case 2:
        return [`absent${round}.${CHILD}`, TYPE.A];
      case 3:
        return [`any${round % 50}.wild.${CHILD}`, TYPE.TXT];
      case 4:
        return [CHILD, TYPE.DS];
      case 5:
        return [`www.${CHILD}`, TYPE.MX];
      default:
        return [`www.${CHILD}`, TYPE.A];
    }
  }

  /** "validated", "insecure", or what the answer is instead. */
  async #ask(name: string, type: number): Promise<string> {
    const edns = { udpSize: 4096, dnssecOk: true, version: 0, z: 0, options: new Uint8Array() };
    const query = queryOctets({ name: mustName(`${name}.`), type, class: CLASS.IN, flags: FLAG.RD, edns, tcp: false });
    this.#id = (this.#id + 1) & 0xffff;
    new DataView(query.buffer, query.byteOffset).setUint16(0, this.#id);
    const { rcode, flags } = await this.#client.ask(this.#port, query);
    const isExpected = rcode === (name.startsWith('absent') ? 3 : 0);
    if (!isExpected) return `rcode ${rcode}, flags ${flags.toString(16)}`;
    return (flags & FLAG.AD) !== 0 ? 'validated' : 'insecure';
  }

  stop(): void {
    this.#isStopped = true;
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}
