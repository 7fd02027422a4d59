import { formatAddress } from '../../base/address-text.ts';
import type { ZoneConfiguration } from '../configuration.ts';
import { SERVER_DEFAULTS } from '../defaults.ts';
import type { FaultList } from '../fault.ts';
import { fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, Value } from '../syntax/tree.ts';
import { canonicalKeyName } from './context.ts';
import type { CheckContext, RemoteServerList } from './context.ts';
import { previous } from './match-lists.ts';

type RemoteServer = ZoneConfiguration['alsoNotify'][number];

/** Lists of servers by name; `masters` is the old word for `primaries`. */
export function collectRemoteServers(clauses: readonly Clause[], faults: FaultList): Map<string, RemoteServerList> {
  const lists = new Map<string, RemoteServerList>();
  for (const clause of clauses) {
    const name = textField(clause.value, 'name') ?? '';
    const before = lists.get(name);
    if (before) {
      const text = `${clause.name} list '${name}' is duplicated: ${previous(before)}`;
      faults.error('CONF_DUPLICATE', clause.position, text);
    } else lists.set(name, { servers: clause.value, position: clause.position });
  }
  return lists;
}

/** `[port n] { address [port n] [key k]; list-name; ... }`, with the named lists put in their place, each once. */
export function checkRemoteServers(value: Value, context: CheckContext): RemoteServer[] {
  const servers: RemoteServer[] = [];
  const seen = new Set<string>();
  collect(value, undefined, servers, seen, context);
  return servers;
}

function collect(
  value: Value,
  inheritedPort: number | undefined,
  servers: RemoteServer[],
  seen: Set<string>,
  context: CheckContext,
): void {
  const port = numberField(value, 'port') ?? inheritedPort ?? SERVER_DEFAULTS.port;
  for (const element of (fieldOf(value, 'servers') as ListValue).elements) {
    const server = fieldOf(element, 'server');
    const key = checkServerKey(element, context);
    if (server?.kind === 'address') {
      servers.push({
        address: formatAddress(server.octets) + (server.scope === undefined ? '' : `%${server.scope}`),
        port: numberField(element, 'port') ?? port,
        ...key,
      });
    } else if (server?.kind === 'text') collectNamed(server.text, server, port, servers, seen, context);
  }
}

function collectNamed(
  name: string,
  at: Value,
  port: number,
  servers: RemoteServer[],
  seen: Set<string>,
  context: CheckContext,
): void {
  const list = context.remoteServers.get(name);
  if (!list) context.faults.error('CONF_REFERENCE', at.position, `unable to find primaries list '${name}'`);
  // A list that comes a second time, or holds itself, adds nothing.
  else if (!seen.has(name)) {
    seen.add(name);
    collect(list.servers, port, servers, seen, context);
  }
}

function checkServerKey(element: Value, context: CheckContext): { key?: string } {
  const tls = fieldOf(element, 'tls');
  if (tls) {
    const text = "'tls' in a list of servers is known but not supported by this version";
    context.faults.error('CONF_UNSUPPORTED', tls.position, text);
  }
  const key = textField(element, 'key');
  if (key === undefined) return {};
  if (!context.keyNames.has(canonicalKeyName(key)))
    context.faults.error('CONF_REFERENCE', element.position, `unknown key '${key}'`);
  return { key };
}
