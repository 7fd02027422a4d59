import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import {
  dnskeyInterval,
  dsInterval,
  keySigningKeyRetireInterval,
  syncInterval,
  zoneKeyRetireInterval,
  zoneSignatureInterval,
} from '../conf/policy-intervals.ts';
import { isBegun, signsKeys, signsZone } from './planned-key.ts';
import type { Condition, PlannedKey, PlannedState, PlannedTimes } from './planned-key.ts';

/** Times and state of one key, as its files will have them. */
export interface KeySchedule {
  readonly times: PlannedTimes;
  readonly state: PlannedState;
}

/** A key that is needed now. Nothing of it is known; what may be shown at once is a matter of its first steps. */
export function scheduleNewKey(policy: DnssecPolicy, line: PolicyKey, now: number): KeySchedule {
  const times = { created: now, publish: now, activate: now };
  return { times: { ...times, ...laterTimes(policy, line, times) }, state: hiddenState(line, now) };
}

/**
 * A key that is to take the place of another: it is published now, and active when the other's time is over and caches have its
 * DNSKEY (RFC 7583 section 3.2.1, Tpub and Tact).
 */
export function scheduleSuccessor(
  policy: DnssecPolicy,
  line: PolicyKey,
  predecessor: PlannedKey,
  now: number,
): KeySchedule {
  const activate = Math.max(predecessor.times.inactive ?? now, now + dnskeyInterval(policy));
  const times = { created: now, publish: now, activate };
  // The zone is signed everywhere: for CDS only the DNSKEY is waited for.
  const sync = isKsk(line) && { syncPublish: now + dnskeyInterval(policy) };
  return {
    times: { ...times, ...laterTimes(policy, line, times), ...sync },
    state: { ...hiddenState(line, now), predecessor: predecessor.tag },
  };
}

/**
 * A key that was there before the policy took it up: its times say what the world already knows. The policy needs it now,
 * so a time that is not set or not come yet is brought forward.
 */
export function scheduleAdoptedKey(
  policy: DnssecPolicy,
  line: PolicyKey,
  { times }: PlannedKey,
  now: number,
): KeySchedule {
  const isActive = times.activate !== undefined && times.activate <= now;
  const publish = Math.min(times.publish ?? now, isActive ? times.activate : now);
  const activate = isActive ? times.activate : now;
  const state = knownState(policy, isKsk(line), isZsk(line), { ...times, publish: times.publish ?? activate }, now);
  // Others are known to have a DS as soon as CDS asks for it; where an operator has to let that begin, the parent may have it before.
  const mayHaveDs = policy.manualMode === true && isActive && state.ds === 'hidden' && !isDsRemoved(times, now);
  return {
    times: { ...laterTimes(policy, line, { publish, activate }), ...times, publish, activate },
    state: { ...hiddenState(line, now), ...state, ...(mayHaveDs && { ds: 'unretentive' as const }) },
  };
}

/** A key from before the policy that the policy has no place for. What the world may know of it must be made to forget. */
export function scheduleLeavingKey(policy: DnssecPolicy, key: PlannedKey, now: number): KeySchedule {
  const isPublished = isBegun(key, now) && !(key.times.delete !== undefined && key.times.delete <= now);
  const [ksk, zsk] = [signsKeys(key), signsZone(key)];
  const blank: PlannedState = {
    ...key.state,
    length: key.bits,
    ksk,
    zsk,
    goal: 'hidden',
    ...hiddenRecords(ksk, zsk, now),
  };
  if (!isPublished) return { times: key.times, state: blank };
  const known = knownState(policy, ksk, zsk, key.times, now);
  // Nobody wrote down whether the parent has its DS: it may have it, unless it was seen to be without.
  const isGone = isDsRemoved(key.times, now);
  const ds = ksk && known.ds === 'hidden' ? { ds: isGone ? ('unretentive' as const) : ('rumoured' as const) } : {};
  return { times: retireTimes(policy, key, now), state: { ...blank, ...known, ...ds } };
}

function isDsRemoved({ dsRemoved }: PlannedTimes, now: number): boolean {
  return dsRemoved !== undefined && dsRemoved <= now;
}

/** The times of a key that is to go from now on, and of one whose time is over already. */
export function retireTimes(policy: DnssecPolicy, key: PlannedKey, now: number): PlannedTimes {
  const { inactive, delete: end } = key.times;
  if (inactive !== undefined && inactive <= now && end !== undefined) return key.times;
  return endingAt(policy, key, inactive !== undefined && inactive <= now ? inactive : now);
}

