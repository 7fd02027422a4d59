import type { LogChannel, LoggingConfiguration } from '../configuration.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, clausesNamed, fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, MapValue, Value } from '../syntax/tree.ts';

/** Categories of BIND 9.18. */
const LOG_CATEGORIES: ReadonlySet<string> = new Set(
  (
    'client cname config database default delegation-only dispatch dnssec dnstap edns-disabled general lame-servers ' +
    'network notify nsid queries query-errors rate-limit resolver rpz rpz-passthru security serve-stale spill ' +
    'trust-anchor-telemetry unmatched update update-security xfer-in xfer-out zoneload'
  ).split(' '),
);

/** Facilities of syslog(3). */
const FACILITIES: ReadonlySet<string> = new Set(
  (
    'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ' +
    'local0 local1 local2 local3 local4 local5 local6 local7'
  ).split(' '),
);

const PLAIN = { printTime: 'none', printSeverity: false, printCategory: false, buffered: false } as const;

/** Channels that are always there. BIND 9.18. */
export const BUILT_IN_CHANNELS: readonly LogChannel[] = [
  { name: 'default_syslog', to: { kind: 'syslog', facility: 'daemon' }, severity: 'info', ...PLAIN },
  { name: 'default_debug', to: fileChannel('named.run'), severity: 'dynamic', ...PLAIN, printTime: 'local' },
  { name: 'default_stderr', to: { kind: 'stderr' }, severity: 'info', ...PLAIN, printTime: 'local' },
  { name: 'null', to: { kind: 'null' }, severity: 'dynamic', ...PLAIN },
];

/** What is done without a category `default`. BIND 9.18. */
const DEFAULT_CATEGORY = ['default_syslog', 'default_debug'];

/** The channels and categories; undefined stands for a configuration without `logging`. */
export function checkLogging(map: MapValue | undefined, faults: FaultList): LoggingConfiguration {
  const channels = new Map(BUILT_IN_CHANNELS.map((channel) => [channel.name, channel]));
  for (const clause of map ? clausesNamed(map, 'channel') : []) {
    const channel = checkChannel(clause, faults);
    // A later channel of the same name takes the place of an earlier one, also of a built-in one.
    if (channel) channels.set(channel.name, channel);
  }
  const known = new Set([...channels.keys(), ...(map ? clausesNamed(map, 'channel').map(nameOf) : [])]);
  const categories = new Map<string, readonly string[]>([
    ['default', DEFAULT_CATEGORY],
    ['unmatched', ['null']],
  ]);
  for (const clause of map ? clausesNamed(map, 'category') : []) checkCategory(clause, known, categories, faults);
  return { channels: [...channels.values()], categories };
}

function checkCategory(
  clause: Clause,
  channels: Set<string>,
  categories: Map<string, readonly string[]>,
  faults: FaultList,
) {
  const name = nameOf(clause);
  if (!LOG_CATEGORIES.has(name)) faults.error('CONF_REFERENCE', clause.position, `undefined category: '${name}'`);
  const names: string[] = [];
  for (const element of (fieldOf(clause.value, 'list') as ListValue).elements) {
    if (element.kind !== 'text') continue;
    if (!channels.has(element.text))
      faults.error('CONF_REFERENCE', element.position, `undefined channel: '${element.text}'`);
    names.push(element.text);
  }
  categories.set(name, names);
}

function checkChannel(clause: Clause, faults: FaultList): LogChannel | undefined {
  const body = fieldOf(clause.value, 'body') as MapValue;
  const outputs = body.clauses.filter(({ name }) => ['file', 'syslog', 'null', 'stderr'].includes(name));
  if (outputs.length !== 1) {
    const text = `channel '${nameOf(clause)}': exactly one of file, syslog, null, and stderr must be present`;
    faults.error('CONF_VALUE', clause.position, text);
    return undefined;
  }
  return {
    name: nameOf(clause),
    to: checkOutput(outputs[0], faults),
    severity: checkSeverity(clauseNamed(body, 'severity')?.value),
    printTime: checkPrintTime(clauseNamed(body, 'print-time')?.value),
    printSeverity: isTrue(body, 'print-severity'),
    printCategory: isTrue(body, 'print-category'),
    buffered: isTrue(body, 'buffered'),
  };
}

function checkOutput({ name, value }: Clause, faults: FaultList): LogChannel['to'] {
  if (name === 'null' || name === 'stderr') return { kind: name };
  if (name === 'syslog') return { kind: 'syslog', facility: checkFacility(value, faults) };
  const versions = fieldOf(value, 'versions');
  const size = fieldOf(value, 'size');
  return {
    kind: 'file',
    path: textField(value, 'path') ?? '',
    versions: versions?.kind === 'text' ? 'unlimited' : numberField(value, 'versions'),
    size: size?.kind === 'size' ? Number(size.value) : undefined,
    suffix: textField(value, 'suffix') === 'timestamp' ? 'timestamp' : 'increment',
  };
}

function checkFacility(value: Value, faults: FaultList): string {
  const facility = textField(value, 'facility')?.toLowerCase() ?? 'daemon';
  if (!FACILITIES.has(facility)) faults.error('CONF_VALUE', value.position, `unknown syslog facility '${facility}'`);
  return facility;
}

/** Debug without a level is level 1; a channel without severity takes info. BIND 9.18. */
function checkSeverity(value: Value | undefined): LogChannel['severity'] {
  if (value?.kind === 'tuple') return { debug: numberField(value, 'level') ?? 1 };
  return value?.kind === 'text' ? (value.text as Exclude<LogChannel['severity'], object>) : 'info';
}

function checkPrintTime(value: Value | undefined): LogChannel['printTime'] {
  if (value?.kind === 'boolean') return value.value ? 'local' : 'none';
  return value?.kind === 'text' ? (value.text as LogChannel['printTime']) : 'none';
}

function isTrue(map: MapValue, name: string): boolean {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'boolean' && value.value;
}

function nameOf(clause: Clause): string {
  return textField(clause.value, 'name') ?? '';
}

function fileChannel(path: string): LogChannel['to'] {
  return { kind: 'file', path, versions: undefined, size: undefined, suffix: 'increment' };
}
