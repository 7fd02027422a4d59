import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { KaspServer, type Maker, type ZonePicture } from './kasp-server.ts';
import { MovedClock } from './moved-clock.ts';
import { temporaryDirectory } from './serve-peers.ts';

/*
 * Two servers, one clock. Each step moves the clock to the next moment that one of them has announced, that the parent acts or that a
 * scenario gives an order, lets both look at their keys, and compares all that they show. The parent does what CDS asks for, after a while.
 */

export const DAY = 86_400;
export const HOUR = 3600;

/** Unix time at which every scenario begins; the clock of the machine has no say. */
const START = 1_900_000_000;

/** BIND looks again after an hour when it knows no better: no event. */
const POLL = HOUR;

export interface Scenario {
  readonly policies: string;
  /** Beside type and file in the zone's statement. */
  readonly zone: string;
  /** Seconds after the start at which it ends. */
  readonly end: number;
  /** Seconds from CDS to the command that tells of the DS; undefined: the parent does nothing. */
  readonly parentDelay?: number;
  /** What an operator does, by seconds after the start. */
  readonly orders?: readonly Order[];
  /** What the keys must have gone through, or the comparison has proved nothing: by label, in the order of events. */
  readonly made: readonly string[];
}

export interface Order {
  readonly after: number;
  readonly give: (server: KaspServer, zone: string) => Promise<void>;
}

/** What became of a scenario. */
export interface Comparison {
  readonly steps: readonly Step[];
  /** Labels of all keys that were made. */
  readonly made: readonly string[];
  /** The first step in which the two did not agree, with both pictures. */
  readonly difference: { readonly at: number; readonly pictures: readonly ZonePicture[] } | undefined;
}

export interface Step {
  /** Seconds after the start. */
  readonly at: number;
  readonly why: string;
  readonly picture: ZonePicture;
}

/** How many steps a scenario may take. */
const MOST_STEPS = 400;
const ZONE = 'kept.example';

/** Who keeps a zone: one named all the time, or both by turns, with the same files: a change after each step. */
export type Keeping = Maker | readonly [Maker, 'by turns'];