/** The times of a key whose lifetime ends at `inactive`. */
export function endingAt(policy: DnssecPolicy, key: PlannedKey, inactive: number): PlannedTimes {
  return { ...key.times, inactive, delete: inactive + retireInterval(policy, signsKeys(key), signsZone(key)) };
}

/**
 * Times and state of a key of the policy with the lifetime that the policy gives it now. An end that an operator asked for stays
 * until the policy's lifetime changes, as in BIND 9.18.
 */
export function withLifetime(policy: DnssecPolicy, line: PolicyKey, key: PlannedKey): KeySchedule {
  const { times, state = {} } = key;
  const isChanged = state.lifetime !== line.lifetime;
  const { inactive: oldEnd, delete: _oldDelete, ...rest } = times;
  const from = times.activate ?? times.publish;
  const planned = line.lifetime > 0 && from !== undefined ? from + line.lifetime : undefined;
  const inactive = isChanged ? planned : (oldEnd ?? planned);
  const end = inactive === undefined ? {} : { inactive, delete: inactive + lineRetireInterval(policy, line) };
  return { times: { ...rest, ...end }, state: isChanged ? { ...state, lifetime: line.lifetime } : state };
}

/** A key that was to go, and that the policy asks for again before anything of it is gone. */
export function scheduleRevivedKey(policy: DnssecPolicy, line: PolicyKey, key: PlannedKey): KeySchedule {
  const { lifetime: _lifetime, ...state } = key.state ?? {};
  return withLifetime(policy, line, { ...key, state: { ...state, goal: 'omnipresent' } });
}

/** What the world knows by now of a key with these times. */
function knownState(policy: DnssecPolicy, ksk: boolean, zsk: boolean, times: PlannedTimes, now: number): PlannedState {
  const known = (since: number | undefined, interval: number): Condition => {
    if (since === undefined || since > now) return 'hidden';
    return since + interval <= now ? 'omnipresent' : 'rumoured';
  };
  const publish = Math.min(times.publish ?? Infinity, times.activate ?? Infinity);
  const dnskey = known(publish, dnskeyInterval(policy));
  const isRetired = times.inactive !== undefined && times.inactive <= now;
  const zrrsig = isRetired ? 'unretentive' : known(times.activate, zoneSignatureInterval(policy));
  const ds =
    times.dsPublish === undefined ? known(times.syncPublish, Infinity) : known(times.dsPublish, dsInterval(policy));
  return { dnskey, ...(zsk && { zrrsig }), ...(ksk && { krrsig: dnskey, ds }) };
}

function hiddenState(line: PolicyKey, now: number): PlannedState {
  const { bits: length, lifetime } = line;
  const [ksk, zsk] = [isKsk(line), isZsk(line)];
  return { length, lifetime, ksk, zsk, goal: 'omnipresent', ...hiddenRecords(ksk, zsk, now) };
}

function hiddenRecords(ksk: boolean, zsk: boolean, now: number): PlannedState {
  return {
    dnskey: 'hidden',
    dnskeyChange: now,
    ...(zsk && { zrrsig: 'hidden', zrrsigChange: now }),
    ...(ksk && { krrsig: 'hidden', krrsigChange: now, ds: 'hidden', dsChange: now }),
  };
}

function laterTimes(
  policy: DnssecPolicy,
  line: PolicyKey,
  { publish, activate }: { readonly publish: number; readonly activate: number },
): PlannedTimes {
  const inactive = activate + line.lifetime;
  return {
    ...(line.lifetime > 0 && { inactive, delete: inactive + lineRetireInterval(policy, line) }),
    ...(isKsk(line) && { syncPublish: publish + syncInterval(policy) }),
  };
}

const lineRetireInterval = (policy: DnssecPolicy, line: PolicyKey): number =>
  retireInterval(policy, isKsk(line), isZsk(line));

/** Seconds from Inactive to Delete; a CSK waits for both halves. */
function retireInterval(policy: DnssecPolicy, ksk: boolean, zsk: boolean): number {
  return Math.max(zsk ? zoneKeyRetireInterval(policy) : 0, ksk ? keySigningKeyRetireInterval(policy) : 0);
}

const isKsk = (line: PolicyKey): boolean => line.role !== 'zsk';
const isZsk = (line: PolicyKey): boolean => line.role !== 'ksk';
