import { durationText } from '../base/duration-text.ts';
import { isoTime } from '../base/iso-time.ts';
import type { DsAction, KeyKind, KeySetChange, Simulation, Step } from './simulation.ts';
import type { SignatureRound } from './signature-rounds.ts';
import { dangerText, faultText, namesOf, RECORD_WORDS, reasonText, stepText, subjectOf, waitText } from './words.ts';
import type { KeyNames } from './words.ts';

export interface TextOptions {
  /** Each round of renewals has a line. */
  readonly withRounds: boolean;
}

/** A simulation as people read it: what is there, a line for each step with its reason, and what it came to. */
export function timelineText(simulation: Simulation, { withRounds }: TextOptions): string {
  const nameOf = namesOf(simulation);
  const width = Math.max(7, ...simulation.keys.map(({ name }) => name.length));
  const lines = [...stepLines(simulation.steps, nameOf), ...roundLines(simulation.rounds, withRounds)];
  // Of what happens at one moment the order is the one it was found in.
  const sorted = lines.toSorted((a, b) => a.at - b.at);
  return [
    ...headLines(simulation, nameOf),
    '',
    ...sorted.map(({ at, subject, text }) => `${isoTime(at)}  ${subject.padEnd(width)}  ${text}`),
    '',
    ...summaryLines(simulation, nameOf),
    '',
  ].join('\n');
}

export interface Line {
  readonly at: number;
  readonly subject: string;
  readonly text: string;
}

function headLines({ scenario, ds }: Simulation, nameOf: KeyNames): string[] {
  const { zone, policy, start, end, faults, keys } = scenario;
  const there = keys.length === 0 ? 'none' : keys.map(({ id }) => nameOf(id)).join(', ');
  const parent = ds[0].keys.length === 0 ? 'no DS' : `the DS of ${ds[0].keys.map(nameOf).join(', ')}`;
  return [
    `${zone} with policy "${policy.name}", ${isoTime(start)} to ${isoTime(end)}`,
    `keys at the start: ${there}; at the parent: ${parent}`,
    ...faults.map((fault) => `fault from ${isoTime(fault.at)} on: ${faultText(fault)}`),
  ];
}

/** One line a step; what happens to several records of a key at once, for one reason, is one line. */
export function stepLines(steps: readonly Step[], nameOf: KeyNames): Line[] {
  const lines: Line[] = [];
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    const reason = 'reason' in step ? reasonText(step.reason) : '';
    let text = stepText(step, nameOf);
    if (step.kind === 'state') {
      const records = [step.record];
      for (let next = steps[i + 1]; isSameMove(step, next); next = steps[i + 1]) {
        if (reasonText(next.reason) !== reason) break;
        records.push(next.record);
        i++;
      }
      text = `${records.map((record) => RECORD_WORDS[record]).join(', ')} ${step.from} -> ${step.to}`;
    }
    lines.push({ at: step.at, subject: subjectOf(step, nameOf), text: reason === '' ? text : `${text}: ${reason}` });
  }
  return lines;
}

type StateStep = Extract<Step, { kind: 'state' }>;

function isSameMove(step: StateStep, next: Step | undefined): next is StateStep {
  return (
    next?.kind === 'state' &&
    next.at === step.at &&
    next.key === step.key &&
    next.from === step.from &&
    next.to === step.to
  );
}

function roundLines(rounds: readonly SignatureRound[], all: boolean): Line[] {
  const shown = rounds.filter(({ reason }) => all || reason !== 'due');
  return shown.map(({ records, from, until, reason }) => ({
    at: from,
    subject: 'zone',
    text: `signatures of ${records}: ${reason}${until > from ? `, one by one until ${isoTime(until)}` : ''}`,
  }));
}

function summaryLines(simulation: Simulation, nameOf: KeyNames): string[] {
  const { summary, dangers, stuck, scenario } = simulation;
  return [
    `rollovers: ${rolloverText(simulation)}`,
    `signatures: ${renewalText(simulation, 'zone data')}; ${renewalText(simulation, 'key records')}`,
    longestText(simulation, nameOf),
    summary.dsActions.length === 0
      ? 'for the parent to do: nothing'
      : 'for the parent to do (by CDS and CDNSKEY, or by hand):',
    ...summary.dsActions.map((action) => `  ${dsActionText(action, scenario.zone)}`),
    ...stuck.map((wait) => `WAITS FOR EVER: ${waitText(wait, nameOf)}`),
    ...dangers.map((danger) => `DANGER: ${dangerText(danger, nameOf)}`),
    summary.isSound ? 'result: at no time an answer is bogus, and nothing waits for ever' : 'result: NOT SOUND',
  ];
}

function rolloverText({ summary }: Simulation): string {
  const counts = Object.entries(summary.rollovers).filter(([, count]) => count > 0);
  const texts = [...counts.map(([role, count]) => `${count} ${role}`), ...summary.keySetChanges.map(keySetChangeText)];
  return texts.length === 0 ? 'none' : texts.join(', ');
}

/** "1 algorithm (csk algorithm 13 -> csk algorithm 8)": what all keys of the zone changed in. */
function keySetChangeText({ from, to, over }: KeySetChange): string {
  const differs = (of: (kind: KeyKind) => unknown): boolean => from.map(of).join() !== to.map(of).join();
  const isAlgorithm = from.some(({ algorithm }) => to.every((kind) => kind.algorithm !== algorithm));
  const isRoles = differs(({ role }) => role);
  const what = to.length === 0 ? 'to unsigned' : isAlgorithm ? 'algorithm' : isRoles ? 'key set' : 'key size';
  const isSize = what === 'key size';
  const text = (kinds: readonly KeyKind[]): string =>
    kinds.map(({ role, algorithm, bits }) => `${role} algorithm ${algorithm}${isSize ? ` ${bits}` : ''}`).join(' + ') ||
    'none';
  return `1 ${what} (${text(from)} -> ${text(to)})${over === undefined ? ' not over by the end' : ''}`;
}

function renewalText({ rounds }: Simulation, records: SignatureRound['records']): string {
  const due = rounds.filter((round) => round.records === records && round.reason === 'due');
  if (due.length === 0) return `${records} not renewed`;
  const gaps = due.slice(1).map(({ from }, i) => from - due[i].from);
  const often =
    gaps.length === 0 ? '' : `, every ${durationText(Math.round(gaps.reduce((a, b) => a + b) / gaps.length))}`;
  return `${records} renewed in ${due.length} ${due.length === 1 ? 'round' : 'rounds'}${often}`;
}

function longestText({ summary, scenario }: Simulation, nameOf: KeyNames): string {
  const { longestWait } = summary;
  if (longestWait === undefined) return 'longest wait for the parent: none';
  const length = (longestWait.until ?? scenario.end) - longestWait.since;
  return `longest wait for the parent: ${durationText(length)}, ${waitText(longestWait, nameOf)}`;
}

/** What an operator does whose parent does not read CDS, or whose daemon does not ask the parent. */
export function dsActionText({ at, keys, done, commands }: DsAction, zone: string): string {
  const what = keys.length === 0 ? 'no DS' : `the DS of ${keys.join(', ')} and no other`;
  const when = done === undefined ? 'not done by the end' : `done by ${isoTime(done)}`;
  const tell = commands.length === 0 ? '' : `; then ${commands.map((command) => `"${command}"`).join(', ')}`;
  return `${isoTime(at)}  ${what} for ${zone}, ${when}${tell}`;
}
