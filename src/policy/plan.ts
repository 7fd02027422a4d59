import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import { dnskeyInterval } from '../conf/policy-intervals.ts';
import { isStranded, lacksSignatures } from './chain-rules.ts';
import { endOf, purgeDue, signaturesReplaced } from './intervals.ts';
import {
  retireTimes,
  scheduleAdoptedKey,
  scheduleLeavingKey,
  scheduleNewKey,
  scheduleRevivedKey,
  scheduleSuccessor,
  withLifetime,
} from './key-schedule.ts';
import type { KeySchedule } from './key-schedule.ts';
import { stepName } from './key-wait.ts';
import type { KeyWait } from './key-wait.ts';
import { KeyWork } from './key-work.ts';
import type { StateChange } from './key-work.ts';
import { findSpare, matchKeys, withRolesInUse } from './match-keys.ts';
import type { Observations } from './observations.ts';
import {
  changeOf,
  conditionOf,
  dsGoneSince,
  dsSeenSince,
  isBegun,
  isGone,
  isKnown,
  isSpare,
  isSuccessor,
  isTakenUp,
  recordsOf,
  signsKeys,
} from './planned-key.ts';
import type { Condition, KeyRecord, PlannedKey } from './planned-key.ts';
import { publicationOf } from './publication.ts';
import type { Publication } from './publication.ts';
import { rolloverOf } from './rollovers.ts';
import { nextStep, nextSteps } from './transitions.ts';
import type { StepSetting } from './transitions.ts';

export type { StateChange };

/** What is to be done, in this order. */
export type KeyAction =
  /** Make a key pair and save it with these times and this state. */
  | ({
      readonly kind: 'generate';
      readonly line: PolicyKey;
      readonly dnskeyTtl: number;
      /** Id of the key whose place it takes; once it has a tag, the predecessor's own update tells it as the successor. */
      readonly predecessor?: string;
    } & KeySchedule)
  /** Save these times and this state with a key that is there; the policy takes it up. */
  | ({ readonly kind: 'adopt'; readonly key: string; readonly line: PolicyKey } & KeySchedule)
  /** Save these times and this state with a key; `changes` says what is new. */
  | ({ readonly kind: 'update'; readonly key: string; readonly changes: readonly StateChange[] } & KeySchedule)
  /** Remove the key's files: its purge-keys time is over. */
  | { readonly kind: 'purge'; readonly key: string };

export interface Plan {
  readonly actions: readonly KeyAction[];
  /** What the zone shows and what signs it once the actions are done, apart from keys that are still to be made. */
  readonly publication: Publication;
  /** Unix time of the next change that time alone brings; undefined: none. */
  readonly nextEvent: number | undefined;
  readonly waits: readonly KeyWait[];
}

/**
 * Decides what is to be done with the keys of a zone at `now` (Unix seconds). Pure: the same input gives the same plan.
 * Keys that are made get their tags elsewhere, so a plan with a `generate` is followed by another that links them to the keys that they
 * replace; a plan made after actions of other kinds are done has none.
 */
export function plan(policy: DnssecPolicy, keys: readonly PlannedKey[], observations: Observations, now: number): Plan {
  return new Planning(policy, keys, observations, now).plan();
}

/** A key that is still to be made, as if it were there. */
interface NewKey {
  readonly work: KeyWork;
  readonly line: PolicyKey;
  readonly predecessor: PlannedKey | undefined;
}

/** A key that serves a line of the policy. */
interface KeptKey {
  readonly work: KeyWork;
  readonly line: PolicyKey;
}

class Planning {
  readonly #policy: DnssecPolicy;
  readonly #observations: Observations;
  readonly #setting: StepSetting;
  readonly #now: number;
  /** Of the keys that matter. */
  readonly #work: readonly KeyWork[];
  /** Of keys of which nobody has anything any more: only their files are left. */
  readonly #past: readonly KeyWork[];
  readonly #new: NewKey[] = [];
  readonly #waits: KeyWait[] = [];
  /** Ids of keys that begin in this plan, or are undone: their first steps belong to that. */
  readonly #begun = new Set<string>();

