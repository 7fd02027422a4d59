import { SimulatedClock } from '../../src/base/clock.ts';
import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Log, LogRecord } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import type { AskedParent, AwaitedDs } from '../../src/daemon/asked-parent.ts';
import { DirectoryLocks } from '../../src/daemon/directory-locks.ts';
import { ZoneKeeper } from '../../src/daemon/zone-keeper.ts';
import type { HistoryEvent } from '../../src/history/history-event.ts';
import type { KeyHistory } from '../../src/history/key-history.ts';
import { noHistory } from '../../src/history/key-history.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import { SigningPool } from '../../src/signer/signing-pool.ts';
import type { Simulation, Step } from '../../src/simulate/simulation.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { FILE, zoneConfiguration, zoneText } from '../daemon/keeper-fixture.ts';

/*
 * The events of a zone's keys, once as the daemon tells its history under a simulated clock, once as a simulation has them: the
 * same form for both, so that they can be compared. Keys are numbered by role in the order they are made.
 */

/** "2027-...: zsk #2 zrrsig hidden -> rumoured", times in seconds after the start. */
export type KeyEvent = readonly [at: number, key: string, what: string];

const APEX = mustName('example.');

/** The clock of a host that may be set wrong. */
class WrongClock implements Clock {
  offset = 0;
  readonly #clock: SimulatedClock;

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.offset;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(milliseconds: number, callback: () => void): Timer {
    return this.#clock.after(milliseconds, callback);
  }
}

/** A parent that has what CDS asks for, a while after it appeared, as `simulate` has it. */
class FollowingParent implements AskedParent {
  readonly dsSeen = new Map<string, number>();
  readonly dsGone = new Map<string, number>();
  readonly highestTtl = undefined;
  /** Told when the answers are others than before. */
  changed: () => void = () => undefined;
  /** Nobody asked before this time, by the daemon's clock. */
  askedSince = 0;
  readonly #clock: SimulatedClock;
  readonly #host: Clock;
  readonly #delay: number;
  #awaited: readonly AwaitedDs[] = [];
  /** Since when a key awaits what it awaits, by the daemon's clock. */
  #awaitedSince = new Map<string, number>();
  /** DS RDATA in hexadecimal, and since when it is or is not there. */
  #ds: readonly string[] = [];
  #since = new Map<string, number>();
  #asked = '';

  constructor(clock: SimulatedClock, host: Clock, delay: number) {
    this.#clock = clock;
    this.#host = host;
    this.#delay = delay;
  }

  expect(keys: readonly AwaitedDs[]): void {
    const before = this.#awaited.map(({ id }) => id).join();
    const nameOf = ({ id, awaits }: AwaitedDs): string => `${id} ${awaits}`;
    const since = this.#awaitedSince;
    this.#awaitedSince = new Map(keys.map((one) => [nameOf(one), since.get(nameOf(one)) ?? this.#host.now()]));
    this.#awaited = keys;
    this.#answer();
    // The answer to a new question comes at once.
    const hasNews = keys.map(({ id }) => id).join() !== before && this.dsSeen.size + this.dsGone.size > 0;
    if (hasNews) this.#clock.after(0, () => this.changed());
  }

  askNow(): void {
    this.#answer();
  }

  close(): void {
    this.#awaited = [];
  }

  /** The zone shows these CDS records; no records ask for nothing. */
  look(cds: readonly string[]): void {
    const asked = cds.toSorted().join();
    if (asked === this.#asked) return;
    this.#asked = asked;
    if (cds.length === 0) return;
    this.#clock.after(this.#delay * 1000, () => {
      if (this.#asked !== asked) return;
      const isDelete = asked === '0000000000';
      this.#move(isDelete ? [] : cds);
      this.changed();
    });
  }

