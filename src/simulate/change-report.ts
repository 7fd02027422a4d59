import { isoTime } from '../base/iso-time.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { withRolesInUse } from '../policy/match-keys.ts';
import { isTakenUp, type PlannedKey } from '../policy/planned-key.ts';
import { dsActionText, stepLines } from './timeline-text.ts';
import type { Line } from './timeline-text.ts';
import type { DsAction, KeyLife, Simulation, Step } from './simulation.ts';
import { dangerText, namesOf, reasonText, tagRangeText, waitText } from './words.ts';

/** What a configuration would do to a zone. Times are Unix seconds. */
export interface ChangeReport {
  readonly zone: string;
  readonly policy: string;
  readonly keys: readonly KeyFate[];
  /** What happens as soon as the configuration is read. */
  readonly atOnce: readonly Line[];
  /** What comes then: ten events at most. */
  readonly next: readonly Line[];
  readonly dsActions: readonly DsAction[];
  readonly result: ReportResult;
  /** What is wrong: dangers and steps that wait for ever. */
  readonly problems: readonly string[];
}

export interface KeyFate {
  readonly key: string;
  readonly name: string;
  readonly fate: 'kept' | 'taken up' | 'made' | 'retired' | 'own times' | 'purged';
  /** When it is retired; undefined: at once, or not in the time that was simulated. */
  readonly until: number | undefined;
  readonly reason: string;
}

/** Whether the configuration starts a rollover. */
export interface ReportResult {
  readonly kind: 'first keys' | 'no rollover' | 'later' | 'starts rollover' | 'goes unsigned' | 'nothing to sign';
  /** The first rollover that starts on schedule. */
  readonly first: number | undefined;
  readonly text: string;
}

/** Events that are listed. */
const MOST_EVENTS = 10;

/** What a simulation that begins with a new configuration says of it. */
export function changeReport(simulation: Simulation): ChangeReport {
  const { scenario, keys, steps, dangers, stuck, summary } = simulation;
  const nameOf = namesOf(simulation);
  const lines = stepLines(steps, nameOf);
  return {
    zone: scenario.zone,
    policy: scenario.policyChanges.at(0)?.policy.name ?? scenario.policy.name,
    keys: keys.flatMap((key) => fateOf(key, simulation) ?? []),
    atOnce: lines.filter(({ at }) => at === scenario.start),
    next: lines.filter(({ at }) => at > scenario.start).slice(0, MOST_EVENTS),
    dsActions: summary.dsActions,
    result: resultOf(simulation),
    problems: [
      ...dangers.map((danger) => dangerText(danger, nameOf)),
      ...stuck.map((wait) => `waits for ever: ${waitText(wait, nameOf)}`),
    ],
  };
}

function fateOf(key: KeyLife, { scenario, steps }: Simulation): KeyFate | undefined {
  const { id, name } = key;
  const { start } = scenario;
  const about = steps.filter((step) => 'key' in step && step.key === id);
  const find = <K extends Step['kind']>(kind: K): Extract<Step, { kind: K }> | undefined =>
    about.find((step): step is Extract<Step, { kind: K }> => step.kind === kind);
  const made = find('key made');
  if (made !== undefined) {
    if (made.at > start) return undefined;
    return { key: id, name, fate: 'made', until: undefined, reason: reasonText(made.reason) };
  }
  const retired = find('key retired');
  const purged = find('key purged');
  if (purged?.at === start)
    return { key: id, name, fate: 'purged', until: undefined, reason: 'no cache has anything of it' };
  if (retired?.at === start)
    return { key: id, name, fate: 'retired', until: undefined, reason: reasonText(retired.reason) };
  const until = retired?.at;
  const planned = scenario.keys.find((one) => one.id === id)!;
  const reason = until === undefined ? '' : reasonText(retired!.reason);
  if (find('key adopted')?.at === start) return { key: id, name, fate: 'taken up', until, reason };
  if (!isTakenUp(planned)) return { key: id, name, fate: 'own times', until, reason: 'the policy does not ask for it' };
  const isLeaving = planned.state?.goal === 'hidden';
  return { key: id, name, fate: isLeaving ? 'retired' : 'kept', until, reason: isLeaving ? 'it was before' : reason };
}

