import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { agree, agreeInTheEnd, buriedBySome } from './kasp-agreement.ts';
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
  /** Seconds after the start from which servers that take turns do. */
  readonly turnsFrom?: number;
  /** Why the way there cannot be compared step by step: only what both have come to at the end is. */
  readonly onlyTheEnd?: string;
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

/** Milliseconds that servers get to come to the same, on a machine that has other work. */
const PATIENCE = 60_000;

/** How many steps a scenario may take. */
const MOST_STEPS = 400;
const ZONE = 'kept.example';

/** Who keeps a zone: one named all the time; both by turns, with the same files, a change after each step; one that is killed after each move of the clock. */
export type Keeping = Maker | readonly [Maker, 'by turns' | 'killed'];

/** Looks at a server once a step is done; `ds` is labels of the keys whose DS the parent has. */
export type Visit = (server: KaspServer, zone: string, ds: readonly string[]) => Promise<void>;

export async function compareServers(
  keepings: readonly Keeping[],
  scenario: Scenario,
  visit: Visit = async () => undefined,
): Promise<Comparison> {
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
    const keptSo = (how: string): KaspServer[] => servers.filter((_, i) => keepings[i][1] === how);
    const [byTurns, killed] = [keptSo('by turns'), keptSo('killed')];
    return await new Walk({ scenario, servers, clock, byTurns, killed, visit }).run();
  } finally {
    for (const server of servers) await server[Symbol.asyncDispose]();
  }
}

interface Appointment {
  readonly at: number;
  readonly why: string;
  readonly keep: () => Promise<void>;
}

interface WalkOptions {
  readonly scenario: Scenario;
  readonly servers: readonly KaspServer[];
  readonly clock: MovedClock;
  /** Those that hand over to the other maker after each step. */
  readonly byTurns: readonly KaspServer[];
  /** Those that are killed in the middle of what a move of the clock has them do. */
  readonly killed: readonly KaspServer[];
  readonly visit: Visit;
}

/** The parent as one server knows it: labels of the keys whose DS it has, and of those whose DS it has been asked for. */
interface Parent {
  readonly ds: Set<string>;
  asked: ReadonlySet<string>;
}

class Walk {
  readonly #scenario: Scenario;
  readonly #servers: readonly KaspServer[];
  readonly #clock: MovedClock;
  readonly #byTurns: readonly KaspServer[];
  readonly #killed: readonly KaspServer[];
  readonly #visit: Visit;
  readonly #steps: Step[] = [];
  readonly #made = new Set<string>();
  #appointments: Appointment[];
  readonly #parents: ReadonlyMap<KaspServer, Parent>;
  #pictures: readonly ZonePicture[] = [];
  #agreed = true;
  /** Keys whose files only some had removed one step ago. */
  #buried: readonly string[] = [];