  constructor(policy: DnssecPolicy, keys: readonly PlannedKey[], observations: Observations, now: number) {
    this.#policy = policy;
    this.#observations = observations;
    this.#now = now;
    this.#setting = {
      policy,
      served: observations.served ?? [],
      now,
      isGoingInsecure: policy.keys.length === 0 && !keys.some((key) => isInPlace(key) && this.#holds(key.id, 'hidden')),
      isHeld: ({ id }, record, to) => this.#holds(id, to, record),
    };
    const roles = withRolesInUse(keys, now);
    this.#past = roles.filter(isGone).map((key) => new KeyWork(key));
    this.#work = roles.filter((key) => !isGone(key)).map((key) => new KeyWork(key));
  }

  plan(): Plan {
    for (const work of [...this.#work, ...this.#past]) work.mendMoments(this.#now);
    const successors = new Map(this.#work.map((work) => [work, this.#successorOf(work)]));
    const candidates = this.#work.filter((work) => successors.get(work) === undefined);
    const { kept, spares } = this.#assignRoles(candidates);
    this.#advance();
    this.#link(successors);
    this.#advance();
    // A rollover may have waited for what ends now.
    for (const { work, line } of kept) this.#rollOver(work, line, spares);
    this.#advance();
    this.#await();
    const zone = this.#zone(this.#work);
    return {
      actions: [...this.#new.map((made) => this.#generate(made)), ...this.#changes()],
      publication: publicationOf(zone, this.#now, this.#setting.isGoingInsecure),
      nextEvent: this.#nextEvent(),
      waits: this.#waits.filter(({ key }) => !this.#new.some(({ work }) => work.key.id === key)),
    };
  }

  /** In manual mode what begins something waits for an operator, who allows each step by its name. */
  #holds(key: string, to: Condition, record?: KeyRecord): boolean {
    if (this.#policy.manualMode !== true || this.#begun.has(key)) return false;
    return this.#observations.allowedSteps?.has(stepName({ key, record, to })) !== true;
  }

  /** True when the key as a whole has to wait for an operator; then that is among the waits. */
  #mustWait(key: string, from: Condition, to: Condition): boolean {
    if (!this.#holds(key, to)) return false;
    const wait = { key, record: undefined, from, to, others: [], until: undefined, interval: undefined };
    this.#waits.push({ ...wait, reason: 'manual step' });
    return true;
  }

  /**
   * The zone shows keys of the line's algorithm, and none of them does what a key of the line is for: whoever let them begin was interrupted
   * before it was made, and nothing could be signed without it.
   */
  #isCompletion({ role, algorithm }: PolicyKey): boolean {
    const zone = this.#zone(this.#work);
    const isLacking = (record: 'zrrsig' | 'krrsig'): boolean => lacksSignatures(zone, algorithm, record);
    return (role !== 'ksk' && isLacking('zrrsig')) || (role !== 'zsk' && isLacking('krrsig'));
  }

  /**
   * Whoever let keys of the algorithm begin was interrupted, and no line of the policy has it any more: what is missing will never come, and
   * what is there is undone.
   */
  #isLeftOver({ algorithm }: PlannedKey): boolean {
    const isWanted = this.#policy.keys.some((line) => line.algorithm === algorithm);
    return !isWanted && isStranded(this.#zone(this.#work), algorithm);
  }

  #changes(): KeyAction[] {
    return [...this.#work, ...this.#past].flatMap((one) => this.#actionOf(one));
  }

  /** Keys that are gone have no part in it, those that went in this plan neither: the next plan would see none of them. */
  #zone(works: readonly KeyWork[]): PlannedKey[] {
    return works.map((one) => one.key).filter((key) => isTakenUp(key) && !isGone(key));
  }

  /** @returns true when something new was seen */
  #observe(): boolean {
    const before = this.#work.map(({ key }) => key);
    for (const work of this.#work) work.observe(this.#observations, this.#replacedSince(work), this.#now);
    return this.#work.some(({ key }, i) => key !== before[i]);
  }

  /**
   * Since when the parent has what took the place of a DS that nobody saw: that of another key, or none at all where it had one.
   * @returns -Infinity: long enough, or there is nothing to tell it by; undefined: it has not
   */
  #replacedSince(work: KeyWork): number | undefined {
    const others = this.#zone(this.#work).filter((key) => key !== work.key);
    if (!this.#setting.isGoingInsecure)
      return others.some((key) => key.state?.ds === 'omnipresent') ? -Infinity : undefined;
    if (others.some((key) => dsSeenSince(key) !== undefined && isKnown(conditionOf(key, 'ds')))) return undefined;
    return Math.max(-Infinity, ...others.map((key) => dsGoneSince(key) ?? -Infinity));
  }

  /**
   * A key that has got a successor is to go. What was due before it got one comes first: the successor was planned with that.
   */
  #link(successors: ReadonlyMap<KeyWork, KeyWork | undefined>): void {
    for (const [work, next] of successors) {
      const { times, state } = work.key;
      if (next) work.schedule({ times, state: { ...state, goal: 'hidden', successor: next.key.tag } });
    }
  }

  #successorOf({ key }: KeyWork): KeyWork | undefined {
    if (key.state?.goal !== 'omnipresent') return undefined;
    return this.#work.find((one) => one.key.state?.goal === 'omnipresent' && isSuccessor(one.key, key));
  }

  #assignRoles(candidates: readonly KeyWork[]): {
    readonly kept: readonly KeptKey[];
    readonly spares: PlannedKey[];
  } {
    const { lines, others } = matchKeys(
      this.#policy,
      candidates.map(({ key }) => key),
      [...this.#work, ...this.#past].map(({ key }) => key),
    );
    const spares = others.filter(isSpare);
    for (const key of others) if (!isSpare(key)) this.#retire(this.#workOf(key));
    const kept: KeptKey[] = [];
    for (const { line, key } of lines) {
      if (!key) {
        if (this.#isCompletion(line) || !this.#mustWait(`new ${line.role} ${line.algorithm}`, 'hidden', 'rumoured'))
          this.#make(line, undefined, spares);
        continue;
      }
      const work = this.#workOf(key);
      // A key that is not in use yet.
      if (!isTakenUp(key) && !isBegun(key, this.#now)) {
        if (!this.#isCompletion(line) && this.#mustWait(key.id, 'hidden', 'rumoured')) continue;
        this.#begun.add(key.id);
      }
      this.#keep(work, line);
      kept.push({ work, line });
    }
    return { kept, spares };
  }

  #workOf(key: PlannedKey): KeyWork {
    return this.#work.find((one) => one.key.id === key.id)!;
  }

  /** RFC 6781 section 4: a key that the policy has no place for goes the way of one that was replaced. */
  #retire(work: KeyWork): void {
    const { key } = work;
    if (!isTakenUp(key)) work.schedule(scheduleLeavingKey(this.#policy, key, this.#now));
    else if (key.state?.goal !== 'hidden') {
      if (this.#isLeftOver(key)) this.#begun.add(key.id);
      if (this.#mustWait(key.id, 'omnipresent', 'hidden')) return;
      work.schedule({ times: retireTimes(this.#policy, key, this.#now), state: { ...key.state, goal: 'hidden' } });
    }
  }

  #keep(work: KeyWork, line: PolicyKey): void {
    if (!isTakenUp(work.key)) {
      work.adoptedBy = line;
      work.schedule(scheduleAdoptedKey(this.#policy, line, work.key, this.#now));
    } else if (work.key.state?.goal === 'hidden') work.schedule(scheduleRevivedKey(this.#policy, line, work.key));
    else {
      const { times, state } = withLifetime(this.#policy, line, work.key);
      // A successor that is named and not there has vanished.
      const { successor: _vanished, ...kept } = state;
      work.schedule({ times, state: { ...kept, goal: 'omnipresent' } });
    }
  }

  #rollOver(work: KeyWork, line: PolicyKey, spares: PlannedKey[]): void {
    const rollover = rolloverOf(work.key, this.#zone(this.#work), this.#policy, this.#now);
    if (rollover?.kind === 'later') this.#waits.push(rollover.wait);
    if (rollover?.kind === 'due' && !this.#mustWait(work.key.id, 'omnipresent', 'hidden'))
      this.#make(line, work.key, spares);
  }

  /** A key for a line, in the place of another when there is one. */
  #make(line: PolicyKey, predecessor: PlannedKey | undefined, spares: PlannedKey[]): void {
    const schedule = predecessor
      ? scheduleSuccessor(this.#policy, line, predecessor, this.#now)
      : scheduleNewKey(this.#policy, line, this.#now);
    const spare = findSpare(line, spares);
    if (spare) {
      spares.splice(spares.indexOf(spare), 1);
      const work = this.#workOf(spare);
      this.#begun.add(spare.id);
      work.adoptedBy = line;
      work.schedule({ times: { ...schedule.times, ...spare.times }, state: schedule.state });
      return;
    }
    const id = `new key ${this.#new.length + 1}`;
    this.#begun.add(id);
    const flags = line.role === 'zsk' ? 256 : 257;
    const { algorithm, bits } = line;
    const work = new KeyWork({ id, tag: Number.NaN, algorithm, bits, flags, ...schedule });
    this.#new.push({ work, line, predecessor });
  }

  /** Takes every step that is due, until none is: one may make the next possible. Each record goes towards its goal, so this ends. */
  #advance(): void {
    const all = [...this.#work, ...this.#new.map(({ work }) => work)];
    for (let isChanged = true; isChanged;) {
      // Of a DS that nobody saw it counts that it is gone once another is known.
      isChanged = this.#observe();
      for (const work of all) if (isTakenUp(work.key)) isChanged = this.#step(work, all) || isChanged;
    }
  }

  /** @returns true when a step was due */
  #step(work: KeyWork, all: readonly KeyWork[]): boolean {
    let isChanged = false;
    for (const record of recordsOf(work.key)) {
      // Each step changes what the next one may do.
      const step = nextStep(work.key, record, this.#zone(all), this.#setting);
      if (step?.kind !== 'due') continue;
      work.change(record, step.to, this.#now);
      isChanged = true;
    }
    return isChanged;
  }

  /** What the keys wait for now that all that was due is done. */
  #await(): void {
    const all = [...this.#work, ...this.#new.map(({ work }) => work)];
    const zone = this.#zone(all);
    for (const key of zone) {
      for (const step of nextSteps(key, zone, this.#setting)) {
        if (step.kind === 'due') continue;
        const { record, from, to, reason, others, until, interval } = step;
        this.#waits.push({ key: key.id, record, from, to, reason, others, until, interval });
      }
    }
    for (const { key } of [...this.#work, ...this.#past]) this.#awaitPurge(key);
  }

  #awaitPurge(key: PlannedKey): void {
    const goneSince = this.#goneSince(key);
    if (goneSince === undefined) return;
    const interval = purgeDue(this.#policy, goneSince);
    const until = endOf(interval);
    const common = { key: key.id, record: undefined, from: 'hidden', to: 'hidden', reason: 'time' } as const;
    if (until > this.#now) this.#waits.push({ ...common, others: [], until, interval });
  }

  /** Since when nobody has anything of a key that was in use; undefined: somebody may have, or its files stay for ever. */
  #goneSince(key: PlannedKey): number | undefined {
    if (this.#policy.purgeKeys === 0 || key.times.delete === undefined || !isGone(key)) return undefined;
    return Math.max(...recordsOf(key).map((record) => changeOf(key.state!, record) ?? this.#now));
  }

  #generate({ work, line, predecessor }: NewKey): KeyAction {
    const { state } = work.key;
    return {
      kind: 'generate',
      line,
      dnskeyTtl: this.#policy.dnskeyTtl,
      ...(predecessor && { predecessor: predecessor.id }),
      times: this.#timesOf(work.key),
      state: state!,
    };
  }

  /** A DNSKEY that has to wait for the signatures of its algorithm is planned for the time when they are known. */
  #timesOf(key: PlannedKey): KeySchedule['times'] {
    if (key.state?.dnskey !== 'hidden') return key.times;
    const publish = endOf(signaturesReplaced(key, this.#setting, this.#now));
    const sync = signsKeys(key) && { syncPublish: publish + dnskeyInterval(this.#policy) };
    return { ...key.times, publish, ...sync };
  }

  #actionOf(work: KeyWork): KeyAction | [] {
    const { key, adoptedBy: line, changes } = work;
    const { id, times, state } = key;
    const goneSince = this.#goneSince(key);
    if (goneSince !== undefined && endOf(purgeDue(this.#policy, goneSince)) <= this.#now)
      return { kind: 'purge', key: id };
    if (!isTakenUp(key) || !work.isChanged || !state) return [];
    if (line) return { kind: 'adopt', key: id, line, times: this.#timesOf(key), state };
    return { kind: 'update', key: id, changes, times, state };
  }

  #nextEvent(): number | undefined {
    const moments = this.#waits.flatMap(({ until }) => until ?? []);
    return moments.reduce<number | undefined>((best, at) => (best === undefined ? at : Math.min(best, at)), undefined);
  }
}

const isInPlace = (key: PlannedKey): boolean => isTakenUp(key) && key.state?.goal === 'omnipresent';