function resultOf({ scenario, steps, keys, signers }: Simulation): ReportResult {
  const { start } = scenario;
  const policy = scenario.policyChanges.at(0)?.policy ?? scenario.policy;
  const isMade = (step: Step): step is Extract<Step, { kind: 'key made' }> => step.kind === 'key made';
  const now = steps.filter(({ at }) => at === start);
  const begun = now.filter((step) => isMade(step) || step.kind === 'key retired');
  const nameOf = (id: string): string => keys.find((key) => key.id === id)?.name ?? id;
  const names = begun.map((step) => ('key' in step && step.key !== undefined ? nameOf(step.key) : '')).join(', ');
  const first = steps.find((step) => step.at > start && (isMade(step) || step.kind === 'key retired'));
  const make = (kind: ReportResult['kind'], text: string): ReportResult => ({ kind, first: first?.at, text });
  if (policy.keys.length === 0) {
    const wasSigned = signers.some(({ data }) => data.length > 0);
    if (!wasSigned) return make('nothing to sign', 'the zone is unsigned and stays so');
    return make(
      'goes unsigned',
      'the zone goes back to unsigned: its DS leaves the parent first, then all DNSSEC records',
    );
  }
  if (scenario.keys.length === 0) return make('first keys', `the zone is signed for the first time: ${names} are made`);
  if (begun.length > 0)
    return make(
      'starts rollover',
      `this starts a rollover: ${names}${outOfRange(withRolesInUse(scenario.keys, start), policy)}`,
    );
  if (first === undefined) {
    const days = Math.floor((scenario.end - start) / 86_400);
    return make('no rollover', `no rollover will start (${days} days are simulated)`);
  }
  const what = isMade(first) ? `${nameOf(first.key)} is made` : 'a key retires';
  return make(
    'later',
    `no rollover will start by this; the first one on schedule begins ${isoTime(first.at)}: ${what}`,
  );
}

/** Keys that would stay but for their tags; '' for none. */
function outOfRange(keys: readonly PlannedKey[], policy: DnssecPolicy): string {
  const texts = keys.filter((key) => key.state?.goal !== 'hidden').flatMap((key) => tagRangeText(key, policy) ?? []);
  return texts.length === 0 ? '' : `, because ${texts.join('; ')}`;
}

/** A report as people read it. `extra`: lines of what else is known, such as the signatures of the signed zone. */
export function changeReportText(
  report: ChangeReport,
  differences: readonly string[],
  extra: readonly string[],
): string {
  const width = Math.max(7, ...report.keys.map(({ name }) => name.length));
  const eventLine = ({ at, subject, text }: Line): string => `  ${isoTime(at)}  ${subject.padEnd(width)}  ${text}`;
  const section = (title: string, lines: readonly string[], none: string): string[] =>
    lines.length === 0 ? [`${title}: ${none}`] : [`${title}:`, ...lines];
  return [
    `${report.zone} with policy "${report.policy}"`,
    ...(differences.length === 0 ? [] : ['changed:', ...differences.map((line) => `  ${line}`)]),
    ...section(
      'keys',
      report.keys.map((fate) => `  ${fate.name.padEnd(width)}  ${fateText(fate)}`),
      'none',
    ),
    ...section('at once', report.atOnce.map(eventLine), 'nothing changes'),
    ...section('then', report.next.map(eventLine), 'nothing'),
    ...section(
      'for the parent to do (by CDS and CDNSKEY, or by hand)',
      report.dsActions.map((action) => `  ${dsActionText(action, report.zone)}`),
      'nothing',
    ),
    ...extra,
    ...report.problems.map((problem) => `PROBLEM: ${problem}`),
    `result: ${report.result.text}`,
    '',
  ].join('\n');
}

function fateText({ fate, until, reason }: KeyFate): string {
  const end = until === undefined ? '' : ` until ${isoTime(until)} (${reason})`;
  switch (fate) {
    case 'kept':
      return `kept${end}`;
    case 'taken up':
      return `taken up as it is, and kept${end}`;
    case 'made':
      return `made: ${reason}`;
    case 'retired':
      return `retired: ${reason}`;
    case 'own times':
      return `left to its own times: ${reason}`;
    case 'purged':
      return `its files are removed: ${reason}`;
  }
}

/** The same as plain data for JSON; times are ISO 8601 in UTC. */
export function changeReportJson(
  report: ChangeReport,
  differences: readonly string[],
): Readonly<Record<string, unknown>> {
  const lineJson = ({ at, subject, text }: Line): unknown => ({ time: isoTime(at), subject, text });
  const timeJson = (time: number | undefined): string | null => (time === undefined ? null : isoTime(time));
  return {
    zone: report.zone,
    policy: report.policy,
    changed: differences,
    keys: report.keys.map(({ name, fate, until, reason }) => ({ name, fate, until: timeJson(until), reason })),
    atOnce: report.atOnce.map(lineJson),
    next: report.next.map(lineJson),
    dsActions: report.dsActions.map(({ at, keys, done, commands }) => ({
      from: isoTime(at),
      keys,
      done: timeJson(done),
      commands,
    })),
    problems: report.problems,
    result: { kind: report.result.kind, firstRollover: timeJson(report.result.first), text: report.result.text },
  };
}
