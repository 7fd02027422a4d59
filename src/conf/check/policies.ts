import type { DnssecPolicy, KeyStoreStatement, PolicyKey } from '../configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY, NSEC3_DEFAULTS, RSA_BITS } from '../defaults.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, MapValue, Value } from '../syntax/tree.ts';
import { findDigestType, findPolicyAlgorithm } from './algorithms.ts';
import type { PolicyAlgorithm } from './algorithms.ts';
import { KEY_DIRECTORY } from './key-stores.ts';
import { policyFaults } from './policy-rules.ts';
import { FEW_TAGS, MOST_TAG, tagsInRange } from '../tag-range.ts';

const RESERVED = ['default', 'insecure', 'none'];

/** The policies of the configuration, after the built-in ones. A bad one is a fault and is not among them. */
export function checkPolicies(
  clauses: readonly Clause[],
  keyStores: ReadonlyMap<string, KeyStoreStatement>,
  faults: FaultList,
): Map<string, DnssecPolicy> {
  const policies = new Map([DEFAULT_POLICY, INSECURE_POLICY].map((policy) => [policy.name, policy]));
  for (const clause of clauses) {
    const name = textField(clause.value, 'name') ?? '';
    if (RESERVED.includes(name.toLowerCase())) {
      const text = `dnssec-policy name may not be 'insecure', 'none', or 'default' (which are built-in policies)`;
      faults.error('CONF_POLICY', clause.position, text);
    } else if (policies.has(name)) {
      faults.error('CONF_POLICY', clause.position, `dnssec-policy: duplicately named policy found '${name}'`);
    } else policies.set(name, new PolicyCheck(name, clause, keyStores, faults).policy());
  }
  return policies;
}

/** The check of one policy block. */
class PolicyCheck {
  readonly #name: string;
  readonly #clause: Clause;
  readonly #body: MapValue;
  readonly #keyStores: ReadonlyMap<string, KeyStoreStatement>;
  readonly #faults: FaultList;

  constructor(name: string, clause: Clause, keyStores: ReadonlyMap<string, KeyStoreStatement>, faults: FaultList) {
    this.#name = name;
    this.#clause = clause;
    this.#body = fieldOf(clause.value, 'body') as MapValue;
    this.#keyStores = keyStores;
    this.#faults = faults;
  }

