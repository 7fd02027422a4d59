import type { DnssecPolicy, PolicyKey } from '../../../src/conf/configuration.ts';
import type { KeyWait, WaitReason } from '../../../src/policy/key-wait.ts';
import type { Observations } from '../../../src/policy/observations.ts';
import type { KeyAction } from '../../../src/policy/plan.ts';
import { KEY_RECORDS, recordsOf, signsKeys, signsZone, withCondition } from '../../../src/policy/planned-key.ts';
import type { Condition, KeyRecord, PlannedKey, PlannedState } from '../../../src/policy/planned-key.ts';
import type { Publication } from '../../../src/policy/publication.ts';
import type { Planner } from './daemon.ts';

/*
 * A planner that knows one way to change keys, and takes its time: nothing is done sooner than PATIENCE after
 * what was done before. It shows that the histories can be survived, and that what is planned too early is found.
 *
 *     new keys sign data -> their DNSKEYs -> CDS, until the parent has their DS and no other -> old ones stop signing -> and go
 */

/** Seconds; more than anything takes in a history whose policies have not the numbers of the built-in ones. */
const PATIENCE = 500;

export const patientPlan = planAfter(PATIENCE);

/** A planner that leaves so many seconds between two steps. */
export function planAfter(patience: number): Planner {
  return (policy, keys, observations, now) => {
    const known = keys.map((key) => noteParent(withGoal(key, policy, keys, now), observations));
    const missing = policy.keys.filter((line) => !known.some((key) => isWanted(key) && fits(key, line)));
    const isDue = missing.length === 0 && lastChange(known) + patience <= now;
    const after = isDue ? step(known, now).map((key) => noteParent(key, observations)) : known;
    const goesOn = !isSame(step(after, now), after);
    return {
      actions: [...missing.map((line) => generate(line, policy, now - patience)), ...updates(keys, after)],
      publication: publication(policy, after),
      waits: waitsOf(after),
      nextEvent: earliest(goesOn ? lastChange(after) + patience : undefined, after),
    };
  };
}

