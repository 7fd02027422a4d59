import type { RateLimitConfiguration } from '../configuration.ts';
import { RATE_LIMIT_DEFAULTS } from '../defaults.ts';
import { clauseNamed } from '../syntax/tree.ts';
import type { MapValue } from '../syntax/tree.ts';
import type { CheckContext } from './context.ts';
import { checkMatchList } from './match-lists.ts';
import { inherited, type Scope } from './settings.ts';

const MOST_PER_SECOND = 1000;
const LONGEST_WINDOW = 3600;
const MOST_SLIP = 10;

/** `rate-limit { ... }` in the words of BIND 9.18; undefined where nothing is limited. A view's block is all that it has. */
export function rateLimitSetting(scope: Scope, context: CheckContext): RateLimitConfiguration | undefined {
  const block = inherited(scope, 'rate-limit')?.value;
  if (block?.kind !== 'map') return undefined;
  const responses = perSecond(block, 'responses-per-second', 0, context);
  const rates = {
    responsesPerSecond: responses,
    referralsPerSecond: perSecond(block, 'referrals-per-second', responses, context),
    nodataPerSecond: perSecond(block, 'nodata-per-second', responses, context),
    nxdomainsPerSecond: perSecond(block, 'nxdomains-per-second', responses, context),
    errorsPerSecond: perSecond(block, 'errors-per-second', responses, context),
    allPerSecond: perSecond(block, 'all-per-second', 0, context),
  };
  const exempt = clauseNamed(block, 'exempt-clients');
  const logOnly = clauseNamed(block, 'log-only')?.value;
  const limits = {
    ...rates,
    ...tableSizes(block, context),
    window: bounded(block, 'window', RATE_LIMIT_DEFAULTS.window, 1, LONGEST_WINDOW, context),
    slip: atMost(block, 'slip', RATE_LIMIT_DEFAULTS.slip, MOST_SLIP, context),
    qpsScale: qpsScale(block, context),
    ipv4PrefixLength: ipv4PrefixLength(block, context),
    ipv6PrefixLength: bounded(block, 'ipv6-prefix-length', RATE_LIMIT_DEFAULTS.ipv6PrefixLength, 16, 64, context),
    exemptClients: exempt && checkMatchList(exempt.value, context),
    logOnly: logOnly?.kind === 'boolean' && logOnly.value,
  };
  return Object.values(rates).some((rate) => rate > 0) ? limits : undefined;
}

function perSecond(block: MapValue, name: string, fallback: number, context: CheckContext): number {
  return atMost(block, name, fallback, MOST_PER_SECOND, context);
}

function atMost(block: MapValue, name: string, fallback: number, most: number, context: CheckContext): number {
  const { value, refuse } = numberIn(block, name, fallback, context);
  if (value > most) refuse(`${name} ${value} > ${most}`);
  return value;
}

function bounded(
  block: MapValue,
  name: string,
  fallback: number,
  least: number,
  most: number,
  context: CheckContext,
): number {
  const { value, refuse } = numberIn(block, name, fallback, context);
  if (value < least || value > most) refuse(`${name} ${value} < ${least} or > ${most}`);
  return value;
}

function ipv4PrefixLength(block: MapValue, context: CheckContext): number {
  const { value, refuse } = numberIn(block, 'ipv4-prefix-length', RATE_LIMIT_DEFAULTS.ipv4PrefixLength, context);
  if (value < 1 || value > 32) refuse(`invalid 'ipv4-prefix-length ${value}'`);
  return value;
}

/** 0 when it is not given: limits do not depend on the number of queries. */
function qpsScale(block: MapValue, context: CheckContext): number {
  const { value, refuse } = numberIn(block, 'qps-scale', 0, context);
  if (value < 1) refuse("invalid 'qps-scale 0'");
  return value;
}

/** The table is made in its full size: memory that is not written to costs nothing. */
function tableSizes(block: MapValue, context: CheckContext): { readonly maxTableSize: number } {
  const least = numberIn(block, 'min-table-size', RATE_LIMIT_DEFAULTS.minTableSize, context).value;
  const most = numberIn(block, 'max-table-size', Math.max(RATE_LIMIT_DEFAULTS.maxTableSize, least), context);
  if (most.value < least) most.refuse(`max-table-size ${most.value} < min-table-size ${least}`);
  if (most.value > MOST_ENTRIES)
    most.refuse(`max-table-size ${most.value}: more than ${MOST_ENTRIES} is known but not supported by this version`);
  return { maxTableSize: most.value };
}

/** 512 MiB of table. */
const MOST_ENTRIES = 1 << 24;

/** `refuse` does nothing for what nobody wrote. */
function numberIn(block: MapValue, name: string, fallback: number, { faults }: CheckContext) {
  const clause = clauseNamed(block, name);
  if (clause?.value.kind !== 'number') return { value: fallback, refuse: () => undefined };
  const { value } = clause.value;
  return { value, refuse: (text: string) => faults.error('CONF_VALUE', clause.position, text) };
}