  #move(ds: readonly string[]): void {
    const now = this.#clock.now();
    for (const one of new Set([...this.#ds, ...ds]))
      if (this.#ds.includes(one) !== ds.includes(one)) this.#since.set(one, now);
    this.#ds = ds;
    this.#answer();
  }

  get #offset(): number {
    return this.#host.now() - this.#clock.now();
  }

  #answer(): void {
    this.dsSeen.clear();
    this.dsGone.clear();
    for (const { id, dnskey, awaits } of this.#awaited) {
      const ds = Buffer.from(dsRdata(APEX, dnskey, 2)).toString('hex');
      const since = Math.max(this.askedSince, this.#since.get(ds) ?? this.#clock.now()) + this.#offset;
      if (awaits === 'published' && this.#ds.includes(ds)) this.dsSeen.set(id, since);
      const asked = Math.min(this.#awaitedSince.get(`${id} ${awaits}`) ?? -Infinity, this.#host.now());
      if (awaits === 'withdrawn' && !this.#ds.includes(ds)) this.dsGone.set(id, Math.max(since, asked + 1));
    }
  }
}

export interface DaemonRun {
  readonly policy: DnssecPolicy;
  /** Unix seconds. */
  readonly start: number;
  readonly end: number;
  /** The zone's policy from a time on, by `rndc reconfig`. */
  readonly change?: { readonly at: number; readonly policy: DnssecPolicy };
  /** The server is ended, and started again that many seconds later. */
  readonly down?: { readonly at: number; readonly length: number };
  /** The host's clock is wrong for a while. */
  readonly jump?: { readonly at: number; readonly offset: number; readonly length: number };
}

/** What the daemon's own zone keeper tells its history from `start` to `end`. */
export async function daemonEvents(run: DaemonRun): Promise<KeyEvent[]> {
  return eventsOf((await runDaemon(run)).events, run.start);
}

/** Unix times at which the daemon published a version of the zone. */
export async function publishTimes(run: DaemonRun): Promise<number[]> {
  return (await runDaemon(run)).published;
}

/** What the daemon's own zone keeper writes into the log. */
export async function daemonLog(run: DaemonRun): Promise<LogRecord[]> {
  return (await runDaemon(run)).log;
}

async function runDaemon(run: DaemonRun): Promise<KeeperHost> {
  const host = new KeeperHost(run);
  for (const [at, work] of host.appointments()) {
    await host.goOn(at);
    await work();
  }
  await host.goOn(run.end);
  await host.stop();
  return host;
}

/** A host that runs the keeper of one zone. */
class KeeperHost {
  readonly events: HistoryEvent[] = [];
  readonly published: number[] = [];
  readonly log: LogRecord[] = [];
  readonly #run: DaemonRun;
  readonly #clock: SimulatedClock;
  readonly #host: WrongClock;
  readonly #disk = new MemoryDisk({ [FILE]: zoneText(1) });
  readonly #locks = new DirectoryLocks({ disk: this.#disk });
  readonly #parent: FollowingParent;
  #policy: DnssecPolicy;
  #keeper: ZoneKeeper | undefined;

  constructor(run: DaemonRun) {
    this.#run = run;
    this.#clock = new SimulatedClock(run.start);
    this.#host = new WrongClock(this.#clock);
    this.#parent = new FollowingParent(this.#clock, this.#host, run.policy.parentPropagationDelay);
    this.#policy = run.policy;
  }

  /** What is done to it, in order of time. */
  appointments(): [at: number, work: () => Promise<void>][] {
    const { start, change, down, jump } = this.#run;
    const list: [number, () => Promise<void>][] = [[start, () => this.#begin()]];
    if (change !== undefined) list.push([change.at, () => this.#reconfigure(change.policy)]);
    if (down !== undefined) list.push([down.at, () => this.stop()], [down.at + down.length, () => this.#begin()]);
    if (jump !== undefined)
      list.push([jump.at, () => this.#jump(jump.offset)], [jump.at + jump.length, () => this.#jump(0)]);
    return list.toSorted((a, b) => a[0] - b[0]);
  }

  /** Time goes on until `at`. */
  async goOn(at: number): Promise<void> {
    while (this.#clock.now() < at) {
      const timer = this.#clock.nextTimer() ?? at;
      const next = Math.min(at, Math.max(this.#clock.now() + 1, Math.ceil(timer)));
      await this.#clock.advance(next - this.#clock.now());
      await this.#settle();
    }
  }

  async stop(): Promise<void> {
    await this.#keeper?.[Symbol.asyncDispose]();
    this.#keeper = undefined;
    this.#locks[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    const random = new SeededRandom(11 + this.#clock.now());
    const arena = Arena.create(1 << 24, random);
    const log: Log = { write: (record) => void this.log.push(record) };
    const dependencies = { clock: this.#host, disk: this.#disk, log };
    this.#parent.askedSince = this.#clock.now();
    this.#keeper = new ZoneKeeper(
      { zone: ZONE, view: '_default', policy: this.#policy, directory: '/zones' },
      {
        ...dependencies,
        random,
        arena,
        extents: new ExtentPool(arena),
        pool: new SigningPool({ threads: 1 }, { arena }),
        keyStore: new FileKeyStore({ directory: '/zones' }, dependencies),
        locks: this.#locks,
        history: this.#history(),
        published: () => this.published.push(this.#clock.now()),
        askParent: (_zone, changed) => {
          this.#parent.changed = changed;
          return this.#parent;
        },
      },
    );
    await this.#keeper.start();
    await this.#settle();
  }

  async #reconfigure(policy: DnssecPolicy): Promise<void> {
    this.#policy = policy;
    this.#keeper!.reconfigure(ZONE, policy);
    await this.#settle();
  }

  /** Somebody notices: else the daemon would within the hour. */
  async #jump(offset: number): Promise<void> {
    this.#host.offset = offset;
    this.#keeper!.requestKeys();
    await this.#settle();
  }

  async #settle(): Promise<void> {
    const keeper = this.#keeper;
    if (keeper === undefined) return;
    await keeper.idle();
    const reader = keeper.read();
    const rrset = reader.rrset(reader.apexNode, TYPE.CDS);
    const cds = rrset === 0 ? [] : reader.rdataAll(rrset);
    this.#parent.look(cds.map((rdata) => Buffer.from(rdata).toString('hex')));
  }

  /** Events at the time they truly happened. */
  #history(): KeyHistory {
    const record = (events: readonly HistoryEvent[]): void => {
      for (const event of events) this.events.push({ ...event, at: event.at - this.#host.offset });
    };
    return { ...noHistory, record };
  }
}

const ZONE = zoneConfiguration({ parent: { checkds: 'explicit', agents: [{ address: '192.0.2.1', port: 53 }] } });

function eventsOf(events: readonly HistoryEvent[], start: number): KeyEvent[] {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  const made = new Map<string, number>();
  const found: KeyEvent[] = [];
  for (const event of events) {
    const { key, at } = event;
    if (key === undefined) continue;
    if (event.kind === 'generate') {
      const role = key.role.toLowerCase();
      counts.set(role, (counts.get(role) ?? 0) + 1);
      names.set(key.id, `${role} #${counts.get(role)}`);
      made.set(key.id, at);
    }
    const what = wordsOf(event, made.get(key.id) === at);
    if (what !== undefined) found.push([at - start, names.get(key.id) ?? key.id, what]);
  }
  return sorted(found);
}

/** @param isBirth the key was made at this moment: what it begins with is no step */
function wordsOf(event: HistoryEvent, isBirth: boolean): string | undefined {
  switch (event.kind) {
    case 'generate':
      return 'made';
    case 'state':
      return isBirth && event.from === 'hidden' ? undefined : `${event.record} ${event.from} -> ${event.to}`;
    case 'goal':
      return event.to === 'hidden' ? 'retired' : 'kept';
    case 'purge':
      return 'purged';
    default:
      return undefined;
  }
}

/** The same of a simulation. */
export function simulatedEvents({ steps, keys, scenario }: Simulation): KeyEvent[] {
  const nameOf = (id: string): string => keys.find((key) => key.id === id)!.name;
  const found: KeyEvent[] = [];
  for (const step of steps) {
    const what = stepWords(step);
    if (what !== undefined && 'key' in step && step.key !== undefined)
      found.push([step.at - scenario.start, nameOf(step.key), what]);
  }
  return sorted(found);
}

function stepWords(step: Step): string | undefined {
  switch (step.kind) {
    case 'key made':
      return 'made';
    case 'state':
      return `${step.record} ${step.from} -> ${step.to}`;
    case 'key retired':
      return 'retired';
    case 'key kept':
      return 'kept';
    case 'key purged':
      return 'purged';
    default:
      return undefined;
  }
}

function sorted(events: readonly KeyEvent[]): KeyEvent[] {
  return events.toSorted((a, b) => a[0] - b[0] || compare(a[1], b[1]) || compare(a[2], b[2]));
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