/** The next step, or the end of a key's time. */
function earliest(next: number | undefined, keys: readonly PlannedKey[]): number | undefined {
  const ends = keys.filter(isWanted).flatMap(({ times }) => times.inactive ?? []);
  const events = next === undefined ? ends : [next, ...ends];
  return events.length === 0 ? undefined : Math.min(...events);
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function updates(before: readonly PlannedKey[], after: readonly PlannedKey[]): KeyAction[] {
  return after.flatMap((key, i) => {
    if (isSame(key, before[i])) return [];
    return { kind: 'update', key: key.id, changes: [], times: key.times, state: key.state ?? {} };
  });
}

function lastChange(keys: readonly PlannedKey[]): number {
  let last = -Infinity;
  for (const { state, times } of keys) {
    for (const record of KEY_RECORDS) last = Math.max(last, state?.[`${record}Change`] ?? -Infinity);
    last = Math.max(last, times.dsPublish ?? -Infinity, times.dsRemoved ?? -Infinity);
  }
  return last;
}

/** What the parent is asked. */
function waitsOf(keys: readonly PlannedKey[]): KeyWait[] {
  const wait = (key: PlannedKey, reason: WaitReason): KeyWait => ({
    key: key.id,
    record: 'ds',
    from: 'hidden',
    to: 'hidden',
    reason,
    others: [],
    until: undefined,
    interval: undefined,
  });
  return keys.flatMap((key) => {
    if (isIntroduced(key)) return hasDs(key) ? [] : [wait(key, 'ds not seen at parent')];
    return mayHaveDs(key) ? [wait(key, 'ds still at parent')] : [];
  });
}

const isIntroduced = (key: PlannedKey): boolean => signsKeys(key) && isShown(key.state?.ds);

function noteParent(key: PlannedKey, { dsSeen, dsGone }: Observations): PlannedKey {
  if (!signsKeys(key)) return key;
  let { times } = key;
  // What an operator said is in the state.
  if (key.state?.ds === 'rumoured' && times.dsPublish !== undefined && times.dsRemoved !== undefined)
    times = { ...times, dsRemoved: undefined };
  if (key.state?.ds === 'unretentive' && times.dsRemoved !== undefined && times.dsPublish !== undefined)
    times = { ...times, dsPublish: undefined };
  const [seen, gone] = [dsSeen?.get(key.id), dsGone?.get(key.id)];
  if (seen !== undefined && times.dsPublish === undefined && isIntroduced(key))
    times = { ...times, dsPublish: seen, dsRemoved: undefined };
  if (gone !== undefined && times.dsRemoved === undefined && key.state?.ds === 'unretentive')
    times = { ...times, dsPublish: undefined, dsRemoved: gone };
  return times === key.times ? key : { ...key, times };
}

const hasDs = ({ times }: PlannedKey): boolean => times.dsPublish !== undefined && times.dsRemoved === undefined;

/** The parent was asked to have it, and has not been seen without it since it was asked not to. */
function mayHaveDs({ state, times }: PlannedKey): boolean {
  return (isShown(state?.ds) || state?.ds === 'unretentive') && times.dsRemoved === undefined;
}

const isShown = (condition: Condition | undefined): boolean => condition === 'rumoured' || condition === 'omnipresent';

function fits(key: PlannedKey, line: PolicyKey): boolean {
  const isRole = signsKeys(key) === (line.role !== 'zsk') && signsZone(key) === (line.role !== 'ksk');
  return isRole && key.algorithm === line.algorithm && key.bits === line.bits;
}

const isWanted = ({ state }: PlannedKey): boolean => state?.goal !== 'hidden';

/** A key that the policy asks for no more, or whose time is over, goes; of several for one line the first stays. */
function withGoal(key: PlannedKey, policy: DnssecPolicy, all: readonly PlannedKey[], now: number): PlannedKey {
  const isUsable = (one: PlannedKey): boolean => isWanted(one) && (one.times.inactive ?? Infinity) > now;
  const stays = policy.keys.some((line) => all.find((one) => isUsable(one) && fits(one, line)) === key);
  return stays || !isWanted(key) ? key : { ...key, state: { ...key.state, goal: 'hidden' } };
}

function generate(line: PolicyKey, { dnskeyTtl }: DnssecPolicy, at: number): KeyAction {
  const state: PlannedState = {
    ksk: line.role !== 'zsk',
    zsk: line.role !== 'ksk',
    goal: 'omnipresent',
    dnskey: 'hidden',
    zrrsig: 'hidden',
    krrsig: 'hidden',
    ds: 'hidden',
    dnskeyChange: at,
  };
  return { kind: 'generate', line, dnskeyTtl, times: {}, state };
}

/** The next stage, of all keys together; the same keys when there is none. */
function step(keys: readonly PlannedKey[], now: number): readonly PlannedKey[] {
  const fresh = keys.filter(isWanted);
  const old = keys.filter((key) => !isWanted(key));
  const show = (records: readonly KeyRecord[]): readonly PlannedKey[] | undefined =>
    moved(keys, fresh, records, 'omnipresent', now);
  const hide = (which: readonly PlannedKey[], records: readonly KeyRecord[]): readonly PlannedKey[] | undefined =>
    moved(keys, which, records, 'hidden', now);
  const next =
    show(['zrrsig']) ?? show(['dnskey', 'krrsig']) ?? show(['ds']) ?? moved(keys, old, ['ds'], 'unretentive', now);
  if (next) return next;
  const isReady = fresh.every((key) => !signsKeys(key) || hasDs(key)) && !old.some(mayHaveDs);
  if (!isReady) return keys;
  const replaced = old.filter((key) => fresh.some(({ algorithm }) => algorithm === key.algorithm));
  // RFC 6781 section 4.1.4: the DNSKEY of an algorithm goes before its signatures.
  return hide(replaced, ['zrrsig']) ?? hide(old, ['dnskey', 'krrsig']) ?? hide(old, ['zrrsig']) ?? keys;
}

/** The keys, with these records of some of them in another condition; undefined when they are in it already. */
function moved(
  keys: readonly PlannedKey[],
  which: readonly PlannedKey[],
  records: readonly KeyRecord[],
  to: Condition,
  now: number,
): readonly PlannedKey[] | undefined {
  const after = keys.map((key) => (which.includes(key) ? withRecords(key, records, to, now) : key));
  return after.some((key, i) => key !== keys[i]) ? after : undefined;
}

function withRecords(key: PlannedKey, records: readonly KeyRecord[], to: Condition, now: number): PlannedKey {
  let { state = {}, times } = key;
  for (const record of records) {
    const isThere = state[record] === to || (to !== 'omnipresent' && !isShown(state[record]));
    if (isThere || !recordsOf(key).includes(record)) continue;
    // What was seen of the DS before it is offered anew counts no more.
    if (record === 'ds' && to === 'omnipresent' && state.ds !== 'rumoured') times = { ...times, dsPublish: undefined, dsRemoved: undefined }; // prettier-ignore
    state = withCondition(state, record, to, now);
  }
  return state === key.state ? key : { ...key, state, times };
}

function publication(policy: DnssecPolicy, keys: readonly PlannedKey[]): Publication {
  const shown = (record: KeyRecord): string[] =>
    keys.filter((key) => recordsOf(key).includes(record) && isShown(key.state?.[record])).map(({ id }) => id);
  const dnskey = shown('dnskey');
  return {
    dnskey,
    signsKeys: shown('krrsig'),
    signsZone: shown('zrrsig'),
    sync: shown('ds'),
    syncDelete: policy.keys.length === 0 && dnskey.length > 0,
    isSigned: dnskey.length > 0 || policy.keys.length > 0,
  };
}