  policy(): DnssecPolicy {
    this.#refuseUnsupported();
    const keys = clauseNamed(this.#body, 'keys');
    const policy: DnssecPolicy = {
      name: this.#name,
      keys: keys ? this.#keys(keys.value as ListValue) : DEFAULT_POLICY.keys,
      dnskeyTtl: this.#seconds('dnskey-ttl', DEFAULT_POLICY.dnskeyTtl),
      nsec3: this.#nsec3(),
      signaturesValidity: this.#seconds('signatures-validity', DEFAULT_POLICY.signaturesValidity),
      signaturesValidityDnskey: this.#seconds('signatures-validity-dnskey', DEFAULT_POLICY.signaturesValidityDnskey),
      signaturesRefresh: this.#seconds('signatures-refresh', DEFAULT_POLICY.signaturesRefresh),
      signaturesJitter: this.#seconds('signatures-jitter', DEFAULT_POLICY.signaturesJitter),
      publishSafety: this.#seconds('publish-safety', DEFAULT_POLICY.publishSafety),
      retireSafety: this.#seconds('retire-safety', DEFAULT_POLICY.retireSafety),
      zonePropagationDelay: this.#seconds('zone-propagation-delay', DEFAULT_POLICY.zonePropagationDelay),
      maxZoneTtl: this.#seconds('max-zone-ttl', DEFAULT_POLICY.maxZoneTtl),
      parentDsTtl: this.#seconds('parent-ds-ttl', DEFAULT_POLICY.parentDsTtl),
      parentPropagationDelay: this.#seconds('parent-propagation-delay', DEFAULT_POLICY.parentPropagationDelay),
      purgeKeys: this.#seconds('purge-keys', DEFAULT_POLICY.purgeKeys),
      cdsDigestTypes: this.#digestTypes(),
      cdnskey: this.#flag('cdnskey', DEFAULT_POLICY.cdnskey),
      ...(this.#flag('manual-mode', false) && { manualMode: true }),
    };
    for (const fault of policyFaults(policy)) this.#report(fault.severity, fault.text, this.#placeOf(fault.rule));
    return policy;
  }

  /** Known from 9.20 and 9.21: fine where they ask for what is done without them. */
  #refuseUnsupported(): void {
    for (const name of ['inline-signing', 'offline-ksk']) {
      const clause = clauseNamed(this.#body, name);
      if (!clause || (name !== 'inline-signing' && clause.value.kind === 'boolean' && !clause.value.value)) continue;
      const remedy = name === 'inline-signing' ? '; set it in the zone' : '';
      this.#unsupported(`'${name}'`, clause, remedy);
    }
  }

  #seconds(name: string, fallback: number): number {
    const value = clauseNamed(this.#body, name)?.value;
    return value?.kind === 'duration' ? value.seconds : fallback;
  }

  #flag(name: string, fallback: boolean): boolean {
    const value = clauseNamed(this.#body, name)?.value;
    return value?.kind === 'boolean' ? value.value : fallback;
  }

  #nsec3(): DnssecPolicy['nsec3'] {
    const value = clauseNamed(this.#body, 'nsec3param')?.value;
    if (!value) return undefined;
    const optOut = fieldOf(value, 'optout');
    return {
      iterations: numberField(value, 'iterations') ?? NSEC3_DEFAULTS.iterations,
      optOut: optOut?.kind === 'boolean' ? optOut.value : NSEC3_DEFAULTS.optOut,
      saltLength: numberField(value, 'salt-length') ?? NSEC3_DEFAULTS.saltLength,
    };
  }

  #digestTypes(): readonly number[] {
    const clause = clauseNamed(this.#body, 'cds-digest-types');
    if (!clause) return DEFAULT_POLICY.cdsDigestTypes;
    const types: number[] = [];
    for (const element of (clause.value as ListValue).elements) {
      const type = element.kind === 'text' ? findDigestType(element.text) : '';
      if (typeof type === 'string') this.#report('error', `cds-digest-types: ${type}`, element);
      else if (types.includes(type))
        this.#report('error', `cds-digest-types: digest type ${type} is there twice`, element);
      else types.push(type);
    }
    return types;
  }

  #keys(list: ListValue): PolicyKey[] {
    return list.elements.flatMap((line) => this.#key(line) ?? []);
  }

  #key(line: Value): PolicyKey | undefined {
    const written = textField(line, 'algorithm') ?? '';
    const algorithm = findPolicyAlgorithm(written);
    if (!algorithm) {
      this.#report('error', `bad algorithm ${written}`, line);
      return undefined;
    }
    if (algorithm.refusal !== undefined) {
      this.#report('error', `algorithm ${algorithm.number} (${algorithm.mnemonic}): ${algorithm.refusal}`, line);
      return undefined;
    }
    const lifetime = fieldOf(line, 'lifetime');
    return {
      role: textField(line, 'role') as PolicyKey['role'],
      lifetime: lifetime?.kind === 'duration' ? lifetime.seconds : 0,
      algorithm: algorithm.number,
      bits: this.#bits(line, written, algorithm),
      ...this.#keyStore(line),
      ...this.#tagRange(line),
    };
  }

  /** Faults in BIND 9.21's words; that no key has both of its tags in the range is found here only. */
  #tagRange(line: Value): Pick<PolicyKey, 'tagRange'> {
    const range = fieldOf(line, 'tag-range');
    if (!range) return {};
    const low = numberField(range, 'low') ?? 0;
    const high = numberField(range, 'high') ?? MOST_TAG;
    const tags = tagsInRange({ low, high });
    const fault = [
      low > MOST_TAG && 'tag-min too big',
      high > MOST_TAG && 'tag-max too big',
      low >= high && 'tag-min >= tag_max',
      tags === 0 &&
        `tag-range ${low} ${high} is too narrow: the tag of a key and the one that it gets when it is revoked, 128 ` +
          `higher, must both be in it; widen it`,
    ].find((text) => text !== false);
    if (fault !== undefined) this.#report('error', fault, range);
    else if (tags < FEW_TAGS) {
      const tries = Math.ceil((MOST_TAG + 1) / tags);
      const text = `tag-range ${low} ${high} leaves ${tags} tags: about ${tries} keys are made for one that fits; widen it`;
      this.#report('warning', text, range);
    }
    return { tagRange: { low, high } };
  }

  #bits(line: Value, written: string, { bits }: PolicyAlgorithm): number {
    const length = numberField(line, 'length');
    if (typeof bits === 'number') {
      // BIND says this too, and goes on with the only size there is.
      if (length !== undefined && length !== bits)
        this.#report(
          'warning',
          `key algorithm ${written} has predefined length; ignoring length value ${length}`,
          line,
        );
      return bits;
    }
    if (length === undefined) return RSA_BITS;
    if (length < bits.low || length > bits.high)
      this.#report(
        'error',
        `key with algorithm ${written} has invalid key length ${length} (${bits.low}..${bits.high})`,
        line,
      );
    return length;
  }

  #keyStore(line: Value): Pick<PolicyKey, 'keyStore'> {
    const storage = fieldOf(line, 'storage');
    const name = storage && textField(storage, 'key-store');
    if (storage === undefined || name === undefined || name === KEY_DIRECTORY) return {};
    const keyStore = this.#keyStores.get(name);
    if (keyStore) return { keyStore };
    this.#report('error', `keystore ${name} does not exist`, storage);
    return {};
  }

  /** The clause that a rule is about, or the policy. */
  #placeOf(rule: string): Clause {
    const clauses: Readonly<Record<string, string>> = {
      'refresh-below-validity': 'signatures-refresh',
      'jitter-below-validity': 'signatures-jitter',
      'jitter-above-refresh': 'signatures-jitter',
      'nsec3-iterations': 'nsec3param',
      'nsec3-salt-length': 'nsec3param',
    };
    return clauseNamed(this.#body, clauses[rule] ?? 'keys') ?? this.#clause;
  }

  #report(severity: 'error' | 'warning', text: string, at: { readonly position: Clause['position'] }): void {
    this.#faults.add({ severity, code: 'CONF_POLICY', position: at.position, message: `dnssec-policy: ${text}` });
  }

  #unsupported(what: string, at: { readonly position: Clause['position'] }, remedy: string): void {
    const text = `dnssec-policy '${this.#name}': ${what} is known but not supported by this version${remedy}`;
    this.#faults.error('CONF_UNSUPPORTED', at.position, text);
  }
}
