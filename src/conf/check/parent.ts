import { formatAddress } from '../../base/address-text.ts';
import type { ParentConfiguration, ZoneConfiguration } from '../configuration.ts';
import { clauseNamed } from '../syntax/tree.ts';
import type { AddressValue, Clause, MapValue } from '../syntax/tree.ts';
import type { CheckContext } from './context.ts';
import { checkParentalAgents } from './remote-servers.ts';
import { inherited, type Scope } from './settings.ts';

/*
 * Who is asked whether the parent has the DS of a zone's keys. `checkds` is of BIND 9.20; without it, agents that are named are
 * asked (as 9.18 and 9.20 have it), and where none is named nobody is asked, as 9.18 has it.
 */

/** `checkds`, `parental-agents` and `parental-source` of a zone; nothing where nobody is to be asked. */
export function parentSetting(
  written: string,
  body: MapValue,
  scope: Scope,
  context: CheckContext,
): Pick<ZoneConfiguration, 'parent'> {
  const sources = parentalSources(scope, context);
  const clause = clauseNamed(body, 'parental-agents');
  const agents = clause ? checkParentalAgents(clause.value, context) : [];
  if (clause && agents.length === 0)
    context.faults.error('CONF_VALUE', clause.position, `zone '${written}': empty 'parental-agents' entry`);
  const checkds = checkdsSetting(written, body, agents.length > 0, context);
  return checkds === 'no' ? {} : { parent: { checkds, agents: checkds === 'yes' ? [] : agents, ...sources } };
}

function checkdsSetting(
  written: string,
  body: MapValue,
  hasAgents: boolean,
  { faults }: CheckContext,
): ParentConfiguration['checkds'] | 'no' {
  const clause = clauseNamed(body, 'checkds');
  if (clause === undefined) return hasAgents ? 'explicit' : 'no';
  if (clause.value.kind === 'boolean') return clause.value.value ? 'yes' : 'no';
  if (!hasAgents) {
    const text = `zone '${written}': 'checkds explicit' without 'parental-agents': nobody would be asked`;
    faults.error('CONF_VALUE', clause.position, text);
  }
  return 'explicit';
}

function parentalSources(scope: Scope, context: CheckContext): Pick<ParentConfiguration, 'source' | 'sourceV6'> {
  const source = sourceOf(inherited(scope, 'parental-source'), context);
  const sourceV6 = sourceOf(inherited(scope, 'parental-source-v6'), context);
  return { ...(source && { source }), ...(sourceV6 && { sourceV6 }) };
}

/** `*` without a port is what is done anyway. */
function sourceOf(clause: Clause | undefined, { faults, defaultPorts }: CheckContext): ParentConfiguration['source'] {
  if (clause?.value.kind !== 'address') return undefined;
  const { octets, scope, port = 0 }: AddressValue = clause.value;
  if (port !== 0) {
    faults.warning('CONF_DEPRECATED', clause.position, "token 'port' is deprecated");
    if (port === defaultPorts.dns) {
      const text = `'${clause.name}' cannot specify the DNS listener port (${port})`;
      faults.error('CONF_VALUE', clause.position, text);
    }
  }
  if (port === 0 && octets.every((octet) => octet === 0)) return undefined;
  return { address: formatAddress(octets) + (scope === undefined ? '' : `%${scope}`), port };
}
