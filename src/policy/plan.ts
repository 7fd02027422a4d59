import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import { scheduleAdoptedKey, scheduleNewKey } from './key-schedule.ts';
import type { Introduction, KeySchedule } from './key-schedule.ts';
import { matchKeys } from './match-keys.ts';
import type { KeyWait } from './key-wait.ts';
import type { Observations } from './observations.ts';
import { isTakenUp, signsKeys, signsZone, withCondition } from './planned-key.ts';
import type { Condition, KeyRecord, PlannedKey } from './planned-key.ts';
import { publicationOf } from './publication.ts';
import type { Publication } from './publication.ts';
import { introductionSteps } from './transitions.ts';

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
  /** Save these times and this state with a key of the policy; `changes` says what is new. */
  | ({ readonly kind: 'update'; readonly key: string; readonly changes: readonly StateChange[] } & KeySchedule)
  /** Remove the key's files: its purge-keys time is over. */
  | { readonly kind: 'purge'; readonly key: string };

export interface StateChange {
  readonly record: KeyRecord;
  readonly from: Condition;
  readonly to: Condition;
}

export interface Plan {
  readonly actions: readonly KeyAction[];
  /** What the zone shows and what signs it once the actions are done, apart from keys that are still to be made. */
  readonly publication: Publication;
  /** Unix time of the next change that time alone brings; undefined: none. */
  readonly nextEvent: number | undefined;
  readonly waits: readonly KeyWait[];
}

/**
 * Decides what is to be done with the keys of a zone at `now` (Unix seconds). Pure: the same input gives the same plan,
 * and a plan made after its actions are done has none. Keys that the policy does not ask for stay as they are: they are
 * shown and sign as before, because to take them away safely is a rollover.
 */
export function plan(policy: DnssecPolicy, keys: readonly PlannedKey[], observations: Observations, now: number): Plan {
  const { lines } = matchKeys(policy, keys);
  const work = new Map(keys.map((key) => [key.id, new KeyWork(key)]));
  for (const { line, key } of lines) if (key && !isTakenUp(key)) work.get(key.id)!.adopt(policy, line, keys, now);
  for (const one of work.values()) one.observe(observations);
  advance([...work.values()], policy, now);
  const after = [...work.values()].map((one) => one.key);
  return {
    actions: [
      ...lines.filter(({ key }) => key === undefined).map(({ line }) => generate(policy, line, after, now)),
      ...[...work.values()].flatMap((one) => one.action() ?? []),
    ],
    publication: publicationOf(after, now),
    nextEvent: nextEvent(after, policy, now),
    waits: waitsOf(after, policy, now),
  };
}

/** One key while the plan is made. */
class KeyWork {
  readonly #before: PlannedKey;
  #line: PolicyKey | undefined;
  #changes: StateChange[] = [];
  key: PlannedKey;

  constructor(key: PlannedKey) {
    this.#before = key;
    this.key = key;
  }

  adopt(policy: DnssecPolicy, line: PolicyKey, zone: readonly PlannedKey[], now: number): void {
    this.#line = line;
    const others = zone.filter((key) => key.id !== this.key.id);
    const introduction = introductionOf(line, others, now);
    this.key = { ...this.key, ...scheduleAdoptedKey(policy, line, this.key, now, introduction) };
  }

  observe({ dsSeen }: Observations): void {
    const seen = dsSeen?.get(this.key.id);
    if (seen === undefined || !this.key.state || this.key.times.dsPublish !== undefined || !signsKeys(this.key)) return;
    this.key = { ...this.key, times: { ...this.key.times, dsPublish: seen } };
  }

  change(record: KeyRecord, to: Condition, now: number): void {
    const state = this.key.state!;
    this.#changes.push({ record, from: state[record] ?? 'hidden', to });
    this.key = { ...this.key, state: withCondition(state, record, to, now) };
  }

  action(): KeyAction | undefined {
    const { id, times, state } = this.key;
    if (this.key === this.#before || !state) return undefined;
    if (this.#line) return { kind: 'adopt', key: id, line: this.#line, times, state };
    return { kind: 'update', key: id, changes: this.#changes, times, state };
  }
}

/** Takes every step that is due, until none is: one may make the next possible. Conditions only go forward, so this ends. */
function advance(work: readonly KeyWork[], policy: DnssecPolicy, now: number): void {
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    const zone = work.map((one) => one.key);
    for (const one of work)
      for (const step of introductionSteps(one.key, zone, policy, now)) {
        if (step.kind !== 'due') continue;
        one.change(step.record, step.to, now);
        isChanged = true;
      }
  }
}

function generate(policy: DnssecPolicy, line: PolicyKey, keys: readonly PlannedKey[], now: number): KeyAction {
  const introduction = introductionOf(line, keys, now);
  return { kind: 'generate', line, dnskeyTtl: policy.dnskeyTtl, ...scheduleNewKey(policy, line, now, introduction) };
}

/**
 * RFC 6781 section 4.1.1: where another key already signs the zone with this algorithm, signatures of the new one must
 * not be seen before its DNSKEY.
 */
function introductionOf(line: PolicyKey, keys: readonly PlannedKey[], now: number): Introduction {
  const { signsZone: signing } = publicationOf(keys, now);
  const isTaken = keys.some((key) => key.algorithm === line.algorithm && signsZone(key) && signing.includes(key.id));
  return isTaken && line.role !== 'ksk' ? 'after publication' : 'at once';
}

function nextEvent(keys: readonly PlannedKey[], policy: DnssecPolicy, now: number): number | undefined {
  const steps = keys.flatMap((key) => introductionSteps(key, keys, policy, now));
  const moments = steps.flatMap((step) => (step.kind === 'later' ? step.at : []));
  // Keys that no policy has taken up follow their own times.
  const timed = keys.filter((key) => !isTakenUp(key)).flatMap((key) => Object.values(key.times) as number[]);
  return [...moments, ...timed].filter((at) => at > now).reduce<number | undefined>(earlier, undefined);
}

const earlier = (best: number | undefined, at: number): number => (best === undefined ? at : Math.min(best, at));

function waitsOf(keys: readonly PlannedKey[], policy: DnssecPolicy, now: number): KeyWait[] {
  return keys.flatMap((key) =>
    introductionSteps(key, keys, policy, now).flatMap((step): KeyWait | [] => {
      if (step.kind === 'due') return [];
      const { record, to } = step;
      const from = key.state?.[record] ?? 'hidden';
      const common = { key: key.id, record, from, to, others: [], interval: undefined };
      if (step.kind === 'later') return { ...common, reason: 'time', until: step.at };
      return { ...common, reason: step.reason, until: undefined };
    }),
  );
}
