import type { ManualKeys, ZoneConfiguration } from '../configuration.ts';
import { MANUAL_KEYS_DEFAULTS, ZONE_DEFAULTS } from '../defaults.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, numberField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import type { CheckContext } from './context.ts';
import { inherited, maxZoneTtlSetting } from './settings.ts';
import type { Scope } from './settings.ts';

/* How a zone is signed: by a policy, with keys that a person manages (`auto-dnssec`), or not by this server. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** Days; ten years. BIND 9.18. */
const LONGEST_VALIDITY = 3660;
/** Days of validity up to which the second number of sig-validity-interval counts hours. BIND 9.18. */
const SHORT_VALIDITY = 7;
/** Minutes. BIND 9.18. */
const LONGEST_INTERVAL = 1440;

/** Hours that signatures must live beyond the moment they are to be replaced: their upkeep works in rounds of hours. */
const LEAST_USE = 6;

/** What a policy says itself. */
const NOT_WITH_POLICY = ['dnssec-dnskey-kskonly', 'update-check-ksk', 'sig-validity-interval', 'dnskey-sig-validity'];

type ZoneSigning = Pick<
  ZoneConfiguration,
  'policy' | 'inlineSigning' | 'maxZoneTtl' | 'manualKeys' | 'loadKeysInterval'
>;

/** The policy, or how keys without a policy are used, and whether the zone can be signed by it. */
export function checkSigning(
  written: string,
  clause: Clause,
  body: MapValue,
  scope: Scope,
  context: CheckContext,
): ZoneSigning {
  const { faults } = context;
  const inline = clauseNamed(body, 'inline-signing')?.value;
  const inlineSigning = inline?.kind === 'boolean' ? inline.value : ZONE_DEFAULTS.inlineSigning;
  const policyClause = inherited(scope, 'dnssec-policy');
  const policy =
    policyClause?.value.kind === 'text' && policyClause.value.text !== 'none' ? policyClause.value.text : undefined;
  checkSigningNumbers(body, faults);
  const manualKeys = manualKeysOf(body, scope, { inlineSigning, hasPolicy: policy !== undefined }, faults);
  const interval = loadKeysInterval(scope) ?? (manualKeys && MANUAL_KEYS_DEFAULTS.loadKeysInterval);
  const common = {
    policy,
    inlineSigning,
    ...(manualKeys && { manualKeys }),
    ...(interval !== undefined && { loadKeysInterval: interval }),
  };
  const limit = maxZoneTtlSetting(scope);
  if (policyClause === undefined || policy === undefined) return { ...common, maxZoneTtl: limit };
  checkPolicyUse(written, { zone: clause, policy: policyClause, name: policy }, body, inlineSigning, context);
  if (limit !== undefined) {
    const text = `zone '${written}': option 'max-zone-ttl' is ignored when used together with 'dnssec-policy'`;
    faults.warning('CONF_IGNORED', inherited(scope, 'max-zone-ttl')!.position, text);
  }
  return { ...common, maxZoneTtl: undefined };
}

interface PolicyUse {
  readonly zone: Clause;
  readonly policy: Clause;
  readonly name: string;
}

function checkPolicyUse(
  written: string,
  use: PolicyUse,
  body: MapValue,
  inlineSigning: boolean,
  { faults, policies }: CheckContext,
): void {
  if (!policies.has(use.name)) {
    const text = `zone '${written}': option 'dnssec-policy ${use.name}' has no matching dnssec-policy config`;
    faults.error('CONF_REFERENCE', use.policy.position, text);
  }
  if (!inlineSigning) {
    const text =
      `'inline-signing yes;' must also be configured explicitly for zones using dnssec-policy without a configured ` +
      `'allow-update' or 'update-policy'. See https://kb.isc.org/docs/dnssec-policy-requires-dynamic-dns-or-inline-signing`;
    faults.error('CONF_POLICY', use.zone.position, text);
  }
  for (const name of NOT_WITH_POLICY) {
    const clause = clauseNamed(body, name);
    if (clause)
      faults.error('CONF_POLICY', clause.position, `${name}: cannot be configured if dnssec-policy is also set`);
  }
}

/** `auto-dnssec` and what belongs to it; undefined for off. */
function manualKeysOf(
  body: MapValue,
  scope: Scope,
  { inlineSigning, hasPolicy }: { inlineSigning: boolean; hasPolicy: boolean },
  faults: FaultList,
): ManualKeys | undefined {
  const clause = clauseNamed(body, 'auto-dnssec');
  if (clause?.value.kind !== 'text') return undefined;
  const mode = clause.value.text.toLowerCase();
  const migrate =
    "'auto-dnssec' option is deprecated and will be removed in BIND 9.19. Please migrate to dnssec-policy";
  faults.warning('CONF_DEPRECATED', clause.position, migrate);
  if (mode !== 'allow' && mode !== 'maintain') return undefined;
  if (hasPolicy) {
    const text = `'auto-dnssec ${mode};' cannot be configured if dnssec-policy is also set`;
    faults.error('CONF_POLICY', clause.position, text);
  } else if (!inlineSigning) {
    const text = `'auto-dnssec ${mode};' requires dynamic DNS or inline-signing to be configured for the zone`;
    faults.error('CONF_POLICY', clause.position, text);
  }
  const times = signatureTimes(scope);
  checkUse(clause, scope, times, faults);
  return { mode, ...times };
}

