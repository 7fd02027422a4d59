import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type FiledKey, KeyNames, keyTexts, type KeyTexts, shownKeys, type ShownKeys, statusTexts } from './kasp-keys.ts'; // prettier-ignore
import { freePorts, NamedProcess, type Outcome, type Ports, until, writeConfiguration } from './named-process.ts';

export type Maker = 'ours' | 'debian';

/** All that two servers have to agree about. */
export interface ZonePicture {
  readonly files: KeyTexts;
  readonly shown: ShownKeys;
  /** What `rndc dnssec -status` says. */
  readonly status: Readonly<Record<string, string[]>>;
}

/** A zone with one record of each kind that is signed in a way of its own; TTLs below those of the policies in tests. */
export const ZONE_DATA = `$TTL 300
@ SOA ns host 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
*.wild TXT "any"
sub NS ns.sub
ns.sub A 192.0.2.9
`;

/** How often BIND is asked for one look at the keys. */
const MOST_LOOKS = 50;

/** What a server is told to keep. */
export interface Kept {
  readonly policies: string;
  /** Name of each zone and what its statement says beside type and file. */
  readonly zones: ReadonlyMap<string, string>;
}

/** A named that keeps zones by policies, with all files in one directory. */
export class KaspServer implements AsyncDisposable {
  readonly home: string;
  readonly ports: Ports;
  #maker: Maker;
  #kept: Kept;
  #process: NamedProcess;
  readonly #names = new Map<string, KeyNames>();

  private constructor(process: NamedProcess, maker: Maker, kept: Kept) {
    this.#process = process;
    this.home = process.directory;
    this.ports = process.ports;
    this.#maker = maker;
    this.#kept = kept;
  }

  static async start(home: string, maker: Maker, kept: Kept): Promise<KaspServer> {
    fs.mkdirSync(home, { recursive: true });
    const ports = await freePorts();
    configure(home, ports, maker, kept);
    return new KaspServer(await NamedProcess.start(home, ports, maker), maker, kept);
  }

  get maker(): Maker {
    return this.#maker;
  }

  /** Ends the process as an operator does and starts one of the other maker in its place, with the same files. */
  async handOver(): Promise<void> {
    await this.stop();
    this.#maker = this.#maker === 'ours' ? 'debian' : 'ours';
    configure(this.home, this.ports, this.#maker, this.#kept);
    this.#process = await NamedProcess.start(this.home, this.ports, this.#maker);
  }

  /** Kills the process after so many milliseconds, and starts it again. */
  async killAfter(milliseconds: number): Promise<void> {
    await delay(milliseconds);
    await this.#process.end('SIGKILL');
    this.#process = await NamedProcess.start(this.home, this.ports, this.#maker);
  }

  async stop(): Promise<void> {
    await this.#obeyed('stop');
    await until(() => this.#process.child.exitCode !== null, `${this.maker} ends`);
  }

  /** Other policies or zones from now on. */
  async reconfigure(kept: Kept): Promise<void> {
    this.#kept = kept;
    configure(this.home, this.ports, this.maker, kept);
    await this.#obeyed('reconfig');
  }

  get log(): string {
    return this.#process.log;
  }

  rndc(...words: string[]): Promise<Outcome> {
    return this.#process.rndc(...words);
  }

  dig(...words: string[]): Promise<string> {
    return this.#process.dig(...words);
  }

  /** Lets the server look at the keys now, and waits until it has and nothing is left to do of what it saw. */
  async loadKeys(zone: string): Promise<void> {
    if (this.maker === 'debian') return this.#loadKeysOfBind(zone);
    const from = this.log.length;
    await this.#obeyed('loadkeys', zone);
    await this.#process.line(look(zone), from);
    // Ours announces an event only when there is something to wait for, so it is asked for what ends after all else.
    await this.#obeyed('sync', zone);
  }

  /**
   * BIND puts off what is asked for while it looks at the keys, and at the end of the look forgets it. So it is asked when it has no look
   * before it, and once more if it forgot all the same.
   */
  async #loadKeysOfBind(zone: string): Promise<void> {
    for (let tries = 1; tries <= MOST_LOOKS; tries++) {
      await until(() => this.#hasNoLookBefore(zone), `${this.maker}: the look at the keys of ${zone} before ends`);
      const from = this.log.length;
      await this.#obeyed('loadkeys', zone);
      await until(() => this.#hasNoLookBefore(zone), `${this.maker}: the look at the keys of ${zone} ends`);
      const log = this.log.slice(from);
      const at = log.search(look(zone));
      if (at >= 0 && announcement(zone).test(log.slice(at))) return;
    }
    throw new Error(`${this.maker}: rndc loadkeys ${zone} was not obeyed ${MOST_LOOKS} times:\n${this.log}`);
  }

  /** True when the next look at the keys is the one that was announced last: none has been asked for since, and none goes on. */
  async #hasNoLookBefore(zone: string): Promise<boolean> {
    const { stdout } = await this.rndc('zonestatus', zone);
    const [, next] = /^next key event: (.*)$/m.exec(stdout) ?? [];
    return next !== undefined && Date.parse(next) / 1000 === this.nextEvent(zone);
  }

  /** @returns what it prints @throws Error when it is refused */
  async #obeyed(...words: string[]): Promise<string> {
    const outcome = await this.rndc(...words);
    if (outcome.code !== 0) throw new Error(`${this.maker}: rndc ${words.join(' ')}: ${outcome.stderr}`);
    return outcome.stdout;
  }

  /** Waits until the server has said once when it will look at the keys of the zone. */
  announced(zone: string): Promise<void> {
    return this.#process.line(announcement(zone));
  }

  /** Waits until the state file of a key has the line. */
  stateLine(zone: string, label: string, line: string): Promise<void> {
    const has = (): boolean => {
      const key = this.keys(zone).find((one) => one.label === label);
      return key !== undefined && keyTexts(this.home, [key], [])[label].state.includes(line);
    };
    return until(has, `${this.maker}: ${zone} ${label} ${line}`);
  }

  /** Unix time of the next event that the server announced when it looked last; undefined: none. */
  nextEvent(zone: string): number | undefined {
    const { log } = this;
    const [last] = [...log.matchAll(new RegExp(look(zone).source, 'gm'))].slice(-1);
    const found = announcement(zone).exec(log.slice(last?.index ?? 0));
    return found ? Math.floor(Date.parse(found[1]) / 1000) : undefined;
  }

  keys(zone: string): FiledKey[] {
    return this.#namesOf(zone).present();
  }

  #namesOf(zone: string): KeyNames {
    const names = this.#names.get(zone) ?? new KeyNames(this.home, zone);
    this.#names.set(zone, names);
    return names;
  }

