import { durationText } from '../base/duration-text.ts';
import { SignetError } from '../base/error.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { manualSteps, stepName } from '../policy/key-wait.ts';
import type { Observations, ServedTtl } from '../policy/observations.ts';
import { plan } from '../policy/plan.ts';
import type { KeyAction, Plan } from '../policy/plan.ts';
import { changeOf, isTakenUp } from '../policy/planned-key.ts';
import { publicationOf } from '../policy/publication.ts';
import { requestRollover } from '../policy/requests.ts';
import { refreshMargin } from '../policy/signature-times.ts';
import { Caches } from './caches.ts';
import type { DataSigners } from './caches.ts';
import { dsAtStart, KeyLives, roleOf } from './key-lives.ts';
import { Parent } from './parent.ts';
import { SignatureRounds } from './signature-rounds.ts';
import type { RenewalTerms } from './signature-rounds.ts';
import type { KeyRole, Scenario, Signers, Simulation } from './simulation.ts';
import { tagRangeText } from './words.ts';
import { StepLog } from './step-log.ts';
import { summarize } from './summarize.ts';
import { World } from './world.ts';

/** Plans that follow each other at one moment: making keys is followed by a plan that knows them. */
const MOST_ROUNDS = 16;
/** Moments of one simulation: five years of a zone whose ZSKs live for a day are some twenty thousand. */
const MOST_MOMENTS = 50_000;
/** Keys that there are at once, those among them that wait for purge-keys. */
const MOST_KEYS = 300;
/** Seconds until the operator of a policy in manual mode gives `rndc dnssec -step`. */
const STEPS_AFTER = 86_400;

export interface SimulationDependencies {
  /** What decides; the daemon's own planner, unless a test has another. */
  readonly plan: typeof plan;
}

/**
 * What becomes of a zone's keys, its DS and its signatures. The same `plan` as the daemon's decides; time goes from one event to
 * the next. Pure. @throws SignetError SIMULATION_LONG when the policy's times are too short for the time that is asked for
 */
export function simulate(scenario: Scenario, dependencies: SimulationDependencies = { plan }): Simulation {
  return new Run(scenario, dependencies).run();
}

interface Appointment {
  readonly at: number;
  readonly do: (now: number) => void;
}

class Run {
  readonly #planner: typeof plan;
  readonly #scenario: Scenario;
  readonly #lives: KeyLives;
  readonly #parent: Parent;
  readonly #world: World;
  readonly #caches: Caches;
  readonly #log = new StepLog();
  readonly #data = new SignatureRounds('zone data');
  readonly #keyData = new SignatureRounds('key records');
  readonly #signersSince: Signers[] = [];
  readonly #ds: { from: number; keys: readonly string[] }[] = [];
  #agenda: Appointment[];
  #policy: DnssecPolicy;
  /** What the configuration says by now; the daemon reads it when it runs. */
  #wanted: DnssecPolicy;
  #plan: Plan | undefined;
  /** When the operator looks at what waits for a step; undefined: nothing does. */
  #stepAt: number | undefined;
  #allowed: ReadonlySet<string> = new Set();
  #isDown = false;
  #downSince = -Infinity;
  #upSince: number;
  #offset = 0;
  #isSigned = false;
  #cds = '';
  #dnskey = '';

