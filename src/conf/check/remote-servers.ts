import { formatAddress } from '../../base/address-text.ts';
import type { RemoteServer } from '../configuration.ts';
import { SERVER_DEFAULTS } from '../defaults.ts';
import type { FaultList } from '../fault.ts';
import { fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, Value } from '../syntax/tree.ts';
import { canonicalKeyName } from './context.ts';
import type { CheckContext, RemoteServerList } from './context.ts';
import { previous } from './match-lists.ts';

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

/** One walk over a list and the lists that it names. */
interface Collection {
  readonly statement: 'primaries' | 'parental-agents';
  readonly lists: ReadonlyMap<string, RemoteServerList>;
  readonly servers: RemoteServer[];
  readonly seen: Set<string>;
  readonly context: CheckContext;
}

/** `[port n] { address [port n] [key k]; list-name; ... }`, with the named lists put in their place, each once. */
export function checkRemoteServers(value: Value, context: CheckContext): RemoteServer[] {
  const lists = context.remoteServers;
  const collection: Collection = { statement: 'primaries', lists, servers: [], seen: new Set(), context };
  collect(value, undefined, collection);
  return collection.servers;
}

/** The same with `[tls t]`, and names of `parental-agents` lists. */
export function checkParentalAgents(value: Value, context: CheckContext): RemoteServer[] {
  const lists = context.parentalAgents;
  const collection: Collection = { statement: 'parental-agents', lists, servers: [], seen: new Set(), context };
  collect(value, undefined, collection);
  return collection.servers;
}

function collect(value: Value, inheritedPort: number | undefined, collection: Collection): void {
  const port = numberField(value, 'port') ?? inheritedPort;
  for (const element of (fieldOf(value, 'servers') as ListValue).elements) {
    const server = fieldOf(element, 'server');
    const key = checkServerKey(element, collection.context);
    const tls = checkServerTls(element, collection);
    if (server?.kind === 'address') {
      collection.servers.push({
        address: formatAddress(server.octets) + (server.scope === undefined ? '' : `%${server.scope}`),
        port: serverPort(numberField(element, 'port') ?? port, tls.tls !== undefined, collection),
        ...key,
        ...tls,
      });
    } else if (server?.kind === 'text') collectNamed(server.text, server, port, collection);
  }
}

/** As in BIND, parental agents have the ports of this server where they name none, or 0. */
function serverPort(written: number | undefined, isTls: boolean, { statement, context }: Collection): number {
  if (statement === 'primaries') return written ?? SERVER_DEFAULTS.port;
  return written || (isTls ? context.defaultPorts.tls : context.defaultPorts.dns);
}

function collectNamed(name: string, at: Value, port: number | undefined, collection: Collection): void {
  const { statement, lists, seen, context } = collection;
  const list = lists.get(name);
  if (!list) context.faults.error('CONF_REFERENCE', at.position, `unable to find ${statement} list '${name}'`);
  // A list that comes a second time, or holds itself, adds nothing.
  else if (!seen.has(name)) {
    seen.add(name);
    collect(list.servers, port, collection);
  }
}

/** `ephemeral` is TLS without a look at the certificate; `none` is no name of a block (BIND 9.18). */
function checkServerTls(element: Value, { statement, context }: Collection): { tls?: string } {
  const tls = fieldOf(element, 'tls');
  if (tls?.kind !== 'text') return {};
  if (statement === 'primaries') {
    const text = "'tls' in a list of servers is known but not supported by this version";
    context.faults.error('CONF_UNSUPPORTED', tls.position, text);
  } else if (tls.text !== 'ephemeral' && !context.tlsNames.has(tls.text))
    context.faults.error('CONF_REFERENCE', tls.position, `tls '${tls.text}' is not defined`);
  return { tls: tls.text };
}

function checkServerKey(element: Value, context: CheckContext): { key?: string } {
  const key = textField(element, 'key');
  if (key === undefined) return {};
  if (!context.keyNames.has(canonicalKeyName(key)))
    context.faults.error('CONF_REFERENCE', element.position, `unknown key '${key}'`);
  return { key };
}
