import { equalOctets } from '../../base/octets.ts';
import type { Configuration, TsigKeyStatement, ViewConfiguration } from '../configuration.ts';
import { SERVER_DEFAULTS } from '../defaults.ts';
import { FaultList } from '../fault.ts';
import { clauseNamed, clausesNamed, fieldOf, textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import { checkAnswering } from './answering.ts';
import { canonicalKeyName } from './context.ts';
import type { CheckContext, CheckDependencies } from './context.ts';
import { checkControls } from './controls.ts';
import { checkCookies } from './cookies.ts';
import { checkKeyStores, withKeyDirectories } from './key-stores.ts';
import { checkKeys } from './keys.ts';
import { checkListeners } from './listeners.ts';
import { checkLogging } from './logging.ts';
import { checkMatchList, collectAcls, previous } from './match-lists.ts';
import { checkPolicies } from './policies.ts';
import { collectRemoteServers } from './remote-servers.ts';
import { allowTransferSetting, alsoNotifySetting, matchListSetting, transferOverSetting } from './settings.ts';
import { checkSupport, SUPPORTED_OPTIONS, SUPPORTED_TOP, SUPPORTED_VIEW } from './supported.ts';
import { checkStatistics } from './statistics.ts';
import { checkTrustAnchors } from './trust-anchors.ts';
import { checkSigningDefaults } from './zone-signing.ts';
import { checkZones, ZoneRegistry } from './zones.ts';

const EVERYBODY = SERVER_DEFAULTS.listenOn;

/**
 * The configuration that a tree stands for. All that is wrong goes to `faults`; the result must not be used when there
 * is an error among them.
 */
export function checkConfiguration(tree: MapValue, dependencies: CheckDependencies): Configuration {
  const { faults } = dependencies;
  checkSupport(tree, SUPPORTED_TOP, faults);
  const options = optionsOf(tree);
  checkSupport(options, SUPPORTED_OPTIONS, faults);
  const port = numberOf(options, 'port') ?? SERVER_DEFAULTS.port;
  const keys = checkAllKeys(tree, faults);
  const directory = textOf(options, 'directory') ?? '.';
  const keyStores = checkKeyStores(clausesNamed(tree, 'key-store'), directory, dependencies);
  const context: CheckContext = {
    ...dependencies,
    directory,
    acls: collectAcls(clausesNamed(tree, 'acl'), faults),
    resolvedAcls: new Map(),
    keyNames: new Set(keyClauses(tree).map((clause) => canonicalKeyName(textField(clause.value, 'name') ?? ''))),
    remoteServers: collectRemoteServers(
      tree.clauses.filter(({ name }) => ['primaries', 'masters'].includes(name)),
      faults,
    ),
    parentalAgents: collectRemoteServers(clausesNamed(tree, 'parental-agents'), faults),
    tlsNames: new Set(clausesNamed(tree, 'tls').map(({ value }) => textField(value, 'name') ?? '')),
    defaultPorts: { dns: port, tls: numberOf(options, 'tls-port') ?? SERVER_DEFAULTS.tlsPort },
    policies: checkPolicies(clausesNamed(tree, 'dnssec-policy'), keyStores, faults),
  };
  const logging = checkLogging(clauseNamed(tree, 'logging')?.value as MapValue | undefined, faults);
  const configuration: Configuration = {
    directory: context.directory,
    port,
    ...checkListeners(tree, options, port, context),
    ...serverTexts(options, dependencies),
    answers: checkAnswering([options], context),
    cookies: checkCookies(options, faults),
    keys,
    controls: checkControls(clausesNamed(tree, 'controls'), context),
    statistics: checkStatistics(clausesNamed(tree, 'statistics-channels'), options, context),
    // named.conf(5): without `querylog`, who gives the category channels wants its lines.
    queryLogging: flagOf(options, 'querylog') ?? logging.categories.has('queries'),
    logging,
    policies: context.policies,
    trustAnchors: checkTrustAnchors(clausesNamed(tree, 'trust-anchors'), options, faults),
    views: withKeyDirectories(checkViews(tree, options, context), keyStores, context),
  };
  checkUnusedLists(context);
  return configuration;
}

/**
 * Keys of the server and of its views, in one list. BIND keeps the keys of a view apart: where that makes a difference, a
 * name that stands for two secrets, it is refused.
 */
function checkAllKeys(tree: MapValue, faults: FaultList): TsigKeyStatement[] {
  const keys = [...checkKeys(clausesNamed(tree, 'key'), faults)];
  for (const view of clausesNamed(tree, 'view'))
    for (const key of checkKeys(clausesNamed(bodyOf(view), 'key'), faults)) {
      const before = keys.find((one) => canonicalKeyName(one.name) === canonicalKeyName(key.name));
      if (!before) keys.push(key);
      else if (before.algorithm !== key.algorithm || !equalOctets(before.secret, key.secret)) {
        const text = `key '${key.name}' with another secret in a view is known but not supported by this version`;
        faults.error('CONF_UNSUPPORTED', view.position, text);
      }
    }
  return keys;
}

function keyClauses(tree: MapValue): Clause[] {
  const views = clausesNamed(tree, 'view');
  return [...clausesNamed(tree, 'key'), ...views.flatMap((view) => clausesNamed(bodyOf(view), 'key'))];
}

/** Lists that nobody refers to do no harm, as in BIND; what is wrong in them is told. */
function checkUnusedLists(context: CheckContext): void {
  const faults = new FaultList();
  for (const [name, clause] of context.acls) {
    const body = fieldOf(clause.value, 'list');
    if (body && !context.resolvedAcls.has(name)) checkMatchList(body, { ...context, faults }, [name]);
  }
  for (const fault of faults.all) context.faults.add({ ...fault, severity: 'warning' });
}

function optionsOf(tree: MapValue): MapValue {
  const options = clauseNamed(tree, 'options')?.value;
  return options?.kind === 'map' ? options : { kind: 'map', clauses: [], position: tree.position };
}

function serverTexts(options: MapValue, { hostName, programVersion }: CheckDependencies) {
  return {
    pidFile: textOrNone(options, 'pid-file', SERVER_DEFAULTS.pidFile, hostName),
    sessionKeyFile: textOrNone(options, 'session-keyfile', SERVER_DEFAULTS.sessionKeyFile, hostName),
    version: textOrNone(options, 'version', programVersion, hostName),
    hostname: textOrNone(options, 'hostname', hostName, hostName),
    // BIND 9.18: no server-id unless it is asked for.
    serverId: textOrNone(options, 'server-id', undefined, hostName),
  };
}

/** `"text"`, `none` or, for some, `hostname`. */
function textOrNone(
  options: MapValue,
  name: string,
  fallback: string | undefined,
  hostName: string,
): string | undefined {
  const value = clauseNamed(options, name)?.value;
  if (value?.kind !== 'text') return fallback;
  if (!value.isKeyword) return value.text;
  return value.text === 'none' ? undefined : hostName;
}

/** What zones would inherit is checked also where there is no zone to inherit it. */
function checkZoneDefaults(map: MapValue, context: CheckContext): void {
  for (const name of ['allow-query', 'allow-query-on', 'allow-recursion', 'allow-query-cache'])
    matchListSetting([map], name, EVERYBODY, context);
  allowTransferSetting([map], context);
  transferOverSetting([map], context);
  alsoNotifySetting([map], context);
  checkSigningDefaults(map, context.faults);
}

function checkViews(tree: MapValue, options: MapValue, context: CheckContext): ViewConfiguration[] {
  checkZoneDefaults(options, context);
  const views = clausesNamed(tree, 'view');
  const zones = clausesNamed(tree, 'zone');
  const registry = new ZoneRegistry(context);
  if (views.length === 0) {
    const everything = {
      name: '_default',
      matchClients: EVERYBODY,
      matchDestinations: EVERYBODY,
      matchRecursiveOnly: false,
    };
    const answers = checkAnswering([options], context);
    return [{ ...everything, answers, zones: checkZones(zones, [options], context, registry) }];
  }
  for (const zone of zones)
    context.faults.error('CONF_VALUE', zone.position, "when using 'view' statements, all zones must be in views");
  return views.map((view) => checkView(view, views, options, context, registry));
}

function checkView(
  view: Clause,
  views: readonly Clause[],
  options: MapValue,
  context: CheckContext,
  registry: ZoneRegistry,
): ViewConfiguration {
  const name = textField(view.value, 'name') ?? '';
  const first = views.find((one) => textField(one.value, 'name') === name);
  if (first !== view && first)
    context.faults.error('CONF_DUPLICATE', view.position, `view '${name}': already exists ${previous(first)}`);
  const className = textField(view.value, 'class')?.toLowerCase() ?? 'in';
  if (className !== 'in') {
    const text = `view '${name}': class '${className}' is known but not supported by this version`;
    context.faults.error('CONF_UNSUPPORTED', view.position, text);
  }
  const body = bodyOf(view);
  checkSupport(body, SUPPORTED_VIEW, context.faults);
  checkZoneDefaults(body, context);
  return {
    name,
    matchClients: matchListSetting([body], 'match-clients', EVERYBODY, context),
    matchDestinations: matchListSetting([body], 'match-destinations', EVERYBODY, context),
    matchRecursiveOnly: flagOf(body, 'match-recursive-only') ?? false,
    answers: checkAnswering([body, options], context),
    zones: checkZones(clausesNamed(body, 'zone'), [body, options], context, registry),
  };
}

function bodyOf(clause: Clause): MapValue {
  return fieldOf(clause.value, 'body') as MapValue;
}

function textOf(map: MapValue, name: string): string | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'text' ? value.text : undefined;
}

function numberOf(map: MapValue, name: string): number | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'number' ? value.value : undefined;
}

function flagOf(map: MapValue, name: string): boolean | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'boolean' ? value.value : undefined;
}
