import { SignetError } from '../base/error.ts';
import type { PolicyKey } from '../conf/configuration.ts';
import { isTakenUp, KEY_RECORDS, recordsOf, signsKeys, signsZone } from '../policy/planned-key.ts';
import type { Condition, KeyRecord, PlannedKey, PlannedState, PlannedTimes } from '../policy/planned-key.ts';
import type { KeyLife, KeyRole, Span } from './simulation.ts';

interface Life extends Omit<KeyLife, 'records'> {
  name: string;
  role: KeyRole;
  purged: number | undefined;
  records: Partial<Record<KeyRecord, Span[]>>;
}

const MOST_TAG = 65_535;
const ALL_TAGS = { low: 0, high: MOST_TAG };
/** What a revocation adds to a tag, which shall stay in the range. */
const REVOKED = 128;

/** DNSKEY flags (RFC 4034 section 2.1.1). */
const ZONE_KEY = 256;
const KEY_SIGNING_KEY = 257;

/** The keys of the zone, and what became of those that are gone. */
export class KeyLives {
  /** As a key directory would have them. */
  keys: readonly PlannedKey[];
  readonly lives = new Map<string, Life>();
  #nextTag = 1;
  readonly #made = { ksk: 0, zsk: 0, csk: 0 };

  constructor(keys: readonly PlannedKey[], start: number) {
    this.keys = keys;
    for (const key of keys) {
      const role = roleOf(key);
      this.#begin(key, { name: `${role} ${key.tag}`, tag: key.tag, made: undefined, predecessor: undefined }, start);
    }
  }

  find(id: string): PlannedKey {
    return this.keys.find((key) => key.id === id)!;
  }

  /** DNSSEC algorithm number of a key that is or was there. */
  readonly algorithmOf = (id: string): number => this.lives.get(id)!.algorithm;

  readonly nameOf = (id: string): string => this.lives.get(id)!.name;

  make(
    line: PolicyKey,
    times: PlannedTimes,
    state: PlannedState,
    predecessor: string | undefined,
    now: number,
  ): string {
    const { role, algorithm, bits, tagRange } = line;
    const name = `${role} #${++this.#made[role]}`;
    const flags = role === 'zsk' ? ZONE_KEY : KEY_SIGNING_KEY;
    const key: PlannedKey = { id: name, tag: this.#freeTag(tagRange), algorithm, bits, flags, times, state };
    this.keys = [...this.keys, key];
    this.#begin(key, { name, tag: undefined, made: now, predecessor }, now);
    return name;
  }

  update(id: string, times: PlannedTimes, state: PlannedState, now: number): void {
    this.keys = this.keys.map((key) => (key.id === id ? { ...key, times, state } : key));
    const key = this.find(id);
    const life = this.lives.get(id)!;
    // Flags do not tell a CSK from a KSK: the policy that takes a key up does.
    life.role = roleOf(key);
    if (life.tag !== undefined) life.name = `${life.role} ${life.tag}`;
    this.#look(key, now);
  }

  purge(id: string, now: number): void {
    this.lives.get(id)!.purged = now;
    this.keys = this.keys.filter((key) => key.id !== id);
  }

  #begin(key: PlannedKey, facts: Pick<Life, 'name' | 'tag' | 'made' | 'predecessor'>, now: number): void {
    const { id, algorithm, bits } = key;
    this.lives.set(id, { id, role: roleOf(key), algorithm, bits, purged: undefined, records: {}, ...facts });
    this.#look(key, now);
  }

  /** Notes the conditions that are new. */
  #look(key: PlannedKey, now: number): void {
    if (!isTakenUp(key)) return;
    const { records } = this.lives.get(key.id)!;
    for (const record of recordsOf(key)) {
      const condition: Condition = key.state?.[record] ?? 'hidden';
      const spans = (records[record] ??= []);
      const last = spans.at(-1);
      if (last?.condition === condition) continue;
      // What it was for no time at all, it was not.
      if (last?.from === now) spans.pop();
      if (spans.at(-1)?.condition !== condition) spans.push({ condition, from: now });
    }
  }

  /**
   * Tags only have to differ, from those of keys that are gone too, and to be in the policy's range: nobody knows those of keys that do
   * not exist yet.
   */
  #freeTag({ low, high }: { readonly low: number; readonly high: number } = ALL_TAGS): number {
    const count = Math.max(1, high - low + 1 - (high - low < MOST_TAG ? REVOKED : 0));
    for (let tries = 0; tries < count; tries++) {
      const tag = low + (this.#nextTag++ % count);
      if (!this.keys.some((key) => key.tag === tag)) return tag;
    }
    throw new SignetError('SIMULATION_TAGS', `all tags of tag-range ${low} ${high} are taken: widen the range`);
  }
}

export function roleOf(key: PlannedKey): KeyRole {
  if (!signsKeys(key)) return 'zsk';
  return signsZone(key) ? 'csk' : 'ksk';
}

/** True when no cache knows anything of the key any more. */
export function isGone({ state }: PlannedKey): boolean {
  return state?.goal === 'hidden' && KEY_RECORDS.every((record) => (state[record] ?? 'hidden') === 'hidden');
}

/** The keys whose DS the parent has when the simulation begins, as far as key files tell. */
export function dsAtStart(keys: readonly PlannedKey[], now: number): string[] {
  return keys.filter((key) => signsKeys(key) && isAtParent(key, now)).map(({ id }) => id);
}

function isAtParent(key: PlannedKey, now: number): boolean {
  const { times, state } = key;
  if (times.dsRemoved !== undefined && times.dsRemoved <= now) return false;
  const isNoted = times.dsPublish !== undefined && times.dsPublish <= now;
  if (isTakenUp(key)) {
    if (state?.ds === 'rumoured') return isNoted;
    return state?.ds === 'omnipresent' || state?.ds === 'unretentive';
  }
  // A key without state that signs by its times is one that the zone is trusted by, unless its CDS is still to come.
  const isActive = times.activate !== undefined && times.activate <= now && !(times.inactive && times.inactive <= now);
  return isNoted || (isActive && !(times.syncPublish !== undefined && times.syncPublish > now));
}
