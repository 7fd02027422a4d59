import type { AddressMatchList, ZoneConfiguration } from '../configuration.ts';
import { ZONE_DEFAULTS } from '../defaults.ts';
import { clauseNamed, fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import { checkMatchList } from './match-lists.ts';
import type { CheckContext } from './context.ts';
import { checkRemoteServers } from './remote-servers.ts';

/** Blocks from the inside out: zone, view, options. The first that has a clause decides. */
export type Scope = readonly MapValue[];

export function inherited(scope: Scope, name: string): Clause | undefined {
  for (const map of scope) {
    const clause = clauseNamed(map, name);
    if (clause) return clause;
  }
  return undefined;
}

export function matchListSetting(scope: Scope, name: string, fallback: AddressMatchList, context: CheckContext) {
  const clause = inherited(scope, name);
  return clause ? checkMatchList(clause.value, context) : fallback;
}

export function allowTransferSetting(scope: Scope, context: CheckContext): AddressMatchList {
  const clause = inherited(scope, 'allow-transfer');
  if (!clause) return ZONE_DEFAULTS.allowTransfer;
  const clients = fieldOf(clause.value, 'clients');
  return clients ? checkMatchList(clients, context) : ZONE_DEFAULTS.allowTransfer;
}

/** `allow-transfer [port n] [transport t]`: undefined when it asks for neither. */
export function transferOverSetting(scope: Scope, context: CheckContext): ZoneConfiguration['transferOver'] {
  const value = inherited(scope, 'allow-transfer')?.value;
  if (value === undefined) return undefined;
  const port = numberField(value, 'port');
  const written = textField(value, 'transport');
  const transport = TRANSPORTS.find((one) => one === written?.toLowerCase());
  if (written !== undefined && transport === undefined) {
    const text = `'${written}' is not a valid transport protocol for zone transfers. Please specify either 'tcp' or 'tls'`;
    context.faults.error('CONF_VALUE', value.position, text);
  }
  // As in BIND, port 0 is any.
  const over = { ...(port && { port }), ...(transport && { transport }) };
  return Object.keys(over).length === 0 ? undefined : over;
}

const TRANSPORTS = ['tcp', 'tls'] as const;

export function notifySetting(scope: Scope): ZoneConfiguration['notify'] {
  const value = inherited(scope, 'notify')?.value;
  if (value?.kind === 'boolean') return value.value ? 'yes' : 'no';
  if (value?.kind !== 'text') return ZONE_DEFAULTS.notify;
  return value.text === 'explicit' ? 'explicit' : 'primary-only';
}

export function alsoNotifySetting(scope: Scope, context: CheckContext): ZoneConfiguration['alsoNotify'] {
  const clause = inherited(scope, 'also-notify');
  return clause ? checkRemoteServers(clause.value, context) : [];
}

export function textSetting(scope: Scope, name: string): string | undefined {
  const value = inherited(scope, name)?.value;
  return value?.kind === 'text' ? value.text : undefined;
}

/** `unlimited`, 0 and absence are the same: no limit. */
export function maxZoneTtlSetting(scope: Scope): number | undefined {
  const value = inherited(scope, 'max-zone-ttl')?.value;
  return (value?.kind === 'duration' && value.seconds) || undefined;
}
