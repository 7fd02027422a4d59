import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import {
  dnskeyInterval,
  dsInterval,
  keySigningKeyRetireInterval,
  syncInterval,
  zoneKeyRetireInterval,
  zoneSignatureInterval,
} from '../conf/policy-intervals.ts';
import type { Condition, PlannedKey, PlannedState, PlannedTimes } from './planned-key.ts';

/** Times and state of one key, as its files will have them. */
export interface KeySchedule {
  readonly times: PlannedTimes;
  readonly state: PlannedState;
}

/** How a key comes into a zone: at once in a zone that had none of its kind, else after its DNSKEY is known everywhere. */
export type Introduction = 'at once' | 'after publication';

/** A key that is made now. */
export function scheduleNewKey(
  policy: DnssecPolicy,
  line: PolicyKey,
  now: number,
  introduction: Introduction,
): KeySchedule {
  const activate = introduction === 'at once' ? now : now + dnskeyInterval(policy);
  const state: PlannedState = {
    ...staticState(line),
    goal: 'omnipresent',
    dnskey: 'rumoured',
    dnskeyChange: now,
    ...(isZsk(line) && { zrrsig: introduction === 'at once' ? 'rumoured' : 'hidden', zrrsigChange: now }),
    // The DNSKEY RRset carries its own signature: both are known to the same caches.
    ...(isKsk(line) && { krrsig: 'rumoured', krrsigChange: now, ds: 'hidden', dsChange: now }),
  };
  return { times: { created: now, publish: now, activate, ...laterTimes(policy, line, now, activate) }, state };
}

/**
 * A key that was there before the policy took it up: its times say what the world already knows. The policy needs it now,
 * so a time that is not set or not come yet is brought forward.
 */
export function scheduleAdoptedKey(
  policy: DnssecPolicy,
  line: PolicyKey,
  key: PlannedKey,
  now: number,
  introduction: Introduction,
): KeySchedule {
  const { times } = key;
  const isActive = times.activate !== undefined && times.activate <= now;
  const publish = Math.min(times.publish ?? now, isActive ? times.activate : now);
  const begin = introduction === 'at once' ? now : Math.max(now, publish + dnskeyInterval(policy));
  const activate = isActive ? times.activate : begin;
  const known = (since: number | undefined, interval: number): Condition => {
    if (since === undefined || since > now) return 'hidden';
    return since + interval <= now ? 'omnipresent' : 'rumoured';
  };
  const dnskey = known(publish, dnskeyInterval(policy));
  const zrrsig = known(activate, zoneSignatureInterval(policy));
  const ds = known(times.syncPublish, dsInterval(policy));
  const state: PlannedState = {
    ...staticState(line),
    goal: 'omnipresent',
    dnskey,
    dnskeyChange: now,
    ...(isZsk(line) && { zrrsig, zrrsigChange: now }),
    ...(isKsk(line) && { krrsig: dnskey, krrsigChange: now, ds, dsChange: now }),
  };
  return { times: { ...laterTimes(policy, line, publish, activate), ...times, publish, activate }, state };
}

function staticState(line: PolicyKey): PlannedState {
  return { length: line.bits, lifetime: line.lifetime, ksk: isKsk(line), zsk: isZsk(line) };
}

function laterTimes(policy: DnssecPolicy, line: PolicyKey, publish: number, activate: number): PlannedTimes {
  return {
    ...(line.lifetime > 0 && {
      inactive: activate + line.lifetime,
      delete: activate + line.lifetime + retireInterval(policy, line),
    }),
    ...(isKsk(line) && { syncPublish: publish + syncInterval(policy) }),
  };
}

/** Seconds from Inactive to Delete; a CSK waits for both halves. */
function retireInterval(policy: DnssecPolicy, line: PolicyKey): number {
  return Math.max(
    isZsk(line) ? zoneKeyRetireInterval(policy) : 0,
    isKsk(line) ? keySigningKeyRetireInterval(policy) : 0,
  );
}

const isKsk = (line: PolicyKey): boolean => line.role !== 'zsk';
const isZsk = (line: PolicyKey): boolean => line.role !== 'ksk';
