import type { Timer } from '../base/clock.ts';
import { randomBelow } from '../base/random.ts';
import { type Agent, type AgentAnswer, agentText, askedFrom } from './agent.ts';
import type { AskQueue } from './ask-queue.ts';
import { mentionsKey, publishesKey } from './ds-match.ts';
import { parentEvent } from './events.ts';
import type { AgentReport, ParentWatchDependencies, WatchedKey, ZoneParent, ZoneToWatch } from './parent-watch.ts';

interface WatchedZoneOptions extends ZoneToWatch {
  readonly leastWait: number;
  readonly mostWait: number;
}

interface WatchedZoneDependencies extends ParentWatchDependencies {
  readonly queue: AskQueue;
  readonly changed: () => void;
}

const GIVEN_UP = { kind: 'fault', fault: 'the question was given up' } as const;

/** One round: what each agent said, in the order of the agents. */
interface Round {
  readonly agents: readonly Agent[];
  readonly answers: readonly AgentAnswer[];
}

/** Why there is nobody to ask. */
interface Unknown {
  readonly fault: string;
}

/** The rounds of questions of one zone: one at a time, the next as long after it as the DS may be kept. */
export class WatchedZone implements ZoneParent {
  readonly dsSeen = new Map<string, number>();
  readonly dsGone = new Map<string, number>();
  highestTtl: number | undefined;
  report: readonly AgentReport[] = [];
  fault: string | undefined;
  asked: number | undefined;
  next: number | undefined;
  readonly #options: WatchedZoneOptions;
  readonly #dependencies: WatchedZoneDependencies;
  readonly #ended = Promise.withResolvers<void>();
  #keys: readonly WatchedKey[] = [];
  /** Since when a key awaits what it awaits. */
  #since = new Map<string, number>();
  #timer: Timer | undefined;
  /** Ends the questions of the round that is under way. */
  #round: AbortController | undefined;
  #isClosed = false;
  /** Rounds in a row in which an agent's answer did not count. */
  #failures = 0;
  /** What was logged of each agent last. */
  #told = new Map<string, string>();

