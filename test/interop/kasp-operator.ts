import fs from 'node:fs';
import path from 'node:path';
import { KaspServer, type Maker } from './kasp-server.ts';
import { MovedClock } from './moved-clock.ts';
import { execute, until } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* An operator with one zone, who has rndc, dig and delv and nothing else, and a parent that does what it is told. */

export const DAY = 86_400;
export const HOUR = 3600;
export const ZONE = 'example.com';
const START = 1_900_000_000;

/** One key as `rndc dnssec -status` describes it. */
export interface KeyStatus {
  readonly tag: string;
  readonly algorithm: string;
  readonly role: string;
  /** The lines about it, without spaces around, and without what BIND does not tell. */
  readonly lines: readonly string[];
}

export class Operator implements AsyncDisposable {
  readonly clock = new MovedClock(START);
  readonly #directory = temporaryDirectory();
  #server!: KaspServer;
  #maker: Maker = 'ours';
  /** DS RDATA that the parent shows. */
  #ds: readonly string[] = [];

  /** The zone is new, and kept by one of these policies, or with keys that are prepared. */
  static async begin(
    maker: Maker,
    policies: string,
    statement: string,
    prepare: (operator: Operator) => Promise<void> = async () => undefined,
  ): Promise<Operator> {
    const operator = new Operator();
    operator.#maker = maker;
    try {
      fs.mkdirSync(operator.home, { recursive: true });
      await prepare(operator);
      await operator.start(maker, policies, statement);
    } catch (error) {
      await operator[Symbol.asyncDispose]();
      throw error;
    }
    return operator;
  }

  async start(maker: Maker, policies: string, statement: string): Promise<void> {
    const kept = { policies, zones: new Map([[ZONE, statement]]) };
    this.#server = await KaspServer.start(this.home, maker, kept);
    await this.look();
  }

  get home(): string {
    return path.join(this.#directory.path, 'named');
  }

  /** Lets time pass; named does by itself what is due. */
  async pass(seconds: number): Promise<void> {
    this.clock.moveBy(seconds);
    await this.look();
  }

  async look(): Promise<void> {
    await this.#server.loadKeys(ZONE);
  }

  async reconfigure(policies: string, statement: string): Promise<void> {
    await this.#server.reconfigure({ policies, zones: new Map([[ZONE, statement]]) });
  }

  /** Runs a command of the maker's where the keys are. @returns what it prints @throws Error when it fails */
  async run(command: string, ...words: string[]): Promise<string> {
    const ours = path.resolve(import.meta.dirname, `../../src/tools/${command}.ts`);
    const [program, ...first] = this.#maker === 'ours' ? [process.execPath, ours] : [command];
    const { code, stdout, stderr } = await execute(program, [...first, ...words], this.home);
    if (code !== 0) throw new Error(`${this.#maker}: ${command} ${words.join(' ')}: ${stdout}${stderr}`);
    return stdout.trim();
  }

  /** @throws Error when rndc says no */
  async rndc(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#server.rndc(...words);
    if (code !== 0) throw new Error(`rndc ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** What `rndc` says when it fails. */
  async refused(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#server.rndc(...words);
    if (code === 0) throw new Error(`rndc ${words.join(' ')} was obeyed: ${stdout}`);
    return stderr;
  }

  async status(): Promise<KeyStatus[]> {
    const [text] = (await this.rndc('dnssec', '-status', ZONE)).split(/^(?:waits|lacks):$/m);
    return text
      .split(/^(?=key: )/m)
      .slice(1)
      .map((part) => {
        const [, tag, algorithm, role] = /^key: (\d+) \((.*)\), (\w+)$/m.exec(part) ?? [];
        const lines = part.split('\n').slice(1);
        return { tag, algorithm, role, lines: lines.map((line) => line.trim()).filter((line) => line !== '') };
      });
  }

  /** Status lines of a key that say how far it is: "dnskey: omnipresent", ... */
  async statesOf(tag: string): Promise<string> {
    const key = (await this.status()).find((one) => one.tag === tag);
    if (key === undefined) return 'gone';
    const states = key.lines.filter((line) => line.startsWith('- '));
    return states.map((line) => line.slice(2).replaceAll(/\s+/g, ' ')).join(', ');
  }

  dig(...words: string[]): Promise<string> {
    return this.#server.dig('+tcp', ...words);
  }

  /** RDATA of an RRset of the apex, or of another name. */
  async rdata(type: string, name = ZONE): Promise<string[]> {
    return (await this.dig('+short', name, type))
      .split('\n')
      .filter((line) => line !== '')
      .toSorted();
  }

  /** Key tags in the DNSKEY RRset. */
  async dnskeyTags(): Promise<string[]> {
    const text = await this.dig('+multiline', '+rrcomments', ZONE, 'DNSKEY');
    return [...text.matchAll(/; key id = (\d+)/g)].map(([, tag]) => tag).toSorted();
  }

  /** Key tags of those that sign an RRset of the apex. */
  async signersOf(type: string): Promise<string[]> {
    const answer = await this.dig('+dnssec', '+noall', '+answer', ZONE, type);
    return [...answer.matchAll(/\sRRSIG\s+\S+ \d+ \d+ \d+ \d+ \d+ (\d+) /g)].map(([, tag]) => tag).toSorted();
  }

  /** Waits until it is so: named works while we look. */
  until(condition: () => Promise<boolean>, what: string): Promise<void> {
    return until(condition, what);
  }

  /** The parent puts up the DS that CDS asks for (RFC 7344 section 4.1), or takes all away (RFC 8078 section 4). */
  async letParentFollow(): Promise<void> {
    const cds = await this.rdata('CDS');
    if (cds.length > 0) this.#ds = cds.filter((rdata) => !rdata.startsWith('0 0 0 '));
  }

  /** The parent has the DS of these keys, by their files, and no other. */
  async giveDs(...files: string[]): Promise<void> {
    const lines = await Promise.all(files.map((file) => this.run('dnssec-dsfromkey', '-2', `${file}.key`)));
    this.#ds = lines.map((line) => line.replace(/^.*\sDS\s+/, ''));
  }

  get ds(): readonly string[] {
    return this.#ds;
  }

  /** What delv says of a name, beginning at the parent's DS: "fully validated", or what is wrong. */
  async validate(name: string, type: string): Promise<string> {
    const anchors = path.join(this.#directory.path, 'anchors');
    const lines = this.#ds.map((rdata) => {
      const [tag, algorithm, digestType, ...digest] = rdata.split(' ');
      return `${ZONE}. static-ds ${tag} ${algorithm} ${digestType} "${digest.join('')}";`;
    });
    fs.writeFileSync(anchors, `trust-anchors { ${lines.join('\n')} };\n`);
    const args = [`@${HOST}`, '-p', String(this.#server.ports.dns), '-a', anchors, `+root=${ZONE}`, name, type];
    const { stdout, stderr } = await execute('delv', args);
    return /^; (fully validated|negative response, fully validated)$/m.exec(stdout)?.[1] ?? stdout + stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.clock[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }
}
