import { isoTime } from '../base/iso-time.ts';
import type { Configuration } from '../conf/configuration.ts';
import { parentRecords } from '../explain/parent-records.ts';
import type { ParentRecords } from '../explain/explanation.ts';
import { checkdsCommand } from '../explain/rndc-command.ts';
import type { HistoryEvent } from '../history/history-event.ts';
import { historyKeyText } from '../history/history-text.ts';
import type { HistoryEntry } from '../history/key-history.ts';
import { mustName } from '../wire/name-text.ts';
import { Refusal } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { managedZones, plannedKey, readKeys } from './signet-zones.ts';
import type { ManagedZone } from './signet-zones.ts';

/** What `signet watch` tells of one event. */
export interface Notice {
  readonly format: 'signet-notice';
  readonly version: 1;
  /** Of the event in the history: the same event has the same. */
  readonly id: number;
  /** UTC, ISO 8601. */
  readonly time: string;
  /** Absent: it is about the server. */
  readonly zone?: string;
  readonly view?: string;
  /** One line for people. */
  readonly text: string;
  readonly event: HistoryEvent;
  /** What the parent is to do. */
  readonly parent?: ParentOrder;
}

export interface ParentOrder {
  readonly what: 'add DS' | 'remove DS';
  /** Absent: the files of the key are gone, or its zone has left the configuration. */
  readonly records?: ParentRecords;
  /** Tells named that it is done, where it does not ask the parent itself. */
  readonly command?: string;
}

/** What an event asks of the parent; undefined: nothing. */
export function askedOfParent(event: HistoryEvent): ParentOrder['what'] | undefined {
  if (event.kind !== 'state' || event.record !== 'ds') return undefined;
  if (event.to === 'rumoured') return 'add DS';
  return event.to === 'unretentive' ? 'remove DS' : undefined;
}

export function noticeOf(
  { id, event, text }: HistoryEntry,
  configuration: Configuration,
  context: SignetContext,
): Notice {
  const { at, about } = event;
  const parent = parentOrder(event, configuration, context);
  return {
    format: 'signet-notice',
    version: 1,
    id,
    time: isoTime(at),
    ...about,
    text: parent === undefined ? text : orderText(event, parent),
    event,
    ...(parent && { parent }),
  };
}

/** For people: a line for the event, and below it what a parent is given. */
export function noticeText({ time, zone, view, text, parent }: Notice): string {
  const place = zone === undefined ? 'the server' : view === '_default' ? zone : `${zone} (view ${view})`;
  const head = `${time}  ${place}: ${text}\n`;
  if (parent === undefined) return head;
  const records =
    parent.what === 'add DS' ? [...(parent.records?.ds ?? []), ...keyLine(parent)] : (parent.records?.ds ?? []);
  const command = parent.command === undefined ? [] : [`then, unless named asks parental agents: ${parent.command}`];
  return head + [...records, ...command].map((line) => `    ${line}\n`).join('');
}

function keyLine({ records }: ParentOrder): string[] {
  if (records === undefined) return [];
  const { flags, protocol, algorithm, publicKey } = records.keyFields;
  return [`as a key: flags ${flags}, protocol ${protocol}, algorithm ${algorithm}, public key ${publicKey}`];
}

function orderText({ key }: HistoryEvent, { what, records }: ParentOrder): string {
  const whose = key === undefined ? 'a key' : historyKeyText(key);
  const order =
    what === 'add DS' ? `the parent should get the DS of ${whose}` : `the parent should remove the DS of ${whose}`;
  return records === undefined ? `${order}; its key files cannot be read here any more` : order;
}

function parentOrder(
  event: HistoryEvent,
  configuration: Configuration,
  context: SignetContext,
): ParentOrder | undefined {
  const what = askedOfParent(event);
  const { about, key } = event;
  if (what === undefined || about === undefined || key === undefined) return undefined;
  const managed = managedZone(configuration, about);
  const pairs = managed === undefined ? [] : (unlessRefused(() => readKeys(managed, quiet(context))) ?? []);
  const pair = pairs.find(({ fileBase }) => fileBase === key.id);
  if (managed === undefined || pair === undefined) return { what };
  const apex = mustName(managed.zone.name);
  const keys = pairs.map(plannedKey);
  const seen = what === 'add DS' ? 'published' : 'withdrawn';
  return {
    what,
    records: parentRecords(apex, pair.dnskey, managed.policy),
    command: checkdsCommand(plannedKey(pair), seen, { apex, view: about.view, keys }),
  };
}

/** What is wrong with key files is told by named and `signet explain`; a DS needs the public half only. */
function quiet(context: SignetContext): SignetContext {
  return { ...context, output: { ...context.output, complain: () => undefined } };
}

/** Undefined: the zone is no longer there, or has no policy any more. */
function managedZone(
  configuration: Configuration,
  { zone, view }: NonNullable<HistoryEvent['about']>,
): ManagedZone | undefined {
  return unlessRefused(() => managedZones(configuration, { zone, view })[0]);
}

/** A notice without records is better than none. */
function unlessRefused<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch (fault) {
    if (fault instanceof Refusal) return undefined;
    throw fault;
  }
}