  constructor(options: WatchedZoneOptions, dependencies: WatchedZoneDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** Resolves when it is closed and nothing is under way any more. */
  get closed(): Promise<void> {
    return this.#ended.promise;
  }

  expect(keys: readonly WatchedKey[]): void {
    if (this.#isClosed) return;
    const before = new Map(this.#keys.map(({ id, awaits }) => [id, awaits]));
    const now = this.#dependencies.clock.now();
    const since = (one: WatchedKey): number | undefined =>
      before.get(one.id) === one.awaits ? this.#since.get(one.id) : undefined;
    this.#since = new Map(keys.map((one) => [one.id, since(one) ?? now]));
    this.#keys = keys;
    for (const [known, awaits] of [[this.dsSeen, 'published'] as const, [this.dsGone, 'withdrawn'] as const])
      for (const id of known.keys()) if (!keys.some((key) => key.id === id && key.awaits === awaits)) known.delete(id);
    if (keys.length === 0) this.#rest();
    else if (keys.some(({ id, awaits }) => before.get(id) !== awaits)) this.askNow();
  }

  askNow(): void {
    if (this.#isClosed || this.#keys.length === 0) return;
    this.#timer?.cancel();
    // A round that has begun may have asked before the key was there.
    this.#round?.abort();
    const round = new AbortController();
    this.#round = round;
    this.next = undefined;
    void this.#ask(round);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const isBusy = this.#round !== undefined;
    this.#rest();
    if (!isBusy) this.#ended.resolve();
  }

  /** Nothing waits: nothing is asked. */
  #rest(): void {
    this.#timer?.cancel();
    this.#round?.abort();
    this.next = undefined;
    this.#failures = 0;
    this.#told.clear();
  }

  async #ask(round: AbortController): Promise<void> {
    const agents = await this.#agents(round.signal);
    const result = 'fault' in agents ? agents : await this.#askAll(agents, round.signal);
    // Another round has begun, or nobody wants to know.
    if (this.#round !== round) return;
    this.#round = undefined;
    if (this.#isClosed) return this.#ended.resolve();
    if (!round.signal.aborted) this.#finish(result);
  }

  async #agents(signal: AbortSignal): Promise<readonly Agent[] | Unknown> {
    const { agents, apex, sources = {} } = this.#options;
    const { asker, queue } = this.#dependencies;
    const found =
      agents ?? (await queue.run(signal, async () => (signal.aborted ? GIVEN_UP : asker.findAgents(apex, signal))));
    return 'fault' in found ? found : found.map((agent) => askedFrom(agent, sources));
  }

  async #askAll(agents: readonly Agent[], signal: AbortSignal): Promise<Round> {
    const { asker, queue, log } = this.#dependencies;
    const { apex, label } = this.#options;
    const answers = await Promise.all(
      agents.map((agent) =>
        queue.run(signal, async () => {
          if (signal.aborted) return GIVEN_UP;
          log.write(parentEvent.asking(label, agentText(agent)));
          return asker.ask(apex, agent, signal);
        }),
      ),
    );
    return { agents, answers };
  }

  #finish(result: Round | Unknown): void {
    const before = this.#knowledge();
    this.asked = this.#dependencies.clock.now();
    this.#tellFault('fault' in result ? result.fault : undefined);
    this.report = 'fault' in result ? [] : this.#reports(result, this.asked);
    const isComplete = !('fault' in result) && this.report.every(({ fault }) => fault === undefined);
    this.#failures = isComplete ? 0 : this.#failures + 1;
    for (const key of this.#keys) this.#conclude(key, isComplete);
    for (const one of this.report) this.#tell(one);
    this.#schedule('fault' in result ? [] : result.answers);
    if (this.#knowledge() !== before) this.#dependencies.changed();
  }

  #tellFault(fault: string | undefined): void {
    if (fault !== undefined && fault !== this.fault)
      this.#dependencies.log.write(parentEvent.noAgents(this.#options.label, fault));
    this.fault = fault;
  }

  #reports({ agents, answers }: Round, at: number): AgentReport[] {
    const { apex, label } = this.#options;
    return agents.map((address, i) => {
      const agent = agentText(address);
      const answer = answers[i];
      if (answer.kind === 'fault') return { agent, at, fault: answer.fault, has: new Map() };
      const { ds, ttl } = answer;
      this.#dependencies.log.write(parentEvent.answered(label, agent, String(ds.length)));
      if (ds.length > 0) this.highestTtl = Math.max(ttl, this.highestTtl ?? 0);
      const has = this.#keys.map(({ id, dnskey, awaits }) => {
        const isThere = awaits === 'published' ? publishesKey(apex, dnskey, ds) : mentionsKey(apex, dnskey, ds);
        return [id, isThere] as const;
      });
      return { agent, at, fault: undefined, has: new Map(has) };
    });
  }

  /** Only what all agents say counts. What was known is forgotten when they no longer agree: parents may go back. */
  #conclude({ id, name, awaits }: WatchedKey, isComplete: boolean): void {
    const [known, wanted, event] =
      awaits === 'published'
        ? ([this.dsSeen, true, parentEvent.seen] as const)
        : ([this.dsGone, false, parentEvent.gone] as const);
    const isSo = isComplete && this.report.every(({ has }) => has.get(id) === wanted);
    // An agent that cannot be reached takes nothing back; one that says otherwise does.
    const isOtherwise = this.report.some(({ has }) => has.get(id) === !wanted);
    if (isOtherwise) known.delete(id);
    if (!isSo) return;
    const isNews = !known.has(id);
    // The first moment with the DS, and the last one without it.
    if (awaits === 'withdrawn') known.set(id, this.#goneAt(id));
    else if (isNews) known.set(id, this.asked ?? 0);
    if (!isNews) return;
    const { log } = this.#dependencies;
    log.write(event(this.#options.label, name, this.report.map(({ agent }) => agent).join(', ')));
  }

  /** The question followed the change that the key is expected for; within the same second that is told by the next one. */
  #goneAt(id: string): number {
    const asked = this.asked ?? 0;
    const since = this.#since.get(id);
    if (since === undefined || since < asked) return asked;
    this.#since.set(id, asked);
    return asked + 1;
  }

  /** Once for each state of an agent. */
  #tell({ agent, fault, has }: AgentReport): void {
    const { log } = this.#dependencies;
    const { label } = this.#options;
    const names = (awaits: WatchedKey['awaits'], wanted: boolean): string =>
      this.#keys.flatMap((key) => (key.awaits === awaits && has.get(key.id) === !wanted ? key.name : [])).join(', ');
    const lacks = names('published', true);
    const keeps = names('withdrawn', false);
    const state = `${fault}|${lacks}|${keeps}`;
    if (this.#told.get(agent) === state) return;
    this.#told.set(agent, state);
    if (fault !== undefined) log.write(parentEvent.bad(label, agent, fault));
    if (lacks !== '') log.write(parentEvent.lacks(label, agent, lacks));
    if (keeps !== '') log.write(parentEvent.keeps(label, agent, keeps));
  }

  /** The parent's own TTL says how often it changes; agents that fail are asked less and less often. */
  #schedule(answers: readonly AgentAnswer[]): void {
    const { clock, random } = this.#dependencies;
    const { leastWait, mostWait } = this.#options;
    const ttl = answers.reduce(
      (least, answer) => (answer.kind === 'DS' ? Math.min(least, answer.ttl) : least),
      mostWait,
    );
    const wanted = this.#failures > 0 ? leastWait * 2 ** Math.min(this.#failures - 1, 20) : ttl;
    const wait = Math.min(mostWait, Math.max(leastWait, wanted));
    // Zones that began together do not ask together for ever.
    const milliseconds = wait * 1000 - randomBelow(random, Math.floor(wait * 100) + 1);
    this.next = clock.now() + Math.ceil(milliseconds / 1000);
    this.#timer = clock.after(milliseconds, () => this.askNow());
  }

  /** What a change of is worth telling. */
  #knowledge(): string {
    const agents = this.report.map(({ agent, fault, has }) => [agent, fault, [...has]]);
    return JSON.stringify([[...this.dsSeen.keys()], [...this.dsGone], agents, this.fault]);
  }
}
