import {
  hasOtherDs,
  hasOtherKeySigner,
  hasOtherKnownDs,
  isChainKnown,
  isForsaken,
  isInsecure,
  isSigned,
  isSignedFor,
  isUnknown,
  keysInPlaceOf,
  keysWithDs,
  lacksSignatures,
  mayAlgorithmLeave,
} from './chain-rules.ts';
import {
  dnskeyAbsenceForgotten,
  dnskeyForgotten,
  dnskeyKnown,
  dsSpread,
  endOf,
  lastDsForgotten,
  signaturesReplaced,
} from './intervals.ts';
import type { IntervalSources } from './intervals.ts';
import type { WaitInterval, WaitReason } from './key-wait.ts';
import {
  changeOf,
  conditionOf,
  dsGoneSince,
  dsSeenSince,
  isKnown,
  isShown,
  isSuccessor,
  recordsOf,
  withCondition,
} from './planned-key.ts';
import type { Condition, KeyRecord, PlannedKey } from './planned-key.ts';

/*
 * The steps of the records of a key. Where the goal is to be known, they go to the right, and where it is to be gone, to the left and
 * around:
 *
 *     hidden --introduce--> rumoured --spread--> omnipresent
 *        ^                      |  ^                  |
 *        |                      |  '-introduce-.      |
 *        |                      '--withdraw--> unretentive
 *        '-------------------forget------------------'
 *
 * A step is taken when the rules (chain-rules.ts) hold afterwards and its interval is over. The Publish and Activate times of a key are a
 * plan only, as in BIND 9.18: they hold back nothing.
 */

/** What steps depend on beside the keys. */
export interface StepSetting extends IntervalSources {
  /** Unix seconds. */
  readonly now: number;
  /** The policy has no keys: the zone is to have no DS. */
  readonly isGoingInsecure: boolean;
  /** The step waits for an operator (manual-mode). */
  readonly isHeld: (key: PlannedKey, record: KeyRecord, to: Condition) => boolean;
}

/** The next step of a record: due now, or what it waits for. */
export type Step = { readonly record: KeyRecord; readonly from: Condition; readonly to: Condition } & (
  { readonly kind: 'due' } | ({ readonly kind: 'waiting' } & Obstacle)
);

/** Why a step cannot be taken yet. */
export interface Obstacle {
  readonly reason: WaitReason;
  /** Ids of keys. */
  readonly others: readonly string[];
  /** Unix seconds; undefined: not a matter of time. */
  readonly until: number | undefined;
  readonly interval: WaitInterval | undefined;
}

/**
 * The next steps of the records of a key, and those that wait for an operator though something else comes before. `zone` is all keys of
 * the zone that a policy has taken up, this one among them.
 */
export function nextSteps(key: PlannedKey, zone: readonly PlannedKey[], setting: StepSetting): Step[] {
  return recordsOf(key).flatMap((record) => {
    const [next, ...later] = stepsOf(key, record, zone, setting);
    return next === undefined
      ? []
      : [next, ...later.filter((step) => 'reason' in step && step.reason === 'manual step')];
  });
}

/** The next step of one record; undefined: it is where it is to be. */
export function nextStep(
  key: PlannedKey,
  record: KeyRecord,
  zone: readonly PlannedKey[],
  setting: StepSetting,
): Step | undefined {
  return stepsOf(key, record, zone, setting)[0];
}

/** The steps that one record may take, the first of them first. */
function stepsOf(
  key: PlannedKey,
  record: KeyRecord,
  zone: readonly PlannedKey[],
  setting: StepSetting,
): readonly Step[] {
  const from = conditionOf(key, record) ?? 'hidden';
  const to = nextCondition(key, record, from, zone);
  if (to === undefined) return [];
  const step = stepTo(to, from, { key, record, to, zone, ...setting });
  if (record === 'ds' || from !== 'rumoured' || to !== 'unretentive' || step.kind === 'due') return [step];
  // What has to stay for now becomes known meanwhile, and something may wait for that.
  const meanwhile = stepTo('omnipresent', from, { key, record, to: 'omnipresent', zone, ...setting });
  return momentOf(meanwhile) < momentOf(step) ? [meanwhile, step] : [step];
}

function stepTo(to: Condition, from: Condition, step: StepCase): Step {
  const { record, now } = step;
  const obstacle = obstacleOf(step);
  const isOver = obstacle === undefined || (obstacle.until !== undefined && obstacle.until <= now);
  if (!isOver) return { kind: 'waiting', record, from, to, ...obstacle };
  if (!begins(step) || !step.isHeld(step.key, record, to)) return { kind: 'due', record, from, to };
  return { kind: 'waiting', record, from, to, ...blocked('manual step', []) };
}

