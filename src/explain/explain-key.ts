import { algorithmText } from '../crypto/algorithm.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { dnskeyInterval } from '../conf/policy-intervals.ts';
import { historyKeyText } from '../history/history-text.ts';
import type { HistoryEntry } from '../history/key-history.ts';
import type { KeyWait } from '../policy/key-wait.ts';
import { lineLeavingOut } from '../policy/match-keys.ts';
import { changeOf, recordsOf } from '../policy/planned-key.ts';
import type { KeyRecord, PlannedKey } from '../policy/planned-key.ts';
import { requestRollover } from '../policy/requests.ts';
import { type ExplainScene, timeOf } from './forecast.ts';
import type {
  FirstStep,
  KeyExplanation,
  KeyStage,
  KeyTimesExplanation,
  Moment,
  WaitExplanation,
} from './explanation.ts';
import { explainInterval, momentOf } from './interval-text.ts';
import { CONDITION_TEXTS, keyName, RECORD_NAMES, roleOf, stageOf } from './key-words.ts';
import { explainLacking, lostToStay } from './lacking-half.ts';
import { explainRemoval } from './removal.ts';
import { checkdsCommand, rolloverCommand, stepCommand } from './rndc-command.ts';
import { momentText } from './time-text.ts';
import { rootOf } from './wait-chain.ts';
import { adviceOf, causeOf, stepOf, type WaitContext } from './wait-texts.ts';

/** Events of a key's history that are shown. */
const EVENTS_SHOWN = 5;

export function explainKey(key: PlannedKey, input: ExplainScene): KeyExplanation {
  const { now, history = [] } = input;
  const stage = stageOf(key);
  const { predecessor, successor } = key.state ?? {};
  const lacks = explainLacking(key, input);
  return {
    key: key.id,
    tag: key.tag,
    algorithm: key.algorithm,
    algorithmName: algorithmText(key.algorithm),
    role: roleOf(key),
    stage,
    status: statusOf(key, stage, input),
    ...(predecessor !== undefined && { predecessor }),
    ...(successor !== undefined && { successor }),
    ...(key.state?.goal !== undefined && { goal: key.state.goal }),
    times: explainTimes(key, input),
    ...(lacks && { lacks }),
    records: stage === 'not managed' ? [] : recordsOf(key).map((record) => explainRecord(key, record, now)),
    waits: inOrder(key.id, input).map((wait) => explainWait(key, wait, input)),
    removal: explainRemoval(key, stage, input),
    history: latest(history, key.id).map((entry) => ({ at: momentOf(entry.event.at, now), text: textOf(entry) })),
  };
}

function explainTimes({ times, state }: PlannedKey, { policy, now }: ExplainScene): KeyTimesExplanation {
  const isShown = (record: KeyRecord): boolean => state?.[record] === 'rumoured' || state?.[record] === 'omnipresent';
  const entry = <Name extends string>(name: Name, at: number | undefined, holds: boolean): { [N in Name]?: Moment } =>
    (at === undefined || !holds ? {} : { [name]: momentOf(at, now) }) as { [N in Name]?: Moment };
  const { publish, activate, inactive } = times;
  const rollover = inactive === undefined ? undefined : inactive - dnskeyInterval(policy);
  return {
    ...entry('publishedSince', publish, isShown('dnskey')),
    ...entry('keySigningSince', publish, isShown('krrsig')),
    ...entry('zoneSigningSince', activate, isShown('zrrsig')),
    ...entry('nextRollover', rollover, state?.goal === 'omnipresent'),
    ...entry('retires', inactive, true),
  };
}

function latest(history: readonly HistoryEntry[], key: string): HistoryEntry[] {
  return history.filter(({ event }) => event.key?.id === key).slice(-EVENTS_SHOWN);
}

/** Of what stands with its key the key need not be named. */
function textOf({ event, text }: HistoryEntry): string {
  const name = event.key === undefined ? '' : `${historyKeyText(event.key)}: `;
  return text.startsWith(name) ? text.slice(name.length) : text;
}

function statusOf(key: PlannedKey, stage: KeyStage, { policy, now }: ExplainScene): string {
  const { successor, predecessor, lifetime } = key.state ?? {};
  switch (stage) {
    case 'not managed':
      return `is not managed by policy ${policy.name}: it does what the times in its files say`;
    case 'coming': {
      const place = predecessor === undefined ? '' : `, in the place of key ${predecessor}`;
      return `is being introduced${place}; ${lifetimeText(key, lifetime, now)}`;
    }
    case 'in use':
      return `is in use; ${lifetimeText(key, lifetime, now)}`;
    case 'going': {
      const place = successor === undefined ? tagText(key, policy) : `, key ${successor} takes its place`;
      return `is being withdrawn${place}`;
    }
    case 'gone':
      return 'is out of use, and no cache needs it';
  }
}

