import type { DnssecPolicy } from '../../../src/conf/configuration.ts';
import type { Observations } from '../../../src/policy/observations.ts';
import type { KeyAction, Plan } from '../../../src/policy/plan.ts';
import { manualSteps, stepName, type KeyWait } from '../../../src/policy/key-wait.ts';
import { changeOf, recordsOf, withCondition } from '../../../src/policy/planned-key.ts';
import type { KeyRecord, PlannedKey } from '../../../src/policy/planned-key.ts';
import type { RequestAnswer } from '../../../src/policy/requests.ts';
import { has } from './caches.ts';
import type { History } from './history.ts';
import type { Parent } from './parent.ts';
import { retiringTime, type Moment, type ServedZone } from './served-zone.ts';

export type Planner = (
  policy: DnssecPolicy,
  keys: readonly PlannedKey[],
  observations: Observations,
  now: number,
) => Plan;

/** What comes of a plan that never ends or contradicts itself. */
export class PlanFault extends Error {}

/** A kill in the middle of a look: after so many writes; `torn`, when the next one is a key's: between its files. */
export interface Kill {
  readonly writes: number;
  readonly torn: boolean;
}

class Killed extends Error {}

/** Seconds without a next event after which there is nothing to do either. */
const LONG = 100_000_000;

/** Rounds of planning in one look: making keys is followed by a plan that takes them into account. */
const MOST_ROUNDS = 4;

/**
 * Carries plans out as the daemon does: files of new keys first, then the zone is published, then states that changed are
 * saved. Key files outlive it; what it saw at the parent does not.
 */
export class Daemon {
  readonly #history: History;
  readonly #planner: Planner;
  readonly #zone: ServedZone;
  readonly #parent: Parent;
  policy: DnssecPolicy;
  files: readonly PlannedKey[];
  /** The next look, in the daemon's time. */
  nextLook = -Infinity;
  #made = 0;
  #seen = new Map<string, number>();
  #gone = new Map<string, number>();
  #waits: readonly KeyWait[] = [];
  /** What an operator lets begin, until it is published. */
  #allowed: ReadonlySet<string> = new Set();
  /** Since when a plan waits for the end of a key's DS. */
  #endAwaited = new Map<string, number>();
  #writesLeft = Infinity;
  #isTorn = false;

  constructor(history: History, planner: Planner, zone: ServedZone, parent: Parent, files: readonly PlannedKey[]) {
    this.files = files;
    this.#history = history;
    this.#planner = planner;
    this.#zone = zone;
    this.#parent = parent;
    this.policy = history.policies[0];
  }

  /**
   * Looks at the keys and does what is due.
   * @returns false when it was killed on the way
   */
  look(moment: Moment, kill?: Kill): boolean {
    this.#writesLeft = kill?.writes ?? Infinity;
    this.#isTorn = kill?.torn ?? false;
    try {
      this.#run(moment);
      return kill === undefined;
    } catch (fault) {
      if (fault instanceof Killed) return false;
      throw fault;
    }
  }

  /** What it kept in memory is gone. */
  restart(): void {
    this.#seen = new Map();
    this.#gone = new Map();
    this.#waits = [];
    this.#allowed = new Set();
    this.#endAwaited = new Map();
  }