/** Whether something new is shown, or something withdrawn; what caches do, and what a zone with a DS cannot be without, is no beginning. */
function begins({ key, record, to, zone }: StepCase): boolean {
  if (to === 'unretentive') return true;
  if (to !== 'rumoured' || key.state?.goal !== 'omnipresent') return false;
  if ((record === 'zrrsig' || record === 'krrsig') && lacksSignatures(zone, key.algorithm, record)) return false;
  if (record === 'zrrsig') return !isForsaken(zone, key.algorithm);
  return record === 'ds' || !isKnown(conditionOf(key, 'ds'));
}

function momentOf(step: Step): number {
  return step.kind === 'due' ? -Infinity : (step.until ?? Infinity);
}

function nextCondition(
  key: PlannedKey,
  record: KeyRecord,
  from: Condition,
  zone: readonly PlannedKey[],
): Condition | undefined {
  if (record === 'zrrsig' && isHandingOverTooEarly(key, zone)) return 'omnipresent';
  if (record === 'zrrsig' && isCalledBack(key, zone)) return 'rumoured';
  return NEXT[key.state?.goal === 'omnipresent' ? 'omnipresent' : 'hidden'][from];
}

/** States that contradict each other must not leave a zone that has a DS without signatures. */
function isCalledBack(key: PlannedKey, zone: readonly PlannedKey[]): boolean {
  const { goal, dnskey, zrrsig } = key.state ?? {};
  return goal !== 'omnipresent' && !isShown(zrrsig) && isShown(dnskey) && isForsaken(zone, key.algorithm);
}

/**
 * Of a key and its successor each cache has the signatures of one only if all had those of the first before: they become known
 * even if it is to go.
 */
function isHandingOverTooEarly(key: PlannedKey, zone: readonly PlannedKey[]): boolean {
  if (key.state?.zrrsig !== 'rumoured' || !needsSignatures(zone, key.algorithm)) return false;
  return zone.some((other) => isSuccessor(other, key));
}

/** By the goal of the key. */
const NEXT: Readonly<Record<'omnipresent' | 'hidden', Readonly<Record<Condition, Condition | undefined>>>> = {
  omnipresent: { hidden: 'rumoured', rumoured: 'omnipresent', omnipresent: undefined, unretentive: 'rumoured' },
  hidden: { hidden: undefined, rumoured: 'unretentive', omnipresent: 'unretentive', unretentive: 'hidden' },
};

/** A step and all that it depends on. */
interface StepCase extends StepSetting {
  readonly key: PlannedKey;
  readonly record: KeyRecord;
  readonly to: Condition;
  readonly zone: readonly PlannedKey[];
}

function obstacleOf(step: StepCase): Obstacle | undefined {
  switch (step.to) {
    case 'rumoured':
      return INTRODUCE[step.record](step);
    case 'omnipresent':
      return spread(step);
    case 'unretentive':
      return WITHDRAW[step.record](step);
    case 'hidden':
      return forget(step);
  }
}

/** May the record be shown? */
const INTRODUCE: Readonly<Record<KeyRecord, (step: StepCase) => Obstacle | undefined>> = {
  dnskey({ key, zone }) {
    // RFC 6781 section 4.1.4: signatures of a new algorithm come first. A DS of it cannot wait for them.
    const isAwaited = keysWithDs(zone, key.algorithm).length > 0;
    if (!isAwaited && !isInsecure(zone) && !isSignedFor(zone, key.algorithm))
      return blocked('signatures not known everywhere', zoneSigners(zone, key.algorithm));
    return undefined;
  },
  krrsig({ key }) {
    return isShown(key.state?.dnskey) ? undefined : blocked('dnskey not known everywhere', [key]);
  },
  zrrsig({ key, zone, now }) {
    // RFC 6781 section 4.1.1.1: beside signatures of another key they appear when the DNSKEY is known.
    const isBeside = zone.some(
      (other) =>
        other.id !== key.id &&
        other.algorithm === key.algorithm &&
        isShown(conditionOf(other, 'zrrsig')) &&
        isShown(conditionOf(other, 'dnskey')) &&
        !(isInsecure(zone) && appearsNow(other, now) && appearsNow(key, now)),
    );
    const isKnownEverywhere = conditionOf(key, 'dnskey') === 'omnipresent';
    return isBeside && !isKnownEverywhere ? blocked('dnskey not known everywhere', [key]) : undefined;
  },
  ds({ key, zone, now, ...setting }) {
    // RFC 7583 section 3.3.4: a resolver that has the DS must find a DNSKEY and signatures everywhere.
    if (!isChainKnown(key)) return blocked('dnskey not known everywhere', [key]);
    for (const algorithm of new Set(zone.map((one) => one.algorithm))) {
      const obstacle = unsignedFor(zone, algorithm, algorithm === key.algorithm);
      if (obstacle) return obstacle;
    }
    return time(dnskeyAbsenceForgotten(setting, dnskeySince(zone, now)));
  },
};

