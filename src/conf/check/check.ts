import type { Configuration, ListenOn, ViewConfiguration } from '../configuration.ts';
import { SERVER_DEFAULTS } from '../defaults.ts';
import { clauseNamed, clausesNamed, fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import { canonicalKeyName } from './context.ts';
import type { CheckContext, CheckDependencies } from './context.ts';
import { checkControls } from './controls.ts';
import { checkKeys } from './keys.ts';
import { checkLogging } from './logging.ts';
import { checkMatchList, collectAcls, previous } from './match-lists.ts';
import { checkPolicies } from './policies.ts';
import { collectRemoteServers } from './remote-servers.ts';
import { matchListSetting, unsupportedPart } from './settings.ts';
import { checkSupport, SUPPORTED_OPTIONS, SUPPORTED_TOP, SUPPORTED_VIEW } from './supported.ts';
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
  const keys = checkKeys(allKeys(tree), faults);
  const context: CheckContext = {
    ...dependencies,
    directory: textOf(options, 'directory') ?? '.',
    acls: collectAcls(clausesNamed(tree, 'acl'), faults),
    resolvedAcls: new Map(),
    keyNames: new Set(allKeys(tree).map((clause) => canonicalKeyName(textField(clause.value, 'name') ?? ''))),
    remoteServers: collectRemoteServers(
      tree.clauses.filter(({ name }) => ['primaries', 'masters', 'parental-agents'].includes(name)),
      faults,
    ),
    policies: checkPolicies(clausesNamed(tree, 'dnssec-policy'), faults),
  };
  checkUnusedLists(context);
  const port = numberOf(options, 'port') ?? SERVER_DEFAULTS.port;
  return {
    directory: context.directory,
    port,
    listenOn: checkListenOn(options, 'listen-on', port, context),
    listenOnV6: checkListenOn(options, 'listen-on-v6', port, context),
    ...serverTexts(options, dependencies),
    keys,
    controls: checkControls(clausesNamed(tree, 'controls'), context),
    logging: checkLogging(clauseNamed(tree, 'logging')?.value as MapValue | undefined, faults),
    policies: context.policies,
    views: checkViews(tree, options, context),
  };
}

/** Keys of the server and of its views: one space of names is enough for what uses them now. */
function allKeys(tree: MapValue): Clause[] {
  return [
    ...clausesNamed(tree, 'key'),
    ...clausesNamed(tree, 'view').flatMap((view) => clausesNamed(bodyOf(view), 'key')),
  ];
}

/** Lists that nobody refers to are checked too. */
function checkUnusedLists(context: CheckContext): void {
  for (const [name, clause] of context.acls) {
    const body = fieldOf(clause.value, 'list');
    if (body && !context.resolvedAcls.has(name)) context.resolvedAcls.set(name, checkMatchList(body, context, [name]));
  }
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
    minimalAny: flagOf(options, 'minimal-any') ?? SERVER_DEFAULTS.minimalAny,
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

function checkListenOn(options: MapValue, name: string, port: number, context: CheckContext): ListenOn[] {
  const clauses = clausesNamed(options, name);
  if (clauses.length === 0) return [{ port, addresses: SERVER_DEFAULTS.listenOn }];
  return clauses.map(({ value }) => {
    for (const part of ['tls', 'http']) {
      const asked = fieldOf(value, part);
      if (asked) unsupportedPart(name, part, asked, context);
    }
    const addresses = fieldOf(value, 'addresses');
    return { port: numberField(value, 'port') ?? port, addresses: addresses ? checkMatchList(addresses, context) : [] };
  });
}

function checkViews(tree: MapValue, options: MapValue, context: CheckContext): ViewConfiguration[] {
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
    return [{ ...everything, zones: checkZones(zones, [options], context, registry) }];
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
  return {
    name,
    matchClients: matchListSetting([body], 'match-clients', EVERYBODY, context),
    matchDestinations: matchListSetting([body], 'match-destinations', EVERYBODY, context),
    matchRecursiveOnly: flagOf(body, 'match-recursive-only') ?? false,
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
