import type { DnssecPolicy } from '../../../src/conf/configuration.ts';
import type { Observations, ServedTtl } from '../../../src/policy/observations.ts';
import type { Plan } from '../../../src/policy/plan.ts';
import { signsKeys, type Condition, type PlannedKey } from '../../../src/policy/planned-key.ts';
import type { Publication } from '../../../src/policy/publication.ts';
import type { Planner } from './daemon.ts';

/* Each makes one mistake that would make answers bogus somewhere, and leaves all else to the planner it is given. */

export type Fault = (planner: Planner) => Planner;

export const FAULTS: Readonly<Record<string, Fault>> = {
  'waits too short for the DNSKEY RRset': shortened('dnskey', {
    dnskeyTtl: 0,
    publishSafety: 0,
    zonePropagationDelay: 0,
  }),
  'waits too short for signatures': shortened('zone', { maxZoneTtl: 1, retireSafety: 0, zonePropagationDelay: 0 }),
  'waits too short for the DS RRset': shortened('ds', { parentDsTtl: 0, parentPropagationDelay: 0, retireSafety: 0 }),
  'forgets slow secondaries': shortened(undefined, { zonePropagationDelay: 0, publishSafety: 0, retireSafety: 0 }),
  'forgets the TTLs that were served': (planner) => (policy, keys, observations, now) =>
    planner(policy, keys, { ...observations, served: [] }, now),
  'does not wait for the DS': (planner) => (policy, keys, observations, now) => {
    const [dsSeen, dsGone] = [dsKeys(keys, 'omnipresent', now), dsKeys(keys, 'hidden', now)];
    return planner(policy, keys, { ...observations, dsSeen, dsGone }, now);
  },
  'does not wait until the DS is gone': (planner) => (policy, keys, observations, now) => {
    return planner(policy, keys, { ...observations, dsGone: dsKeys(keys, 'hidden', now) }, now);
  },
  'takes a DNSKEY away too early': published(({ dnskey, ...rest }, keys) => ({
    ...rest,
    dnskey: dnskey.filter((id) => !isRetiring(keys, id)),
  })),
  'stops signing the DNSKEY RRset too early': published(({ signsKeys: signers, ...rest }, keys) => ({
    ...rest,
    signsKeys: signers.filter((id) => !isRetiring(keys, id)),
  })),
  'stops signing the zone too early': published(({ signsZone: signers, ...rest }, keys) => ({
    ...rest,
    signsZone: signers.filter((id) => !isRetiring(keys, id)),
  })),
  'shows CDS at once': published((publication, keys) => ({
    ...publication,
    sync: keys.filter((key) => signsKeys(key) && !isRetiring(keys, key.id)).map(({ id }) => id),
  })),
  'unsigns the zone at once': published((publication, _keys, policy) => ({
    ...publication,
    isSigned: policy.keys.length > 0,
  })),
};

/** That the DS of all keys of this goal is seen, or gone, at `now`. */
function dsKeys(keys: readonly PlannedKey[], goal: Condition, now: number): ReadonlyMap<string, number> {
  const chosen = keys.filter((key) => signsKeys(key) && key.state?.goal === goal);
  return new Map(chosen.map(({ id }) => [id, now]));
}

/** Counts with a policy that promises more than the world keeps, and is not told of the TTLs that contradict it. */
function shortened(rrset: ServedTtl['rrset'] | undefined, numbers: Partial<DnssecPolicy>): Fault {
  return (planner) => (policy, keys, observations: Observations, now) => {
    const served = observations.served?.filter((one) => one.rrset !== rrset);
    return planner({ ...policy, ...numbers }, keys, { ...observations, ...(served && { served }) }, now);
  };
}

function published(
  change: (publication: Publication, keys: readonly PlannedKey[], policy: DnssecPolicy) => Publication,
): Fault {
  return (planner) => (policy, keys, observations, now) => {
    const planned: Plan = planner(policy, keys, observations, now);
    return { ...planned, publication: change(planned.publication, keys, policy) };
  };
}

const isRetiring = (keys: readonly PlannedKey[], id: string): boolean =>
  keys.find((key) => key.id === id)?.state?.goal === 'hidden';