/** Since when the zone has a DNSKEY RRset: of the keys that it shows the first was published then. */
function dnskeySince(zone: readonly PlannedKey[], now: number): number {
  const shown = zone.filter((key) => isShown(conditionOf(key, 'dnskey')));
  const moments = shown.map((key) => {
    const { publish = Infinity } = key.times;
    // A plan that was overtaken, or a clock that was wrong, says nothing of when it was.
    return publish <= now ? publish : since(key, 'dnskey', now);
  });
  return Math.min(now, ...moments);
}

/** The first keys of a zone sign it together. */
function appearsNow({ state }: PlannedKey, now: number): boolean {
  return state?.dnskey === 'rumoured' && state.dnskeyChange === now;
}

/** RFC 4035 section 2.2: each algorithm in the DNSKEY RRset signs all of the zone. */
function unsignedFor(zone: readonly PlannedKey[], algorithm: number, isOfDs: boolean): Obstacle | undefined {
  if ((!isOfDs && isUnknown(zone, algorithm)) || isSigned(zone, algorithm)) return undefined;
  const isStaying = zone.some((key) => key.algorithm === algorithm && key.state?.goal === 'omnipresent');
  if (isOfDs || isStaying) return blocked('signatures not known everywhere', zoneSigners(zone, algorithm));
  // What is left of an algorithm that was given up: it goes by time alone, or was never signed with.
  const known = zone.filter((key) => key.algorithm === algorithm && isKnown(conditionOf(key, 'dnskey')));
  const isGone = known.every((key) => key.state?.dnskey === 'unretentive');
  return isGone ? blocked('zone still secure', known) : undefined;
}

/** Have the caches without the record expired? */
function spread({ key, record, zone, now, ...setting }: StepCase): Obstacle {
  switch (record) {
    case 'dnskey':
    case 'krrsig':
      return time(dnskeyKnown(key, setting, since(key, record, now)));
    case 'zrrsig': {
      // Those of the predecessor are replaced from the moment on that it retires.
      const retired = zone.filter(
        (before) => isSuccessor(key, before) && conditionOf(before, 'zrrsig') === 'unretentive',
      );
      const moments = [key, ...retired].map((one) => since(one, record, now));
      return time(signaturesReplaced(key, setting, Math.max(...moments)));
    }
    case 'ds': {
      const seen = dsSeenSince(key);
      return seen === undefined ? blocked('ds not seen at parent', []) : time(dsSpread('IpubP', setting, seen));
    }
  }
}

/** May the record be taken away? */
const WITHDRAW: Readonly<Record<KeyRecord, (step: StepCase) => Obstacle | undefined>> = {
  ds({ key, zone, isGoingInsecure }) {
    if (isGoingInsecure || hasOtherDs(zone, key)) return undefined;
    return blocked('successor not ready', keysInPlaceOf(zone, key, 'ksk'));
  },
  krrsig({ key, zone }) {
    return keySignerObstacle(key, zone);
  },
  dnskey({ key, zone }) {
    const obstacle = conditionOf(key, 'krrsig') === undefined ? undefined : keySignerObstacle(key, zone);
    if (obstacle) return obstacle;
    const isDispensable = conditionOf(key, 'zrrsig') === undefined || isSigned(zone, key.algorithm, key);
    if (isDispensable || mayAlgorithmLeave(zone, key.algorithm)) return undefined;
    return zoneSignerObstacle(key, zone);
  },
  zrrsig({ key, zone, now, ...setting }) {
    if (!needsSignatures(zone, key.algorithm)) return undefined;
    const after = zone.map((one) => (one.id === key.id ? withoutSignatures(key, now) : one));
    if (isSigned(after, key.algorithm)) return undefined;
    if (mayAlgorithmLeave(zone, key.algorithm)) return algorithmObstacle(key, zone, setting, now);
    return zoneSignerObstacle(key, zone);
  },
};

