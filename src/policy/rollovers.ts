import type { DnssecPolicy } from '../conf/configuration.ts';
import { endOf, rolloverDue } from './intervals.ts';
import type { KeyWait, WaitReason } from './key-wait.ts';
import { conditionOf, isKnown, isShown, isSuccessor } from './planned-key.ts';
import type { PlannedKey } from './planned-key.ts';

/** Whether a key of the policy is to be replaced now. undefined: it has no end. */
export type Rollover = { readonly kind: 'due' } | { readonly kind: 'later'; readonly wait: KeyWait } | undefined;

export function rolloverOf(key: PlannedKey, zone: readonly PlannedKey[], policy: DnssecPolicy, now: number): Rollover {
  const { inactive } = key.times;
  if (inactive === undefined) return undefined;
  const common = { key: key.id, record: undefined, from: 'omnipresent', to: 'hidden' } as const;
  const interval = rolloverDue(key, policy, inactive);
  const until = endOf(interval);
  if (until > now) return { kind: 'later', wait: { ...common, reason: 'time', others: [], until, interval } };
  const obstacle = obstacleOf(key, zone);
  if (!obstacle) return { kind: 'due' };
  const others = obstacle.others.map(({ id }) => id);
  return { kind: 'later', wait: { ...common, reason: obstacle.reason, others, until: undefined, interval: undefined } };
}

/** Only a key that is in use everywhere can hand over its place. */
function obstacleOf(
  key: PlannedKey,
  zone: readonly PlannedKey[],
): { readonly reason: WaitReason; readonly others: readonly PlannedKey[] } | undefined {
  for (const record of ['dnskey', 'krrsig', 'zrrsig'] as const) {
    const condition = conditionOf(key, record);
    if (condition === undefined || condition === 'omnipresent') continue;
    const reason = record === 'zrrsig' ? 'signatures not known everywhere' : 'dnskey not known everywhere';
    return { reason, others: [key] };
  }
  // Without this a parent that does nothing would make the DNSKEY RRset grow with every lifetime.
  const others = unfinishedRolls(key, zone);
  return others.length === 0 ? undefined : { reason: 'rollover under way', others };
}

/** The keys whose place `key` takes, while they are still of use. That only caches have their DNSKEY does not matter. */
export function unfinishedRolls(key: PlannedKey, zone: readonly PlannedKey[]): PlannedKey[] {
  return zone.filter((before) => {
    const { state } = before;
    if (!state || !isSuccessor(key, before)) return false;
    return isShown(state.dnskey) || isKnown(state.zrrsig) || isKnown(state.krrsig) || isKnown(state.ds);
  });
}