  /**
   * Asks the parent's servers.
   * @returns true when they say something new
   */
  ask(told: number): boolean {
    if (!this.#history.watchesParent || !this.#parent.isSteady) return false;
    const before = this.#seen.size + this.#gone.size;
    const forgotten = [...this.#seen.keys(), ...this.#gone.keys()].filter((id) => !this.#isAskedAbout(id));
    for (const id of forgotten) for (const known of [this.#seen, this.#gone]) known.delete(id);
    let isNews = this.#seen.size + this.#gone.size < before;
    for (const key of this.files) {
      const isThere = has(this.#parent.keys, key);
      const [learnt, refuted] = isThere ? [this.#seen, this.#gone] : [this.#gone, this.#seen];
      isNews = refuted.delete(key.id) || isNews;
      if (!this.#isAsked(key.id, isThere)) continue;
      // The first moment with the DS and the last one without it.
      const at = isThere ? (learnt.get(key.id) ?? told) : this.#goneAt(key.id, told);
      isNews = learnt.get(key.id) !== at || isNews;
      learnt.set(key.id, at);
    }
    return isNews;
  }

  /** What is asked because of a plan is answered after its publication, and told as of the next second when it is the same one. */
  #goneAt(id: string, told: number): number {
    const since = this.#endAwaited.get(id);
    if (since === undefined || since < told) return told;
    this.#endAwaited.set(id, told);
    return told + 1;
  }

  /**
   * `rndc dnssec -step`: exactly what waits for it may begin.
   * @returns how many steps
   */
  allowSteps(): number {
    this.#allowed = new Set(manualSteps(this.#waits).map(stepName));
    return this.#allowed.size;
  }

  /** The latest moment at which time alone brings a step of a record. */
  get waitsUntil(): number {
    const steps = this.#waits.filter(({ record, reason }) => record !== undefined && reason === 'time');
    return Math.max(-Infinity, ...steps.map(({ until = -Infinity }) => until));
  }

  /** True when the plan waits for the DS of the key to be there, or not. */
  awaits(id: string, isThere: boolean): boolean {
    const reason = isThere ? 'ds not seen at parent' : 'ds still at parent';
    return this.#waits.some((wait) => wait.key === id && wait.reason === reason);
  }

  #isAsked(id: string, isThere: boolean): boolean {
    return this.#history.tells === 'everything' || this.awaits(id, isThere);
  }

  #isAskedAbout(id: string): boolean {
    return this.#isAsked(id, true) || this.#isAsked(id, false);
  }

  /** Saves what a command of the operator came to. */
  command(answer: RequestAnswer): boolean {
    if (answer.kind === 'refused') return false;
    const { key, times, state } = answer;
    this.files = this.files.map((file) => (file.id === key ? { ...file, times, state } : file));
    return true;
  }

  #run(moment: Moment): void {
    const { told } = moment;
    // Saved before anything is published: what is served from now on can no longer be told from what was served before.
    for (const key of this.#borneOut(told)) this.#save(key);
    let keys = this.files;
    let planned = this.#plan(keys, told);
    for (let round = 0; planned.actions.some(makesFiles); round++) {
      if (round === MOST_ROUNDS) throw new PlanFault(`every plan has ${textOf(planned)}`);
      for (const action of planned.actions) keys = this.#carryOut(action, keys);
      planned = this.#plan(keys, told);
    }
    const { isSigned, signsKeys, signsZone } = planned.publication;
    // A zone that no key would sign stays as it is (src/daemon/key-lacking.ts, unableToSign): under manual-mode an operator has to step.
    if (isSigned && planned.publication.dnskey.length > 0 && (signsKeys.length === 0 || signsZone.length === 0)) {
      this.#waits = planned.waits;
      this.nextLook = planned.nextEvent ?? Infinity;
      return;
    }
    const after = keys.map((key) => updated(key, planned.actions));
    this.#write();
    this.#zone.publish(planned.publication, after, this.policy, moment);
    this.#allowed = new Set();
    for (const key of after) this.#save(key);
    const settled = this.#borneOut(told);
    const again = this.#plan(settled, told);
    if (again.actions.length > 0) throw new PlanFault(`a plan made after the actions were done has ${textOf(again)}`);
    this.#waits = again.waits;
    const ends = again.waits.filter(({ reason }) => reason === 'ds still at parent').map(({ key }) => key);
    this.#endAwaited = new Map(ends.map((id) => [id, this.#endAwaited.get(id) ?? told]));
    this.#checkNextEvent(settled, again, told);
    this.nextLook = Math.min(again.nextEvent ?? Infinity, this.#nextRefresh(told));
  }

  /** Time alone brings nothing before the next event. */
  #checkNextEvent(keys: readonly PlannedKey[], { nextEvent }: Plan, told: number): void {
    if (nextEvent !== undefined && nextEvent <= told) throw new PlanFault('the next event is not in the future');
    const before = (nextEvent ?? told + LONG) - 1;
    if (before <= told) return;
    const early = this.#plan(keys, before);
    if (early.actions.length === 0) return;
    throw new PlanFault(`at ${before - told} s, before the next event, a plan has ${textOf(early)}`);
  }

  #plan(keys: readonly PlannedKey[], told: number): Plan {
    const observations: Observations = {
      dsSeen: this.#seen,
      dsGone: this.#gone,
      allowedSteps: this.#allowed,
      served: [...this.#zone.served(), ...(this.#history.watchesParent ? this.#parent.served() : [])],
    };
    return this.#planner(this.policy, keys, observations, told);
  }

  /** Makes, adopts and purges keys; what is on the disk then, and what the plan goes on with. */
  #carryOut(action: KeyAction, keys: readonly PlannedKey[]): readonly PlannedKey[] {
    switch (action.kind) {
      case 'update':
        return keys;
      case 'generate': {
        this.#write();
        const key = this.#newKey(action);
        this.files = [...this.files, key];
        return [...keys, key];
      }
      case 'adopt': {
        this.#write();
        const { times, state } = action;
        const adopt = (key: PlannedKey): PlannedKey => (key.id === action.key ? { ...key, times, state } : key);
        this.files = this.files.map(adopt);
        return keys.map(adopt);
      }
      case 'purge': {
        this.#write();
        const isOther = ({ id }: PlannedKey): boolean => id !== action.key;
        const isServed = this.#zone.dnskey.current.rrset.keys.some(({ id }) => id === action.key);
        if (isServed) throw new PlanFault(`${action.key} is purged although its DNSKEY is served`);
        this.files = this.files.filter(isOther);
        return keys.filter(isOther);
      }
    }
  }

  #newKey({ times, state, line }: Extract<KeyAction, { kind: 'generate' }>): PlannedKey {
    this.#made++;
    const { algorithm, bits, role } = line;
    const flags = role === 'zsk' ? 256 : 257;
    return { id: `K${this.#made}`, tag: 1000 + this.#made, algorithm, bits, flags, times, state };
  }

  #save(key: PlannedKey): void {
    const file = this.files.find(({ id }) => id === key.id)!;
    if (file === key) return;
    // .private has the new times, .state the old, and the latter wins where both have one.
    if (this.#writesLeft === 0 && this.#isTorn) this.#replace({ ...file, times: { ...key.times, ...file.times } });
    this.#write();
    this.#replace(key);
  }

  #replace(key: PlannedKey): void {
    this.files = this.files.map((file) => (file.id === key.id ? key : file));
  }

  #write(): void {
    if (this.#writesLeft-- <= 0) throw new Killed();
  }

  /**
   * The keys as the zone that is served bears them out: what it shows for the first time, or showed until now because nobody was
   * there to change it, is as new as that (RFC 7583 section 3.2.1), whatever was written down before.
   */
  #borneOut(told: number): readonly PlannedKey[] {
    const keys = this.files.map((key) => this.#asShown(key, told));
    const late = keys.filter(
      (key) => (this.#signaturesGoneBy(key) ?? Infinity) < told && this.#zone.hasSignaturesOf(key),
    );
    if (late.length === 0) return keys;
    const since = told - retiringTime(this.policy);
    return keys.map((key) => {
      const { state } = key;
      const takesPlace = state?.zrrsig === 'rumoured' && late.some(({ algorithm }) => algorithm === key.algorithm);
      if (state === undefined || (!takesPlace && !late.includes(key))) return key;
      return { ...key, state: { ...state, zrrsigChange: Math.max(state.zrrsigChange ?? since, since) } };
    });
  }

  /** What the zone shows of a key is not hidden, and what it does not show is not known since before now. */
  #asShown(key: PlannedKey, told: number): PlannedKey {
    const { state } = key;
    if (state?.goal === undefined) return key;
    let { times } = key;
    let shown = state;
    for (const record of recordsOf(key)) {
      const isClaimed = state[record] === 'rumoured' || state[record] === 'omnipresent';
      const isServed = isClaimed ? this.#serves(key, record) : this.#servesSome(key, record);
      // A DS stays at the parent when CDS is gone.
      if (isServed === isClaimed || (record === 'ds' && isClaimed) || state[record] === 'unretentive') continue;
      if (!isServed && changeOf(state, record) === told) continue;
      shown = withCondition(shown, record, state.goal === 'hidden' ? 'unretentive' : 'rumoured', told);
      if (record === 'dnskey' && !isServed && state.goal === 'omnipresent') times = { ...times, publish: told };
    }
    return shown === state ? key : { ...key, times, state: shown };
  }

  #servesSome(key: PlannedKey, record: KeyRecord): boolean {
    return record === 'zrrsig' ? this.#zone.hasSignaturesOf(key) : this.#serves(key, record);
  }

  #serves(key: PlannedKey, record: KeyRecord): boolean {
    const { keys, signers } = this.#zone.dnskey.current.rrset;
    switch (record) {
      case 'dnskey':
        return has(keys, key);
      case 'krrsig':
        return has(signers, key);
      case 'zrrsig':
        // All signers sign the SOA RRset.
        return has(this.#zone.lanes[0].signers, key);
      case 'ds':
        return has(this.#zone.sync.keys, key);
    }
  }

  #nextRefresh(told: number): number {
    const times = this.files.map((key) => this.#signaturesGoneBy(key) ?? Infinity);
    return Math.min(Infinity, ...times.filter((time) => time > told));
  }

  /** When the last signature of a retiring ZSK is replaced (Dsgn). */
  #signaturesGoneBy({ state }: PlannedKey): number | undefined {
    if (state?.zrrsig !== 'unretentive' || state.zrrsigChange === undefined) return undefined;
    return state.zrrsigChange + retiringTime(this.policy);
  }
}

const makesFiles = ({ kind }: KeyAction): boolean => kind !== 'update';

function updated(key: PlannedKey, actions: readonly KeyAction[]): PlannedKey {
  for (const action of actions) {
    if (action.kind === 'update' && action.key === key.id) return { ...key, times: action.times, state: action.state };
  }
  return key;
}

const textOf = ({ actions }: Plan): string =>
  actions
    .map((action) => (action.kind === 'generate' ? `generate ${action.line.role}` : `${action.kind} ${action.key}`))
    .join(', ');
