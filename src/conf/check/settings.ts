import type { AddressMatchList, ZoneConfiguration } from '../configuration.ts';
import { ZONE_DEFAULTS } from '../defaults.ts';
import { clauseNamed, fieldOf } from '../syntax/tree.ts';
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

/** `allow-transfer { ... }`; a port or transport that is asked for is refused by name. */
export function allowTransferSetting(scope: Scope, context: CheckContext): AddressMatchList {
  const clause = inherited(scope, 'allow-transfer');
  if (!clause) return ZONE_DEFAULTS.allowTransfer;
  for (const part of ['port', 'transport']) {
    const value = fieldOf(clause.value, part);
    if (value) unsupportedPart('allow-transfer', part, value, context);
  }
  const clients = fieldOf(clause.value, 'clients');
  return clients ? checkMatchList(clients, context) : ZONE_DEFAULTS.allowTransfer;
}

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

export function unsupportedPart(
  statement: string,
  part: string,
  at: { position: Clause['position'] },
  context: CheckContext,
): void {
  const text = `'${part}' of '${statement}' is known but not supported by this version`;
  context.faults.error('CONF_UNSUPPORTED', at.position, text);
}