  constructor(scenario: Scenario, dependencies: SimulationDependencies) {
    this.#planner = dependencies.plan;
    const { keys, start, policy } = scenario;
    this.#scenario = scenario;
    this.#lives = new KeyLives(keys, start);
    const ds = dsAtStart(keys, start);
    this.#parent = new Parent(ds, start);
    this.#world = new World(scenario);
    const { signsKeys, signsZone } = publicationOf(keys, start);
    // A CSK whose files have no state is known by its flags only, as one that signs keys.
    this.#isSigned = signsKeys.length > 0 || signsZone.length > 0;
    this.#caches = new Caches(this.#lives.algorithmOf, this.#isSigned);
    this.#policy = policy;
    this.#wanted = policy;
    this.#upSince = start;
    this.#agenda = this.#appointments().toSorted((a, b) => a.at - b.at);
    this.#ds.push({ from: start, keys: ds });
    if (ds.length > 0) this.#caches.serveDs(ds, start, start, 0);
    if (this.#isSigned) for (const rounds of [this.#data, this.#keyData]) rounds.signAll(start, this.#terms(start));
  }

  run(): Simulation {
    const { end } = this.#scenario;
    let now = this.#scenario.start;
    for (let moments = 0; now <= end; moments++) {
      if (moments === MOST_MOMENTS || this.#lives.keys.length > MOST_KEYS) throw tooLong(this.#scenario, now);
      this.#moment(now);
      now = Math.max(now + 1, this.#next(now));
    }
    return this.#finish();
  }

  /** Everything that happens at `now`, what is outside first. */
  #moment(now: number): void {
    while (this.#agenda.length > 0 && this.#agenda[0].at <= now) this.#agenda.shift()!.do(now);
    while ((this.#parent.next ?? Infinity) <= now) this.#advanceParent(now);
    if (!this.#isDown) this.#upkeep(now);
  }

  #next(now: number): number {
    const moments = [this.#agenda[0]?.at, this.#parent.next];
    if (!this.#isDown) {
      const { nextEvent } = this.#plan!;
      moments.push(nextEvent === undefined ? undefined : nextEvent - this.#offset, ...this.#lastSignatures(now));
      moments.push(this.#stepAt);
      for (const rounds of [this.#data, this.#keyData]) moments.push(rounds.next(this.#terms(now)));
    }
    return Math.min(...moments.map((at) => at ?? Infinity));
  }

  /** What the daemon does when it looks at the zone. */
  #upkeep(now: number): void {
    if (this.#wanted !== this.#policy) this.#changePolicy(now);
    if (this.#stepAt !== undefined && this.#stepAt <= now) this.#step();
    this.#decide(now);
    this.#publish(now);
    const terms = this.#terms(now);
    for (const rounds of [this.#data, this.#keyData]) if (rounds.isDue(now, terms)) rounds.renew(now, terms);
  }

  /** `rndc dnssec -step`: exactly what waits for it. */
  #step(): void {
    this.#allowed = new Set(manualSteps(this.#plan?.waits ?? []).map(stepName));
    this.#stepAt = undefined;
  }

  #decide(now: number): void {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const made = this.#planner(this.#policy, this.#lives.keys, this.#observations(now), now + this.#offset);
      this.#plan = made;
      if (made.actions.length === 0) {
        this.#log.see(made.waits, now);
        this.#allowed = new Set();
        this.#stepAt = manualSteps(made.waits).length === 0 ? undefined : (this.#stepAt ?? now + STEPS_AFTER);
        return;
      }
      for (const action of made.actions) this.#do(action, now);
    }
    const kinds = this.#plan!.actions.map(({ kind }) => kind).join(', ');
    throw new SignetError('SIMULATION_RESTLESS', `the plan does not come to rest (${kinds}): please report it`);
  }

  #do(action: KeyAction, now: number): void {
    const lives = this.#lives;
    if (action.kind === 'purge') {
      lives.purge(action.key, now);
      this.#log.add(now, { kind: 'key purged', key: action.key });
      return;
    }
    if (action.kind === 'generate') {
      const { line, times, state, predecessor } = action;
      const key = lives.make(line, times, state, predecessor, now);
      const none =
        line.tagRange === undefined ? 'none' : `none with a tag in ${line.tagRange.low} to ${line.tagRange.high}`;
      const text = predecessor === undefined ? `the policy asks for a ${line.role} and there is ${none}` : undefined;
      const reason = this.#log.reasonOf(predecessor ?? key, undefined, now, text);
      this.#log.add(now, { kind: 'key made', key, reason });
      return;
    }
    const { key, times, state } = action;
    const before = lives.find(key);
    lives.update(key, times, state, now);
    if (action.kind === 'adopt') {
      this.#log.add(now, { kind: 'key adopted', key });
      return;
    }
    if (before.state?.goal === 'omnipresent' && state.goal === 'hidden') {
      const text = state.successor === undefined ? tagRangeText(before, this.#policy) : undefined;
      this.#log.add(now, { kind: 'key retired', key, reason: this.#log.reasonOf(key, undefined, now, text) });
    }
    if (before.state?.goal === 'hidden' && state.goal === 'omnipresent') this.#log.add(now, { kind: 'key kept', key });
    for (const { record, from, to } of action.changes)
      this.#log.add(now, { kind: 'state', key, record, from, to, reason: this.#log.reasonOf(key, record, now) });
  }

  /** The daemon asks the parent for what a key waits for, as BIND does, and only while it runs. */
  #observations(now: number): Observations {
    const dsSeen = new Map<string, number>();
    const dsGone = new Map<string, number>();
    const noted = (since: number): number => Math.max(since, this.#upSince) + this.#offset;
    for (const { id, state } of this.#lives.keys) {
      const seen = this.#parent.seen(id);
      const gone = this.#parent.gone(id);
      if (state?.ds === 'rumoured' && seen !== undefined) dsSeen.set(id, noted(seen));
      if (state?.ds !== 'unretentive' || gone === undefined) continue;
      // It is asked after the publication that withdraws the DS, and within that second tells it by the next one.
      const withdrawn = Math.min(changeOf(state, 'ds') ?? -Infinity, now + this.#offset);
      dsGone.set(id, Math.max(noted(gone), withdrawn + 1));
    }
    return { dsSeen, dsGone, served: this.#served(now), allowedSteps: this.#allowed };
  }

  /** TTLs that the daemon knows of: it served them, and found that of the DS in the answers of the parent. */
  #served(now: number): ServedTtl[] {
    const isSeen = this.#scenario.asksParent && this.#ds.some(({ keys }) => keys.length > 0);
    return this.#world.served(this.#policy, now, this.#offset).filter(({ rrset }) => rrset !== 'ds' || isSeen);
  }

  #publish(now: number): void {
    const { publication } = this.#plan!;
    const isSigned = publication.isSigned && publication.signsZone.length > 0;
    const dnskeyLag = this.#world.dnskeyLag(this.#policy, now);
    const set = isSigned ? { keys: publication.dnskey, signers: publication.signsKeys } : { keys: [], signers: [] };
    this.#caches.serveDnskey(set, now, dnskeyLag, this.#policy.dnskeyTtl);
    this.#caches.serveData(this.#signers(isSigned, now), now, this.#world.dataLag(this.#policy, now));
    this.#noteSigners(isSigned, now);
    this.#publishSignatures(isSigned, now);
    this.#publishSync(isSigned, now);
  }

  #noteSigners(isSigned: boolean, now: number): void {
    const { signsKeys, signsZone } = this.#plan!.publication;
    const keys = isSigned ? signsKeys : [];
    const data = isSigned ? signsZone : [];
    const retiring = isSigned ? this.#retiring(now) : [];
    const last = this.#signersSince.at(-1);
    const isNews =
      last === undefined || [last.keys, last.data, last.retiring].join(' ') !== [keys, data, retiring].join(' ');
    if (isNews) this.#signersSince.push({ from: now, keys, data, retiring });
  }

  #publishSignatures(isSigned: boolean, now: number): void {
    const terms = this.#terms(now);
    const { dnskey, signsKeys } = this.#plan!.publication;
    const keySet = isSigned ? `${dnskey.join()} ${signsKeys.join()}` : '';
    if (isSigned && this.#data.isEmpty) {
      this.#data.signAll(now, terms, 'first signatures');
    } else if (!isSigned && this.#isSigned) {
      this.#data.removeAll();
      this.#keyData.removeAll();
      this.#log.add(now, { kind: 'unsigned' });
    }
    if (isSigned && keySet !== this.#dnskey) this.#keyData.signAll(now, terms);
    this.#isSigned = isSigned;
    this.#dnskey = keySet;
  }

  #publishSync(isSigned: boolean, now: number): void {
    const { sync, syncDelete } = this.#plan!.publication;
    const keys = isSigned && !syncDelete ? sync : [];
    const isDelete = isSigned && syncDelete;
    const cds = isDelete ? 'delete' : keys.toSorted().join();
    if (cds === this.#cds) return;
    this.#cds = cds;
    this.#log.add(now, { kind: 'cds', keys, isDelete });
    const request = isDelete ? 'delete' : keys;
    this.#parent.ask(cds === '' ? undefined : request, now, this.#world.parent(this.#policy, now));
  }

  #signers(isSigned: boolean, now: number): Map<number, DataSigners> {
    const signers = new Map<number, DataSigners>();
    if (!isSigned) return signers;
    const { signsZone } = this.#plan!.publication;
    const retiring = this.#retiring(now);
    for (const algorithm of new Set([...signsZone, ...retiring].map(this.#lives.algorithmOf))) {
      const isOf = (id: string): boolean => this.#lives.algorithmOf(id) === algorithm;
      signers.set(algorithm, { signing: signsZone.filter(isOf), retiring: retiring.filter(isOf) });
    }
    return signers;
  }

  /**
   * Keys that sign no more, and what they signed is replaced as it comes due (RFC 7583 section 3.2.1, Dsgn). Without its DNSKEY a
   * signature helps nobody: it goes at once.
   */
  #retiring(now: number): string[] {
    const { dnskey } = this.#plan!.publication;
    return this.#lives.keys
      .filter(
        ({ id, state }) => state?.zrrsig === 'unretentive' && this.#lastSignature(state) > now && dnskey.includes(id),
      )
      .map(({ id }) => id);
  }

  #lastSignatures(now: number): number[] {
    const states = this.#lives.keys.flatMap(({ state }) => (state?.zrrsig === 'unretentive' ? state : []));
    return states.map((state) => this.#lastSignature(state)).filter((at) => at > now);
  }

  #lastSignature(state: Parameters<typeof changeOf>[0]): number {
    const { signaturesValidity, signaturesRefresh } = this.#policy;
    return (changeOf(state, 'zrrsig') ?? this.#scenario.start) - this.#offset + signaturesValidity - signaturesRefresh;
  }

  #advanceParent(now: number): void {
    const before = this.#parent.keys;
    const { kind, change } = this.#parent.advance();
    const { keys, isFlap } = change;
    if (kind === 'begins') {
      this.#caches.serveDs(keys, now, change.complete, this.#world.dsTtl(this.#policy, now));
      return;
    }
    this.#ds.push({ from: now, keys });
    const added = keys.filter((key) => !before.includes(key));
    const removed = before.filter((key) => !keys.includes(key));
    this.#log.add(now, { kind: 'ds', keys, added, removed, isFlap });
  }

  #changePolicy(now: number): void {
    this.#interruptRounds(now);
    this.#world.changePolicy(this.#policy, now);
    this.#policy = this.#wanted;
    this.#log.add(now, { kind: 'policy', name: this.#policy.name });
  }

  #interruptRounds(now: number): void {
    for (const rounds of [this.#data, this.#keyData]) rounds.interrupt(now, this.#terms(now));
  }

  #terms(now: number): RenewalTerms {
    const behind = this.#world.dataLag(this.#policy, now).servers;
    return { policy: this.#policy, offset: this.#offset, behind };
  }

  #appointments(): Appointment[] {
    const { faults, policyChanges, rollovers } = this.#scenario;
    return [
      ...faults.map((fault) => ({
        at: fault.at,
        do: (now: number) => {
          this.#log.add(now, { kind: 'fault begins', fault });
          this.#feelFaults(now);
        },
      })),
      ...faults.flatMap((fault) => {
        if (!('length' in fault)) return [];
        const over = (now: number): void => {
          this.#log.add(now, { kind: 'fault ends', fault });
          this.#feelFaults(now);
        };
        return { at: fault.at + fault.length, do: over };
      }),
      ...policyChanges.map(({ at, policy }) => ({ at, do: () => void (this.#wanted = policy) })),
      ...rollovers.map(({ at, role }) => ({ at, do: (now: number) => this.#roll(role, now) })),
    ];
  }

  #feelFaults(now: number): void {
    const isDown = this.#world.isDown(now);
    const offset = this.#world.clockOffset(now);
    if (isDown !== this.#isDown || offset !== this.#offset) this.#interruptRounds(now);
    if (!this.#isDown && isDown) this.#downSince = now;
    this.#offset = offset;
    if (this.#isDown && !isDown) this.#comeUp(now);
    this.#isDown = isDown;
    this.#parent.changeManner(now, this.#world.parent(this.#policy, now));
  }

  /**
   * The daemon sees signatures that were to be replaced while it was down, and that caches may have got a moment ago: the
   * interval counts from now on, for the key and for those that take its place.
   */
  #comeUp(now: number): void {
    this.#upSince = now;
    const { signaturesValidity, signaturesRefresh } = this.#policy;
    const margin = refreshMargin(this.#policy);
    const late = this.#lives.keys.filter(({ state }) => {
      const end = state?.zrrsig === 'unretentive' ? this.#lastSignature(state) : Infinity;
      return end < now && end - margin > this.#downSince;
    });
    const since = now + this.#offset - signaturesValidity + signaturesRefresh;
    for (const { id, times, state, algorithm } of this.#lives.keys) {
      const takesPlace = state?.zrrsig === 'rumoured' && late.some((one) => one.algorithm === algorithm);
      if (state === undefined || (!takesPlace && !late.some((one) => one.id === id))) continue;
      const zrrsigChange = Math.max(state.zrrsigChange ?? since, since);
      this.#lives.update(id, times, { ...state, zrrsigChange }, now);
    }
  }

  /** `rndc dnssec -rollover`. */
  #roll(role: KeyRole, now: number): void {
    const key = this.#lives.keys.find(
      (one) => roleOf(one) === role && isTakenUp(one) && one.state?.goal === 'omnipresent' && !one.state.successor,
    );
    const refuse = (refusal: string): void =>
      this.#log.add(now, { kind: 'rollover asked', key: key?.id, role, refusal });
    if (this.#isDown) return refuse('the daemon does not run');
    if (key === undefined) return refuse(`there is no ${role} in use`);
    const time = now + this.#offset;
    const answer = requestRollover(this.#policy, this.#lives.keys, key.id, time, time);
    if (answer.kind === 'refused') return refuse(answer.refusal.reason);
    this.#lives.update(key.id, answer.times, answer.state, now);
    this.#log.add(now, { kind: 'rollover asked', key: key.id, role, refusal: undefined });
  }

  #finish(): Simulation {
    const { end } = this.#scenario;
    const isIdle = this.#parent.next === undefined;
    return summarize({
      scenario: this.#scenario,
      lives: this.#lives,
      log: this.#log,
      ds: this.#ds,
      keptFor: this.#world.dsTtl(this.#policy, end) + this.#world.dnskeyLag(this.#policy, end).ttl,
      signers: this.#signersSince,
      rounds: [this.#data, this.#keyData],
      caches: this.#caches,
      isParentIdle: isIdle,
      isAtRest: isIdle && this.#plan?.nextEvent === undefined && this.#agenda.length === 0,
    });
  }
}

function tooLong({ zone, start }: Scenario, now: number): SignetError {
  const message = `${zone}: there is too much to simulate: more than ${MOST_MOMENTS} events or ${MOST_KEYS} keys in ${durationText(now - start)}; ask for fewer --years, or set longer lifetimes or a shorter purge-keys`;
  return new SignetError('SIMULATION_LONG', message, { zone, reached: now - start });
}