  tagOf(zone: string, label: string): string {
    const key = this.keys(zone).find((one) => one.label === label);
    if (key === undefined) throw new Error(`${this.maker}: ${zone} has no ${label}`);
    return String(key.tag);
  }

  async picture(zone: string): Promise<ZonePicture> {
    const questions = ['DNSKEY', 'CDS', 'CDNSKEY', 'SOA'].flatMap((type) => [zone, type]);
    const printed = await this.dig('+tcp', '+noall', '+answer', '+dnssec', ...questions);
    const keys = this.keys(zone);
    const all = this.#namesOf(zone).all();
    const status = await this.#obeyed('dnssec', '-status', zone);
    return { files: keyTexts(this.home, keys, all), shown: shownKeys(printed, all), status: statusTexts(status, all) };
  }

  /** The picture once it satisfies. */
  async pictureWhen(zone: string, satisfies: (picture: ZonePicture) => boolean): Promise<ZonePicture> {
    let picture = await this.picture(zone);
    const isGood = async (): Promise<boolean> => satisfies((picture = await this.picture(zone)));
    await until(isGood, `${this.maker}: ${zone} shows what was waited for`);
    return picture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

const look = (zone: string): RegExp =>
  new RegExp(`zone ${zone.replaceAll('.', '\\.')}/IN(?: \\(signed\\))?: reconfiguring zone keys$`, 'm');

const announcement = (zone: string): RegExp =>
  new RegExp(`zone ${zone.replaceAll('.', '\\.')}/IN(?: \\(signed\\))?: next key event: (.*)$`, 'm');

function configure(home: string, ports: Ports, maker: Maker, { policies, zones }: Kept): void {
  for (const name of zones.keys()) {
    const file = `${home}/${name}.db`;
    if (!fs.existsSync(file)) fs.writeFileSync(file, ZONE_DATA);
  }
  const statements = [...zones].map(
    ([name, rest]) => `zone "${name}" { type primary; file "${name}.db"; inline-signing yes; ${rest} };\n`,
  );
  writeConfiguration(home, ports, `${policies}\n${statements.join('')}`, {
    options: maker === 'debian' ? 'dnssec-validation no;' : '',
  });
}
