import type { DnssecPolicy, PolicyKey } from '../configuration.ts';
import { dnskeyInterval, keySigningKeyRetireInterval, zoneKeyRetireInterval } from '../policy-intervals.ts';

const DAY = 86_400;

/** What is wrong with a policy as a whole. `rule` names it for programs; `text` is what a person reads. */
export interface PolicyFault {
  readonly severity: 'error' | 'warning';
  readonly rule: string;
  readonly text: string;
}

/** RFC 9276 section 3.2: validating resolvers may treat more as insecure; BIND 9.18 takes at most 150. */
const MOST_ITERATIONS = 150;

/** Iterations above this make some resolvers treat the zone as insecure already. RFC 9276 section 3.2. */
const ADVISED_ITERATIONS = 0;

/** RFC 5155 section 3.1.4: the length is one octet. */
const LONGEST_SALT = 255;

/** Everything that a policy gets wrong in itself, whoever uses it. */
export function policyFaults(policy: DnssecPolicy): PolicyFault[] {
  return [...signatureFaults(policy), ...keyFaults(policy), ...roleFaults(policy), ...nsec3Faults(policy)];
}

const error = (rule: string, text: string): PolicyFault => ({ severity: 'error', rule, text });
const warning = (rule: string, text: string): PolicyFault => ({ severity: 'warning', rule, text });

function signatureFaults(policy: DnssecPolicy): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const validities = [
    ['signatures-validity', policy.signaturesValidity],
    ['signatures-validity-dnskey', policy.signaturesValidityDnskey],
  ] as const;
  for (const [name, validity] of validities) {
    // A signature that is replaced nearly at once would be replaced at every look.
    if (policy.signaturesRefresh >= (validity * 9) / 10)
      faults.push(
        error(
          'refresh-below-validity',
          `policy '${policy.name}' signatures-refresh must be at most 90% of the ${name}`,
        ),
      );
    if (policy.signaturesJitter > validity) {
      const text = `policy '${policy.name}' signatures-jitter cannot be larger than ${name}`;
      faults.push(error('jitter-below-validity', text));
    }
  }
  const { signaturesJitter: jitter, signaturesValidity: validity, signaturesRefresh: refresh } = policy;
  if (jitter <= validity && jitter >= validity - refresh) {
    const text = `policy '${policy.name}' signatures-jitter leaves some signatures less than signatures-refresh to live`;
    faults.push(warning('jitter-above-refresh', `${text}: they are replaced as soon as they are made`));
  }
  return faults;
}

function keyFaults(policy: DnssecPolicy): PolicyFault[] {
  return policy.keys.filter((key) => key.lifetime > 0).flatMap((key) => lifetimeFaults(policy, key));
}

/** A key must live until the roll to its successor is done, or rolls would never end. */
function lifetimeFaults(policy: DnssecPolicy, key: PolicyKey): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const roll = dnskeyInterval(policy);
  // As BIND 9.18: each of the two halves of a rollover must fit, not their sum.
  const least = Math.max(
    roll,
    key.role === 'ksk' ? 0 : zoneKeyRetireInterval(policy),
    key.role === 'zsk' ? 0 : keySigningKeyRetireInterval(policy),
  );
  if (key.lifetime < 30 * DAY) faults.push(warning('lifetime-short', 'key lifetime is shorter than 30 days'));
  if (key.lifetime <= least) {
    const text = `key lifetime is shorter than the time it takes to do a rollover`;
    faults.push(
      error(
        'lifetime-covers-rollover',
        `${text} (${key.role} algorithm ${key.algorithm}: ${key.lifetime} of ${least} seconds)`,
      ),
    );
  }
  return faults;
}

/** RFC 6840 section 5.11: the zone is signed by every algorithm in the DNSKEY RRset, so each needs both roles. */
function roleFaults(policy: DnssecPolicy): PolicyFault[] {
  const faults: PolicyFault[] = [];
  for (const [algorithm, keys] of Map.groupBy(policy.keys, (key) => key.algorithm)) {
    const keySigning = keys.filter((key) => key.role !== 'zsk').length;
    const zoneSigning = keys.filter((key) => key.role !== 'ksk').length;
    if (keySigning === 0 || zoneSigning === 0)
      faults.push(error('both-roles', `algorithm ${algorithm} requires both KSK and ZSK roles`));
    if (zoneSigning > 1) faults.push(warning('one-zsk', `algorithm ${algorithm} has multiple keys with ZSK role`));
    if (keySigning > 1) faults.push(warning('one-ksk', `algorithm ${algorithm} has multiple keys with KSK role`));
  }
  return faults;
}

function nsec3Faults({ nsec3 }: DnssecPolicy): PolicyFault[] {
  if (!nsec3) return [];
  const faults: PolicyFault[] = [];
  const advice =
    'RFC 9276 section 3.1: iterations must be 0, more do not protect and make resolvers treat the zone as insecure';
  if (nsec3.iterations > MOST_ITERATIONS)
    faults.push(
      error(
        'nsec3-iterations',
        `nsec3 iterations value ${nsec3.iterations} out of range (at most ${MOST_ITERATIONS}; ${advice})`,
      ),
    );
  else if (nsec3.iterations > ADVISED_ITERATIONS)
    faults.push(warning('nsec3-iterations', `nsec3 iterations value ${nsec3.iterations}: ${advice}`));
  if (nsec3.saltLength > LONGEST_SALT)
    faults.push(
      error(
        'nsec3-salt-length',
        `nsec3 salt length ${nsec3.saltLength} too high (at most ${LONGEST_SALT}, RFC 5155 section 3.1.4)`,
      ),
    );
  return faults;
}