function keySignerObstacle(key: PlannedKey, zone: readonly PlannedKey[]): Obstacle | undefined {
  if (isKnown(conditionOf(key, 'ds'))) return blocked('zone still secure', []);
  if (hasOtherKeySigner(zone, key) || mayAlgorithmLeave(zone, key.algorithm)) return undefined;
  return leavingObstacle(key, zone, 'ksk');
}

function zoneSignerObstacle(key: PlannedKey, zone: readonly PlannedKey[]): Obstacle {
  // Signatures that are on their way are enough, even of a key that is to go.
  const coming = zone.filter(
    (other) => other.id !== key.id && other.algorithm === key.algorithm && conditionOf(other, 'zrrsig') === 'rumoured',
  );
  return coming.length > 0 ? blocked('successor not ready', coming) : leavingObstacle(key, zone, 'zsk');
}

/** A key that another replaces waits for it; one whose algorithm goes altogether waits for the DS records of its algorithm. */
function leavingObstacle(key: PlannedKey, zone: readonly PlannedKey[], role: 'ksk' | 'zsk'): Obstacle {
  const isReplaced = zone.some((one) => one.algorithm === key.algorithm && one.state?.goal === 'omnipresent');
  if (isReplaced) return blocked('successor not ready', keysInPlaceOf(zone, key, role));
  return blocked('zone still secure', keysWithDs(zone, key.algorithm));
}

/** RFC 6781 section 4.1.4: signatures of an algorithm that is given up stay until no cache has a DNSKEY of it. */
function algorithmObstacle(
  key: PlannedKey,
  zone: readonly PlannedKey[],
  setting: IntervalSources,
  now: number,
): Obstacle {
  const known = zone.filter((one) => one.algorithm === key.algorithm && isKnown(conditionOf(one, 'dnskey')));
  const isLeaving = known.every((one) => one.state?.dnskey === 'unretentive');
  const moments = known.map((one) => time(dnskeyForgotten(setting, since(one, 'dnskey', now))));
  const last = moments.reduce((best, one) => (one.until > best.until ? one : best));
  if (!isLeaving || last.until <= now) return blocked('zone still secure', known);
  return { ...last, others: known.map(({ id }) => id) };
}

/** Some cache may have a reason to look for signatures of the algorithm. */
function needsSignatures(zone: readonly PlannedKey[], algorithm: number): boolean {
  if (isUnknown(zone, algorithm)) return false;
  return !(isInsecure(zone) && mayAlgorithmLeave(zone, algorithm));
}

const withoutSignatures = (key: PlannedKey, now: number): PlannedKey => ({
  ...key,
  state: withCondition(key.state ?? {}, 'zrrsig', 'unretentive', now),
});

/** Have the caches with the record expired, and do they have something in its place? */
function forget({ key, record, zone, now, isGoingInsecure, ...setting }: StepCase): Obstacle | undefined {
  switch (record) {
    case 'dnskey':
    case 'krrsig':
      return time(dnskeyForgotten(setting, since(key, record, now)));
    case 'zrrsig': {
      const isNeeded = needsSignatures(zone, key.algorithm) && !isSigned(zone, key.algorithm, key);
      if (isNeeded) return zoneSignerObstacle(key, zone);
      return time(signaturesReplaced(key, setting, since(key, record, now)));
    }
    case 'ds': {
      const gone = dsGoneSince(key);
      if (gone === undefined) return blocked('ds still at parent', []);
      if (!isGoingInsecure && !hasOtherKnownDs(zone, key)) {
        const unseen = zone.filter((one) => one.id !== key.id && conditionOf(one, 'ds') === 'rumoured');
        return blocked('successor not ready', unseen.length > 0 ? unseen : keysInPlaceOf(zone, key, 'ksk'));
      }
      return time(isGoingInsecure ? lastDsForgotten(setting, gone) : dsSpread('Iret', setting, gone));
    }
  }
}

function since(key: PlannedKey, record: KeyRecord, now: number): number {
  return key.state ? (changeOf(key.state, record) ?? now) : now;
}

function zoneSigners(zone: readonly PlannedKey[], algorithm: number): PlannedKey[] {
  return zone.filter((key) => key.algorithm === algorithm && conditionOf(key, 'zrrsig') !== undefined);
}

function blocked(reason: WaitReason, others: readonly PlannedKey[]): Obstacle {
  return { reason, others: others.map(({ id }) => id), until: undefined, interval: undefined };
}

function time(interval: WaitInterval): Obstacle & { readonly until: number } {
  return { reason: 'time', others: [], until: endOf(interval), interval };
}
