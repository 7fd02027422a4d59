import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Name } from '../wire/name.ts';
import type { Agent, AgentAsker, AgentSources } from './agent.ts';
import { AskQueue } from './ask-queue.ts';
import { WatchedZone } from './watched-zone.ts';

/** A key whose DS matters to its next step. */
export interface WatchedKey {
  readonly id: string;
  /** For people: "example.org/ECDSAP256SHA256/12345 (KSK)". */
  readonly name: string;
  /** RDATA. */
  readonly dnskey: Uint8Array;
  readonly awaits: 'published' | 'withdrawn';
}

/** What the last question to an agent came to. */
export interface AgentReport {
  /** "192.0.2.1#53" */
  readonly agent: string;
  /** Unix seconds. */
  readonly at: number;
  /** Why its answer does not count; undefined: it does. */
  readonly fault: string | undefined;
  /** Whether it has the DS of a key, by the key's id. */
  readonly has: ReadonlyMap<string, boolean>;
}

/** The parent of one zone. Times are Unix seconds. */
export interface ZoneParent {
  /** Replaces the keys that are watched. None: nothing is asked any more. The same once more changes nothing. */
  expect(keys: readonly WatchedKey[]): void;
  /** Asks now, if a key is watched. */
  askNow(): void;
  /** When the DS of a key that awaits it was at all agents, by the key's id. Forgotten when the key is no longer expected. */
  readonly dsSeen: ReadonlyMap<string, number>;
  /** When the DS of a key that awaits its end was at no agent, the last time; later than the second in which the key was expected. */
  readonly dsGone: ReadonlyMap<string, number>;
  /** Largest TTL of the DS RRset that was seen; undefined: none was. */
  readonly highestTtl: number | undefined;
  /** By agent; empty before the first round, and when none is known. */
  readonly report: readonly AgentReport[];
  /** Why no agent is known (`checkds yes`). */
  readonly fault: string | undefined;
  /** End of the last round, beginning of the next. */
  readonly asked: number | undefined;
  readonly next: number | undefined;
  close(): void;
}

/** Whose parent, and who is asked. */
export interface ZoneToWatch {
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
  /** At least one; absent: the parent's name servers are looked for (`checkds yes`). */
  readonly agents?: readonly Agent[];
  readonly sources?: AgentSources;
}

export interface ParentWatchOptions {
  /** Questions under way at once, over all zones. */
  readonly mostQuestions?: number;
  /** Questions begun in a second. BIND 9.18 sends 20. */
  readonly perSecond?: number;
  /** Seconds between two rounds of a zone: the DS RRset's TTL within these bounds. */
  readonly leastWait?: number;
  readonly mostWait?: number;
}

const DEFAULTS = { mostQuestions: 100, perSecond: 100, leastWait: 60, mostWait: 3600 } as const;

export interface ParentWatchDependencies {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly asker: AgentAsker;
}

/** Asks parents whether they have the DS of keys that wait for it. One for all zones of a process. */
export class ParentWatch implements AsyncDisposable {
  readonly #options: Required<ParentWatchOptions>;
  readonly #dependencies: ParentWatchDependencies;
  readonly #queue: AskQueue;
  readonly #zones = new Set<WatchedZone>();

  constructor(options: ParentWatchOptions, dependencies: ParentWatchDependencies) {
    this.#options = { ...DEFAULTS, ...options };
    this.#dependencies = dependencies;
    const { mostQuestions: most, perSecond } = this.#options;
    this.#queue = new AskQueue({ most, perSecond }, dependencies.clock);
  }

  /** Questions of all zones that are under way or wait for their turn. */
  get load(): AskQueue['load'] {
    return this.#queue.load;
  }

  /** @param changed called, never from within a call of this object, when what is known has changed */
  open(zone: ZoneToWatch, changed: () => void): ZoneParent {
    const watched = new WatchedZone(
      { ...this.#options, ...zone },
      { ...this.#dependencies, queue: this.#queue, changed },
    );
    this.#zones.add(watched);
    void watched.closed.then(() => this.#zones.delete(watched));
    return watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const zones = [...this.#zones];
    for (const zone of zones) zone.close();
    await Promise.all(zones.map(({ closed }) => closed));
  }
}
