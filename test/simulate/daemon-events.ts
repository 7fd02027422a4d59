import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import type { AskedParent, AwaitedDs } from '../../src/daemon/asked-parent.ts';
import { DirectoryLocks } from '../../src/daemon/directory-locks.ts';
import { ZoneKeeper } from '../../src/daemon/zone-keeper.ts';
import type { HistoryEvent } from '../../src/history/history-event.ts';
import { MemoryHistory } from '../../src/history/memory-history.ts';
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

/** A parent that has what CDS asks for, a while after it appeared, as `simulate` has it. */
class FollowingParent implements AskedParent {
  readonly dsSeen = new Map<string, number>();
  readonly dsGone = new Map<string, number>();
  readonly highestTtl = undefined;
  readonly #clock: SimulatedClock;
  readonly #delay: number;
  readonly #changed: () => void;
  #awaited: readonly AwaitedDs[] = [];
  /** DS RDATA in hexadecimal, and since when it is or is not there. */
  #ds: readonly string[] = [];
  #since = new Map<string, number>();
  #asked: string;

  constructor(clock: SimulatedClock, delay: number, changed: () => void) {
    this.#clock = clock;
    this.#delay = delay;
    this.#changed = changed;
    this.#asked = '';
  }

  expect(keys: readonly AwaitedDs[]): void {
    this.#awaited = keys;
    this.#answer();
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
      this.#changed();
    });
  }

  #move(ds: readonly string[]): void {
    const now = this.#clock.now();
    for (const one of new Set([...this.#ds, ...ds]))
      if (this.#ds.includes(one) !== ds.includes(one)) this.#since.set(one, now);
    this.#ds = ds;
    this.#answer();
  }

  #answer(): void {
    this.dsSeen.clear();
    this.dsGone.clear();
    for (const { id, dnskey, awaits } of this.#awaited) {
      const ds = Buffer.from(dsRdata(APEX, dnskey, 2)).toString('hex');
      const since = this.#since.get(ds) ?? this.#clock.now();
      if (awaits === 'published' && this.#ds.includes(ds)) this.dsSeen.set(id, since);
      if (awaits === 'withdrawn' && !this.#ds.includes(ds)) this.dsGone.set(id, since);
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
}

/** What the daemon's own zone keeper tells its history from `start` to `end`. */
export async function daemonEvents({ policy, start, end, change }: DaemonRun): Promise<KeyEvent[]> {
  const clock = new SimulatedClock(start);
  const disk = new MemoryDisk({ [FILE]: zoneText(1) });
  const log = new MemoryLog();
  const history = new MemoryHistory();
  const random = new SeededRandom(11);
  const arena = Arena.create(1 << 24, random);
  const zone = zoneConfiguration({ parent: { checkds: 'explicit', agents: [{ address: '192.0.2.1', port: 53 }] } });
  const parents: FollowingParent[] = [];
  await using keeper = new ZoneKeeper(
    { zone, view: '_default', policy, directory: '/zones' },
    {
      clock,
      disk,
      log,
      random,
      arena,
      extents: new ExtentPool(arena),
      pool: new SigningPool({ threads: 1 }, { arena }),
      keyStore: new FileKeyStore({ directory: '/zones' }, { disk, clock, log }),
      locks: new DirectoryLocks({ disk }),
      history,
      published: () => undefined,
      askParent: (_zone, changed) => {
        const parent = new FollowingParent(clock, policy.parentPropagationDelay, changed);
        parents.push(parent);
        return parent;
      },
    },
  );
  await keeper.start();
  const cds = (): string[] => {
    const reader = keeper.read();
    const rrset = reader.rrset(reader.apexNode, TYPE.CDS);
    return rrset === 0 ? [] : reader.rdataAll(rrset).map((rdata) => Buffer.from(rdata).toString('hex'));
  };
  parents.at(-1)!.look(cds());
  let isChanged = false;
  while (clock.now() < end) {
    if (change !== undefined && !isChanged && clock.now() >= change.at) {
      isChanged = true;
      keeper.reconfigure(zone, change.policy);
      await keeper.idle();
      parents.at(-1)!.look(cds());
    }
    const stop = isChanged || change === undefined ? end : Math.min(end, change.at);
    const next = Math.min(stop, Math.max(clock.now() + 1, Math.ceil(clock.nextTimer() ?? stop)));
    await clock.advance(next - clock.now());
    await keeper.idle();
    if (clock.now() > end) break;
    parents.at(-1)!.look(cds());
  }
  const events = history.read({ limit: 10_000 }).map(({ event }) => event);
  return eventsOf(events, start);
}

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
