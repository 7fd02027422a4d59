import path from 'node:path';
import { isoTime } from '../base/iso-time.ts';
import type { Configuration } from '../conf/configuration.ts';
import { HistoryReader } from '../history/history-reader.ts';
import { MOST_ENTRIES } from '../history/key-history.ts';
import type { HistoryEntry } from '../history/key-history.ts';
import { parseMoment } from '../simulate/moment.ts';
import { DEFAULT_CONFIGURATION, EXIT, Refusal } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { oneOperand, optionHelp, parseOptions } from './signet-options.ts';
import type { OptionForms, SignetOptions } from './signet-options.ts';
import { historyZoneName, loadConfiguration } from './signet-zones.ts';

const OPTIONS: OptionForms = {
  config: { argument: 'named.conf', help: `where the working directory is said; default ${DEFAULT_CONFIGURATION}` },
  file: { argument: 'FILE', help: 'the history itself; default: signet-history.sqlite in the working directory' },
  view: { argument: 'NAME', help: 'in this view only' },
  key: { argument: 'TAG', help: 'events of keys with this tag only' },
  since: { argument: 'TIME', help: 'from this time on: 2027-03-01 or 2027-03-01T12:00:00Z' },
  until: { argument: 'TIME', help: 'up to this time' },
  limit: { argument: 'N', help: `the last N events; default 1000, at most ${MOST_ENTRIES}` },
  json: { help: 'a JSON document' },
  help: { help: 'this text' },
};

export const HISTORY_HELP = `usage: signet history ZONE [options]

Prints what happened to the keys of a zone, as named kept it: oldest first, times in UTC.

${optionHelp(OPTIONS)}`;

/** Where named keeps the history when the configuration says nothing else. */
export function historyFile({ directory }: Configuration): string {
  return path.resolve(directory, 'signet-history.sqlite');
}

const DEFAULT_LIMIT = 1000;

/** `signet history`. @throws SignetError when there is none, or it cannot be read */
export function historyCommand(words: readonly string[], context: SignetContext): number {
  const options = parseOptions(words, OPTIONS);
  if (options.has('help')) {
    context.output.print(HISTORY_HELP);
    return EXIT.good;
  }
  const zone = historyZoneName(oneOperand(options, 'the zone'));
  const wanted = { zone, ...query(options), order: 'newest first' } as const;
  const given = options.value('file');
  const file = given ?? historyFile(loadConfiguration(options.value('config') ?? DEFAULT_CONFIGURATION, context));
  using reader = HistoryReader.open(file, context);
  const entries = reader.read(wanted).toReversed();
  context.output.print(options.has('json') ? jsonText(zone, entries) : entries.map(lineText).join(''));
  return EXIT.good;
}

function query(options: SignetOptions): { view?: string; tag?: number; since?: number; until?: number; limit: number } {
  const view = options.value('view');
  const tag = number(options, 'key', 0, 65_535);
  const since = momentOption(options, 'since');
  const until = momentOption(options, 'until');
  return {
    ...(view !== undefined && { view }),
    ...(tag !== undefined && { tag }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    limit: number(options, 'limit', 1, MOST_ENTRIES) ?? DEFAULT_LIMIT,
  };
}

function number(options: SignetOptions, name: string, least: number, most: number): number | undefined {
  const text = options.value(name);
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw new Refusal(`--${name} ${text}: a number from ${least} to ${most}`);
}

/** Unix seconds of an option that is a time. @throws Refusal */
export function momentOption(options: SignetOptions, name: string): number | undefined {
  const text = options.value(name);
  if (text === undefined) return undefined;
  const at = text.startsWith('+') ? undefined : parseMoment(text, 0);
  if (at === undefined)
    throw new Refusal(`--${name} ${text}: this is no time; write 2027-03-01 or 2027-03-01T12:00:00Z`);
  return at;
}

function lineText({ event, text }: HistoryEntry): string {
  return `${isoTime(event.at)}  ${text}\n`;
}

function jsonText(zone: string, entries: readonly HistoryEntry[]): string {
  const events = entries.map(({ id, event, text }) => ({ id, time: isoTime(event.at), text, event }));
  return `${JSON.stringify({ format: 'signet-history', version: 1, zone, events }, undefined, 2)}\n`;
}