export async function compareServers(keepings: readonly Keeping[], scenario: Scenario): Promise<Comparison> {
  using clock = new MovedClock(START);
  using directory = temporaryDirectory();
  const zones = new Map([[ZONE, scenario.zone]]);
  const servers: KaspServer[] = [];
  try {
    for (const [i, keeping] of keepings.entries()) {
      const maker = typeof keeping === 'string' ? keeping : keeping[0];
      const kept = { policies: scenario.policies, zones };
      servers.push(await KaspServer.start(path.join(directory.path, `${i}`), maker, kept));
    }
    const byTurns = servers.filter((_, i) => typeof keepings[i] !== 'string');
    return await new Walk(scenario, servers, clock, byTurns).run();
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

interface Appointment {
  readonly at: number;
  readonly why: string;
  readonly keep: (server: KaspServer) => Promise<void>;
}

class Walk {
  readonly #scenario: Scenario;
  readonly #servers: readonly KaspServer[];
  readonly #clock: MovedClock;
  /** Those that hand over to the other maker after each step. */
  readonly #byTurns: readonly KaspServer[];
  readonly #steps: Step[] = [];
  readonly #made = new Set<string>();
  #appointments: Appointment[];
  /** Labels of keys whose DS the parent has, or will have. */
  #ds = new Set<string>();

  constructor(scenario: Scenario, servers: readonly KaspServer[], clock: MovedClock, byTurns: readonly KaspServer[]) {
    this.#byTurns = byTurns;
    this.#scenario = scenario;
    this.#servers = servers;
    this.#clock = clock;
    this.#appointments = (scenario.orders ?? []).map(({ after, give }) => ({
      at: START + after,
      why: 'order',
      keep: (server) => give(server, ZONE),
    }));
  }

  async run(): Promise<Comparison> {
    const end = START + this.#scenario.end;
    for (let why = 'start'; this.#steps.length < MOST_STEPS;) {
      await this.#each((server) => server.loadKeys(ZONE));
      let pictures = await this.#pictures();
      if (!agree(pictures)) return this.#result(pictures);
      this.#note(why, pictures[0]);
      const due = this.#appointments.filter(({ at }) => at <= this.#clock.now);
      this.#appointments = this.#appointments.filter(({ at }) => at > this.#clock.now);
      if (due.length > 0) {
        for (const { keep } of due) await this.#each(keep);
        await this.#each((server) => server.loadKeys(ZONE));
        pictures = await this.#pictures();
        if (!agree(pictures)) return this.#result(pictures);
        this.#note(due.map((one) => one.why).join(', '), pictures[0]);
      }
      const next = this.#next();
      if (next > end) return this.#result();
      if (this.#byTurns.length > 0) {
        await Promise.all(this.#byTurns.map((server) => server.handOver()));
        pictures = await this.#pictures();
        if (!agree(pictures)) return this.#result(pictures);
      }
      why = this.#appointments.some(({ at }) => at === next) ? 'appointment' : 'event';
      this.#clock.moveTo(next);
    }
    throw new Error(`no end after ${MOST_STEPS} steps`);
  }

  async #each(work: (server: KaspServer) => Promise<void>): Promise<void> {
    await Promise.all(this.#servers.map(work));
  }

  /** Both pictures once they are equal, or as they are when they do not come to be. */
  async #pictures(): Promise<ZonePicture[]> {
    const take = (): Promise<ZonePicture[]> => Promise.all(this.#servers.map((server) => server.picture(ZONE)));
    let pictures = await take();
    for (let tries = 0; tries < 40 && !agree(pictures); tries++) {
      await delay(100);
      pictures = await take();
    }
    return pictures;
  }

  #note(why: string, picture: ZonePicture): void {
    this.#steps.push({ at: this.#clock.now - START, why, picture });
    for (const label of Object.keys(picture.files)) this.#made.add(label);
    this.#letParentSee(picture.shown.cds);
  }

  /** The parent follows CDS (RFC 7344 section 4.1): what is asked for comes, what is not asked for any more goes. */
  #letParentSee(cds: readonly string[]): void {
    const { parentDelay } = this.#scenario;
    if (parentDelay === undefined || cds.length === 0) return;
    const wanted = new Set(cds.map((one) => one.split(' ')[1]).filter((label) => label !== 'delete'));
    const tell = (label: string, what: string): void => {
      const keep = async (server: KaspServer): Promise<void> => {
        const { code, stderr } = await server.rndc('dnssec', '-checkds', '-key', server.tagOf(ZONE, label), what, ZONE);
        if (code !== 0) throw new Error(`${server.maker}: checkds ${what}: ${stderr}`);
      };
      this.#appointments.push({ at: this.#clock.now + parentDelay, why: `DS of ${label} ${what}`, keep });
    };
    for (const label of wanted) if (!this.#ds.has(label)) tell(label, 'published');
    for (const label of this.#ds) if (!wanted.has(label)) tell(label, 'withdrawn');
    this.#ds = wanted;
  }

  #next(): number {
    const { now } = this.#clock;
    const announced = this.#servers.flatMap((server) => server.nextEvent(ZONE) ?? []);
    const moments = [
      ...announced.filter((time) => time > now && time !== now + POLL),
      ...this.#appointments.map(({ at }) => at),
    ];
    return Math.min(...moments);
  }

  #result(pictures?: readonly ZonePicture[]): Comparison {
    const difference = pictures && { at: this.#clock.now - START, pictures };
    return { steps: this.#steps, made: [...this.#made], difference };
  }
}

const agree = ([first, ...rest]: readonly ZonePicture[]): boolean =>
  rest.every((other) => isDeepStrictEqual(first, other));