/** Seconds of sig-validity-interval and dnskey-sig-validity. */
function signatureTimes(scope: Scope): Omit<ManualKeys, 'mode'> {
  const times = inherited(scope, 'sig-validity-interval')?.value;
  const days = times && numberField(times, 'first');
  const resign = times && numberField(times, 'second');
  const signaturesValidity = days === undefined ? MANUAL_KEYS_DEFAULTS.signaturesValidity : days * DAY;
  const unit = days !== undefined && days > SHORT_VALIDITY ? DAY : HOUR;
  const signaturesRefresh =
    resign === undefined ? Math.floor(signaturesValidity * MANUAL_KEYS_DEFAULTS.refreshShare) : resign * unit;
  const own = numberOf(inherited(scope, 'dnskey-sig-validity'));
  // Zero is "as the others". named.conf(5).
  const signaturesValidityDnskey = own === undefined || own === 0 ? signaturesValidity : own * DAY;
  return { signaturesValidity, signaturesRefresh, signaturesValidityDnskey };
}

/** Signatures that are due for replacement as soon as they are made would keep the zone changing for ever. */
function checkUse(clause: Clause, scope: Scope, times: Omit<ManualKeys, 'mode'>, faults: FaultList): void {
  const { signaturesRefresh, signaturesValidity, signaturesValidityDnskey } = times;
  const shortest = Math.min(signaturesValidity, signaturesValidityDnskey);
  if (shortest - signaturesRefresh >= LEAST_USE * HOUR) return;
  const name = signaturesValidity <= signaturesValidityDnskey ? 'sig-validity-interval' : 'dnskey-sig-validity';
  const position = (inherited(scope, name) ?? clause).position;
  const hours = (seconds: number): number => Math.floor(seconds / HOUR);
  const text =
    `${name}: signatures live ${hours(shortest)} hours and are replaced ${hours(signaturesRefresh)} hours before their ` +
    `end; there must be at least ${LEAST_USE} hours between`;
  faults.error('CONF_VALUE', position, text);
}

/** Seconds; undefined where nobody says so. */
function loadKeysInterval(scope: Scope): number | undefined {
  const minutes = numberOf(inherited(scope, 'dnssec-loadkeys-interval'));
  return minutes === undefined ? undefined : Math.min(minutes, LONGEST_INTERVAL) * MINUTE;
}

/** What `options` and `view` say about signing, whether or not a zone inherits it. */
export function checkSigningDefaults(map: MapValue, faults: FaultList): void {
  const automatic = clauseNamed(map, 'auto-dnssec');
  if (automatic?.value.kind === 'text' && automatic.value.text.toLowerCase() !== 'off') {
    faults.error('CONF_VALUE', automatic.position, 'auto-dnssec may only be activated at the zone level');
  }
  checkSigningNumbers(map, faults);
}

function checkSigningNumbers(map: MapValue, faults: FaultList): void {
  const times = clauseNamed(map, 'sig-validity-interval');
  if (times) checkValidity(times, faults);
  const own = clauseNamed(map, 'dnskey-sig-validity');
  if (own) checkRange(own, 'dnskey-sig-validity', numberOf(own), [0, LONGEST_VALIDITY], faults);
  const interval = clauseNamed(map, 'dnssec-loadkeys-interval');
  const minutes = numberOf(interval);
  if (interval === undefined || minutes === undefined) return;
  if (minutes > LONGEST_INTERVAL) {
    const text = `dnssec-loadkeys-interval '${minutes}' is reduced to ${LONGEST_INTERVAL} minutes`;
    faults.warning('CONF_VALUE', interval.position, text);
  } else checkRange(interval, 'dnssec-loadkeys-interval', minutes, [1, LONGEST_INTERVAL], faults);
}

function checkValidity(clause: Clause, faults: FaultList): void {
  const days = numberField(clause.value, 'first') ?? 0;
  const resign = numberField(clause.value, 'second');
  if (!checkRange(clause, 'sig-validity-interval', days, [1, LONGEST_VALIDITY], faults)) return;
  if (resign === undefined) return;
  if (!checkRange(clause, 'sig-validity-interval (re-sign)', resign, [1, LONGEST_VALIDITY], faults)) return;
  const [unit, unitName] = days > SHORT_VALIDITY ? [DAY, 'days'] : [HOUR, 'hours'];
  if (days * DAY >= resign * unit) return;
  const text = `validity interval (${days} days) less than re-signing interval (${resign} ${unitName})`;
  faults.error('CONF_VALUE', clause.position, text);
}

function checkRange(
  clause: Clause,
  name: string,
  value: number | undefined,
  [least, most]: readonly [number, number],
  faults: FaultList,
): boolean {
  if (value === undefined || (value >= least && value <= most)) return true;
  faults.error('CONF_VALUE', clause.position, `${name} '${value}' is out of range (${least}..${most})`);
  return false;
}

function numberOf(clause: Clause | undefined): number | undefined {
  return clause?.value.kind === 'number' ? clause.value.value : undefined;
}
