import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog, silentLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import type { DnssecPolicy, ZoneConfiguration } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { DirectoryLocks } from '../../src/daemon/directory-locks.ts';
import { ZoneKeeper } from '../../src/daemon/zone-keeper.ts';
import type { ZoneUpkeepDependencies } from '../../src/daemon/zone-upkeep.ts';
import { MemoryHistory } from '../../src/history/memory-history.ts';
import { FileKeyStore, type FileKeyStoreDependencies } from '../../src/keys/file-key-store.ts';
import { SigningPool } from '../../src/signer/signing-pool.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import type { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

export const START = Date.UTC(2026, 10, 21) / 1000;
export const FILE = '/zones/example.db';

export function zoneText(serial: number, ...lines: string[]): string {
  return [
    '$TTL 300',
    `@ SOA ns1 host ${serial} 3600 600 86400 300`,
    '@ NS ns1',
    'ns1 A 127.0.0.1',
    'sub NS ns.sub',
    'ns.sub A 192.0.2.9',
    '*.wild TXT "any"',
    ...lines,
    '',
  ].join('\n');
}

export function zoneConfiguration(over: Partial<ZoneConfiguration> = {}): ZoneConfiguration {
  const nobody = [{ kind: 'none', negated: false }] as const;
  return {
    name: 'example.',
    type: 'primary',
    file: FILE,
    masterfileFormat: 'text',
    inlineSigning: true,
    policy: 'default',
    keyDirectory: '/zones',
    allowQuery: nobody,
    allowTransfer: nobody,
    notify: 'yes',
    alsoNotify: [],
    serialUpdateMethod: 'increment',
    maxZoneTtl: undefined,
    statistics: 'terse',
    position: { file: 'named.conf', line: 1, column: 1 },
    ...over,
  };
}

export interface World {
  readonly clock: SimulatedClock;
  readonly disk: MemoryDisk;
  readonly log: MemoryLog;
  readonly history: MemoryHistory;
  readonly arena: Arena;
  readonly keeper: ZoneKeeper;
  /** Serials that were published, in order. */
  readonly published: number[];
  /** Lines of the log since the last call. */
  news(): string[];
  /** Moves the clock and lets the keeper do what is due, hour by hour. */
  advance(seconds: number): Promise<void>;
}

/** Octets. */
const MEMORY = 16 * 2 ** 20;

/** A keeper on a simulated clock and a disk in memory. All that is real is the code between them. */
export function makeWorld(
  options: {
    disk?: MemoryDisk;
    clock?: SimulatedClock;
    zone?: ZoneConfiguration;
    policy?: DnssecPolicy | 'none';
    memory?: number;
    seed?: number;
    askParent?: ZoneUpkeepDependencies['askParent'];
    /** What the key store has beside disk, clock and log. */
    keys?: Pick<FileKeyStoreDependencies, 'search' | 'generate'>;
  } = {},
): World {
  const clock = options.clock ?? new SimulatedClock(START);
  const disk = options.disk ?? new MemoryDisk();
  if (options.disk === undefined) disk.put(FILE, zoneText(1));
  const log = new MemoryLog();
  const history = new MemoryHistory();
  const random = new SeededRandom(options.seed ?? 7);
  const arena = Arena.create(options.memory ?? MEMORY, random);
  const published: number[] = [];
  const policy = options.policy === 'none' ? undefined : (options.policy ?? DEFAULT_POLICY);
  const keeper = new ZoneKeeper(
    { zone: options.zone ?? zoneConfiguration(), view: '_default', policy, directory: '/zones' },
    {
      clock,
      disk,
      log,
      random,
      arena,
      extents: new ExtentPool(arena),
      // One thread: the calling one signs, so that everything happens at its simulated moment.
      pool: new SigningPool({ threads: 1 }, { arena }),
      keyStore: new FileKeyStore({ directory: '/zones' }, { disk, clock, log: silentLog, ...options.keys }),
      locks: new DirectoryLocks({ disk }),
      history,
      ...(options.askParent && { askParent: options.askParent }),
      published: (one) => published.push(one.read().serial),
    },
  );
  return {
    clock,
    disk,
    log,
    history,
    arena,
    keeper,
    published,
    news: () => log.records.splice(0).map(({ text }) => text),
    advance: async (seconds) => {
      const end = clock.now() + seconds;
      while (clock.now() < end && !disk.crashed) {
        const next = Math.min(end, Math.max(clock.now() + 1, Math.ceil(clock.nextTimer() ?? end)));
        await clock.advance(next - clock.now());
        await keeper.idle();
      }
    },
  };
}

/** Faults that a validator would see in what is served now. */
export async function faultsOf({ arena, keeper, clock }: World): Promise<string[]> {
  const verdict = await verifyZone(arena, keeper.store.current(), { now: clock.now(), ignoreKskFlag: true });
  return verdict.faults.filter(({ severity }) => severity === 'error').map(({ text }) => text);
}

/** Earliest expiration and inception of all signatures, in Unix seconds. */
export function signatureSpan(reader: ZoneReader): { expiration: number; inception: number; count: number } {
  const span = { expiration: Infinity, inception: Infinity, count: 0 };
  const look = (node: number): void => {
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
        span.expiration = Math.min(span.expiration, reader.signatureExpiration(at));
        span.inception = Math.min(span.inception, reader.signatureInception(at));
        span.count++;
      }
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) look(node);
  return span;
}