  constructor(options: WalkOptions) {
    this.#scenario = options.scenario;
    this.#servers = options.servers;
    this.#clock = options.clock;
    this.#byTurns = options.byTurns;
    this.#killed = options.killed;
    this.#visit = options.visit;
    this.#parents = new Map(options.servers.map((server) => [server, { ds: new Set<string>(), asked: new Set() }]));
    this.#appointments = (options.scenario.orders ?? []).map(({ after, give }) => ({
      at: START + after,
      why: 'order',
      keep: () => this.#each((server) => give(server, ZONE)),
    }));
  }

  async run(): Promise<Comparison> {
    const end = START + this.#scenario.end;
    for (let why = 'start'; this.#steps.length < MOST_STEPS;) {
      if (!(await this.#step(why))) return this.#result();
      const due = this.#appointments.filter(({ at }) => at <= this.#clock.now);
      this.#appointments = this.#appointments.filter(({ at }) => at > this.#clock.now);
      for (const { keep } of due) await keep();
      if (due.length > 0 && !(await this.#step(due.map((one) => one.why).join(', ')))) return this.#result();
      const next = this.#next();
      if (next > end) return this.#result();
      if (this.#byTurns.length > 0 && next - START >= (this.#scenario.turnsFrom ?? 0)) {
        await Promise.all(this.#byTurns.map((server) => server.handOver()));
        this.#pictures = await this.#take();
        if (!this.#agreed) return this.#result();
      }
      why = this.#appointments.some(({ at }) => at === next) ? 'appointment' : 'event';
      this.#clock.moveTo(next);
      // After another while each time: before it notices, while it writes, when it has done.
      const instant = (this.#steps.length * 37) % 150;
      await Promise.all(this.#killed.map((server) => server.killAfter(instant)));
    }
    throw new Error(`no end after ${MOST_STEPS} steps`);
  }

  /** Lets all look at their keys and compares; false: they differ. */
  async #step(why: string): Promise<boolean> {
    await this.#each((server) => server.loadKeys(ZONE));
    this.#pictures = await this.#take();
    if (!this.#agreed && this.#scenario.onlyTheEnd === undefined) return false;
    await this.#note(why, this.#pictures);
    return true;
  }

  async #each(work: (server: KaspServer) => Promise<void>): Promise<void> {
    await Promise.all(this.#servers.map(work));
  }

  /** All pictures once they agree, or as they are when they do not come to; at once where they need not agree on the way. */
  async #take(): Promise<ZonePicture[]> {
    const pictures = await this.#takeUntil(this.#scenario.onlyTheEnd === undefined ? agree : () => true);
    const buried = buriedBySome(pictures);
    this.#agreed = agree(pictures) && !buried.some((label) => this.#buried.includes(label));
    this.#buried = buried;
    return pictures;
  }

  /** Signatures follow a look at the keys in their own time, so a picture that differs is no difference yet. */
  async #takeUntil(isGood: (pictures: readonly ZonePicture[]) => boolean): Promise<ZonePicture[]> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const pictures = await Promise.all(this.#servers.map((server) => server.picture(ZONE)));
      if (isGood(pictures) || Date.now() > end) return pictures;
      await delay(100);
    }
  }

  async #note(why: string, pictures: readonly ZonePicture[]): Promise<void> {
    this.#steps.push({ at: this.#clock.now - START, why, picture: pictures[0] });
    for (const label of Object.keys(pictures[0].files)) this.#made.add(label);
    for (const [i, server] of this.#servers.entries()) this.#letParentSee(server, pictures[i].shown.cds);
    await this.#each((server) => this.#visit(server, ZONE, [...this.#parents.get(server)!.ds]));
  }

  /** The parent follows CDS (RFC 7344 section 4.1): what is asked for comes, what is not asked for any more goes. */
  #letParentSee(server: KaspServer, cds: readonly string[]): void {
    const { parentDelay } = this.#scenario;
    if (parentDelay === undefined || cds.length === 0) return;
    const parent = this.#parents.get(server)!;
    const wanted = new Set(cds.map((one) => one.split(' ')[1]).filter((label) => label !== 'delete'));
    const tell = (label: string, what: 'published' | 'withdrawn'): void => {
      const keep = async (): Promise<void> => {
        const { code, stderr } = await server.rndc('dnssec', '-checkds', '-key', server.tagOf(ZONE, label), what, ZONE);
        if (code !== 0) throw new Error(`${server.maker}: checkds ${what}: ${stderr}`);
        if (what === 'published') parent.ds.add(label);
        else parent.ds.delete(label);
      };
      this.#appointments.push({ at: this.#clock.now + parentDelay, why: `DS of ${label} ${what}`, keep });
    };
    for (const label of wanted) if (!parent.asked.has(label)) tell(label, 'published');
    for (const label of parent.asked) if (!wanted.has(label)) tell(label, 'withdrawn');
    parent.asked = wanted;
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

  async #result(): Promise<Comparison> {
    const isToTheEnd = this.#scenario.onlyTheEnd !== undefined;
    if (isToTheEnd) this.#pictures = await this.#takeUntil(agreeInTheEnd);
    const isGood = isToTheEnd ? agreeInTheEnd(this.#pictures) : this.#agreed;
    const difference = isGood ? undefined : { at: this.#clock.now - START, pictures: this.#pictures };
    return { steps: this.#steps, made: [...this.#made], difference };
  }
}