/** Several signers of one zone keep their tags apart; '' when the key goes for another reason. */
function tagText(key: PlannedKey, policy: DnssecPolicy): string {
  const range = lineLeavingOut(key, policy)?.tagRange;
  if (range === undefined) return '';
  return `: its tag, or the one that a revocation would give it, is not in tag-range ${range.low} ${range.high}`;
}

function lifetimeText({ times }: PlannedKey, lifetime: number | undefined, now: number): string {
  if (times.inactive === undefined || lifetime === 0) return 'its lifetime has no end';
  const verb = times.inactive <= now ? 'ended' : 'ends';
  return `its lifetime ${verb} ${momentText(times.inactive, now)}`;
}

function explainRecord(key: PlannedKey, record: KeyRecord, now: number): KeyExplanation['records'][number] {
  const condition = key.state?.[record] ?? 'hidden';
  const since = key.state && changeOf(key.state, record);
  return {
    record,
    name: RECORD_NAMES[record],
    condition,
    ...(since !== undefined && { since: momentOf(since, now) }),
    text: CONDITION_TEXTS[record][condition],
  };
}

/**
 * What a key waits for first: steps that wait for no other step of the key before those that do, steps of records before those of
 * the key as a whole, and the earliest first.
 */
function inOrder(key: string, input: ExplainScene): KeyWait[] {
  const all = input.plan.waits;
  const rank = (wait: KeyWait): readonly number[] => {
    const root = rootOf(wait, all);
    const isLater = root !== wait && root.key === key;
    return [Number(wait.record === undefined), Number(isLater), timeOf(wait, input) ?? -1];
  };
  const ranks = new Map(all.filter((wait) => wait.key === key).map((wait) => [wait, rank(wait)]));
  return [...ranks.keys()].toSorted((a, b) => compareRanks(ranks.get(a)!, ranks.get(b)!));
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, i) => number !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}

function explainWait(key: PlannedKey, wait: KeyWait, input: ExplainScene): WaitExplanation {
  const { plan, now } = input;
  const root = rootOf(wait, plan.waits);
  const earliest = timeOf(wait, input);
  const context = contextOf(key, wait, input);
  const rooted = root === wait ? undefined : input.keys.find(({ id }) => id === root.key);
  const rootContext = rooted && contextOf(rooted, root, input);
  const { record, from, to, reason, others } = wait;
  return {
    ...(record !== undefined && { record }),
    from,
    to,
    step: stepOf(wait),
    reason,
    cause: causeOf(context),
    others,
    ...(earliest !== undefined && { earliest: momentOf(earliest, now) }),
    ...(wait.interval && { rule: explainInterval(wait.interval, now) }),
    advice: isHeldByLoss(root, input)
      ? [{ text: 'restore the private half that is lacking first' }]
      : adviceOf(rootContext ?? context),
    ...(rootContext && { first: firstStep(rootContext, now) }),
  };
}

/** What is to happen at the parent may not while a key lacks its private half that would be trusted then. */
function isHeldByLoss({ record }: KeyWait, input: ExplainScene): boolean {
  return record === 'ds' && lostToStay(input).length > 0;
}

function firstStep(context: WaitContext, now: number): FirstStep {
  const { name, wait } = context;
  const { key, record, reason, until } = wait;
  return {
    key,
    name,
    ...(record !== undefined && { record }),
    step: stepOf(wait),
    reason,
    cause: causeOf(context),
    ...(until !== undefined && { earliest: momentOf(until, now) }),
  };
}

function contextOf(key: PlannedKey, wait: KeyWait, input: ExplainScene): WaitContext {
  const { keys } = input;
  const others = wait.others.map((id) => {
    const other = keys.find((one) => one.id === id);
    return other ? keyName(other, keys) : id;
  });
  return {
    wait,
    name: keyName(key, keys),
    others,
    checkds: (what) => checkdsCommand(key, what, input),
    step: () => stepCommand(input),
    isManual: input.policy.manualMode === true,
    rollover: () => {
      const { policy, now } = input;
      const isAccepted = requestRollover(policy, keys, key.id, now, now).kind === 'accepted';
      return isAccepted ? rolloverCommand(key, input) : undefined;
    },
  };
}
