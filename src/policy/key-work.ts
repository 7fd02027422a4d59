import type { PolicyKey } from '../conf/configuration.ts';
import type { KeySchedule } from './key-schedule.ts';
import type { Observations } from './observations.ts';
import {
  changeOf,
  conditionOf,
  dsGoneSince,
  dsSeenSince,
  isTakenUp,
  recordsOf,
  signsKeys,
  withCondition,
} from './planned-key.ts';
import type { Condition, KeyRecord, PlannedKey } from './planned-key.ts';

export interface StateChange {
  readonly record: KeyRecord;
  readonly from: Condition;
  readonly to: Condition;
}

/** One key while a plan is made: as it is, and as it becomes. */
export class KeyWork {
  readonly before: PlannedKey;
  key: PlannedKey;
  /** The line of the policy that takes the key up in this plan. */
  adoptedBy: PolicyKey | undefined;
  changes: StateChange[] = [];

  constructor(before: PlannedKey) {
    this.before = before;
    this.key = before;
  }

  schedule({ times, state }: KeySchedule): void {
    this.key = { ...this.key, times, state };
  }

  /**
   * A moment that is missing, or lies in the future because a clock was wrong, is now: what it counts has happened, and no
   * interval must end early.
   */
  mendMoments(now: number): void {
    if (!isTakenUp(this.key)) return;
    const { times } = this.key;
    // Who knows no other moment takes a key for as old as its first use; and a successor must not be older than its predecessor.
    const born = times.created ?? Math.min(times.publish ?? Infinity, times.activate ?? Infinity);
    if (born > now && born !== Infinity) this.key = { ...this.key, times: { ...times, created: now } };
    for (const record of recordsOf(this.key)) {
      const condition = conditionOf(this.key, record)!;
      const state = this.key.state!;
      const since = changeOf(state, record);
      const isKept = state[record] !== undefined && since !== undefined && since <= now;
      if (!isKept) this.key = { ...this.key, state: withCondition(state, record, condition, now) };
    }
  }

  /**
   * What was seen at the parent, where the key's files do not say it.
   * @param replacedSince when the parent has what took the place of the key's DS; undefined: it has not
   */
  observe({ dsSeen, dsGone }: Observations, replacedSince: number | undefined, now: number): void {
    if (!isTakenUp(this.key) || !signsKeys(this.key)) return;
    const { times, state } = this.key;
    const seen = dsSeen?.get(this.key.id);
    const { dsRemoved: goneBefore = -Infinity } = times;
    if (seen !== undefined && dsSeenSince(this.key) === undefined && seen >= goneBefore) {
      // What changes twice in a second was seen last.
      this.key = { ...this.key, times: { ...times, dsPublish: Math.max(seen, goneBefore + 1) } };
    }
    if (seen !== undefined && state?.ds === 'hidden') this.#change('ds', 'rumoured', now);
    const gone = seen === undefined ? dsGone?.get(this.key.id) : undefined;
    if (gone === undefined || state?.ds !== 'unretentive' || dsGoneSince(this.key) !== undefined) return;
    // The parent may have read CDS until it was gone; in a second in which two things happen nobody knows which was first.
    if (gone <= (state.dsChange ?? now)) return;
    const { dsPublish } = this.key.times;
    // A DS that nobody saw may be on its way to the parent, until the parent has what took its place.
    const least = dsPublish ?? replacedSince;
    if (least === undefined) return;
    this.key = { ...this.key, times: { ...this.key.times, dsRemoved: Math.max(gone, least) } };
  }

  change(record: KeyRecord, to: Condition, now: number): void {
    this.#change(record, to, now);
    const from = this.changes.at(-1)?.from;
    if (record === 'ds') this.#forgetSightings(from, to);
    // Signatures of a new algorithm may have kept the DNSKEY back; and one that comes back was away, whatever its first time was.
    const isShownAnew = record === 'dnskey' && to === 'rumoured';
    const { times, state } = this.key;
    if (isShownAnew && state?.goal === 'omnipresent' && times.publish !== now)
      this.key = { ...this.key, times: { ...times, publish: now } };
  }

  /** What was seen of the DS when it was wanted, or unwanted, before does not count for this time. */
  #forgetSightings(from: Condition | undefined, to: Condition): void {
    if (from === 'hidden' || (to !== 'rumoured' && to !== 'unretentive')) return;
    const { dsPublish, dsRemoved, ...times } = this.key.times;
    // A DS that never went is there still.
    const isThere = dsPublish !== undefined && dsGoneSince(this.key) === undefined;
    const isKept = dsPublish !== undefined && (to === 'unretentive' || isThere);
    if (dsRemoved !== undefined || !isKept)
      this.key = { ...this.key, times: { ...times, ...(isKept && { dsPublish }) } };
  }

  #change(record: KeyRecord, to: Condition, now: number): void {
    const from = conditionOf(this.key, record) ?? 'hidden';
    this.changes.push({ record, from, to });
    this.key = { ...this.key, state: withCondition(this.key.state!, record, to, now) };
  }

  get isChanged(): boolean {
    if (this.key === this.before) return false;
    return !isSame(this.before.times, this.key.times) || !isSame(this.before.state ?? {}, this.key.state ?? {});
  }
}

function isSame(a: object, b: object): boolean {
  return a === b || (has(a, b) && has(b, a));
}

/** Every field that is set in `part` has the same value in `whole`. */
function has(whole: object, part: object): boolean {
  return Object.entries(part).every(([name, value]) => Reflect.get(whole, name) === value);
}
