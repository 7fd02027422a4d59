import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';

/*
 * Policies whose intervals all differ, so that each moment shows what it is made of. BIND 9.18.49 was watched under the same
 * policies and a moved clock; the tables of the tests are what it did.
 *
 *     DNSKEY known 630, forgotten 520     signatures known or forgotten 910, with Dsgn 5910     DS 1020
 */
const SHORT: DnssecPolicy = {
  ...DEFAULT_POLICY,
  name: 'short',
  dnskeyTtl: 500,
  publishSafety: 110,
  retireSafety: 190,
  zonePropagationDelay: 20,
  maxZoneTtl: 700,
  parentDsTtl: 800,
  parentPropagationDelay: 30,
  signaturesValidity: 20_000,
  signaturesValidityDnskey: 20_000,
  signaturesRefresh: 15_000,
  signaturesJitter: 100,
  purgeKeys: 3000,
};

/** A key of a policy; lifetimes in seconds, 0 is unlimited. */
export function line(role: PolicyKey['role'], lifetime = 0, algorithm = 13, bits = 256): PolicyKey {
  return { role, lifetime, algorithm, bits };
}

export function short(...keys: readonly PolicyKey[]): DnssecPolicy {
  return { ...SHORT, keys };
}

/** `insecure` with the intervals of the others. */
export const SHORT_INSECURE: DnssecPolicy = { ...SHORT, name: INSECURE_POLICY.name, keys: [] };
