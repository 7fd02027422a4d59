import type { HistoryEvent, HistoryKey, HistoryKind } from './history-event.ts';
import { HISTORY_KINDS } from './history-event.ts';
import { historyText } from './history-text.ts';
import type { HistoryEntry, HistoryQuery } from './key-history.ts';

/** Characters of one text of an event: what the outside says (answers, errors) is no longer than that. */
const MOST_CHARACTERS = 1000;
/** Elements of one list of an event. */
const MOST_ELEMENTS = 100;

export const INSERT = `INSERT INTO event (at, zone, view, key, tag, algorithm, role, kind, text, facts)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** The values of INSERT. */
export type EventRow = readonly (string | number | null)[];

/** @throws TypeError for what cannot be written as JSON, RangeError for a time that is none: mistakes of the caller */
export function rowOf(given: HistoryEvent): EventRow {
  const event = bounded(given) as HistoryEvent;
  const { at, about, key, kind, ...facts } = event;
  if (!Number.isSafeInteger(at)) throw new RangeError(`${at} is not a Unix time`);
  return [
    at,
    about?.zone ?? null,
    about?.view ?? null,
    key?.id ?? null,
    key?.tag ?? null,
    key?.algorithm ?? null,
    key?.role ?? null,
    kind,
    cut(historyText(event)),
    JSON.stringify(facts),
  ];
}

/** A row as SELECT_COLUMNS gives it. */
export interface Row {
  readonly id: number;
  readonly at: number;
  readonly zone: string | null;
  readonly view: string | null;
  readonly key: string | null;
  readonly tag: number | null;
  readonly algorithm: number | null;
  readonly role: string | null;
  readonly kind: string;
  readonly text: string;
  readonly facts: string;
}

const SELECT_COLUMNS = 'SELECT id, at, zone, view, key, tag, algorithm, role, kind, text, facts FROM event';

/** @throws SyntaxError or TypeError for a row that no version of ours has written */
export function entryOf(row: Row): HistoryEntry {
  const facts: unknown = JSON.parse(row.facts);
  if (typeof facts !== 'object' || facts === null || Array.isArray(facts)) throw new TypeError('facts are no object');
  if (!HISTORY_KINDS.includes(row.kind as HistoryKind)) throw new TypeError(`kind "${row.kind}" is not known`);
  const about = row.zone === null ? undefined : { zone: row.zone, view: row.view ?? '_default' };
  const key = row.key === null ? undefined : keyOf(row.key, row);
  const event = { ...facts, at: row.at, about, ...(key && { key }), kind: row.kind } as HistoryEvent;
  return { id: row.id, event, text: row.text };
}

function keyOf(id: string, { tag, algorithm, role }: Row): HistoryKey {
  if (tag === null || algorithm === null || (role !== 'KSK' && role !== 'ZSK' && role !== 'CSK'))
    throw new TypeError(`key ${id} has no tag, algorithm or role`);
  return { id, tag, algorithm, role };
}

/** The statement for a query, and its values. */
export function selectOf(query: HistoryQuery): { readonly sql: string; readonly values: (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const where = (condition: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  const isBackward = query.order === 'newest first';
  where('zone = ?', query.zone);
  where('view = ?', query.view);
  where('key = ?', query.key);
  where('tag = ?', query.tag);
  where('at >= ?', query.since);
  where('at <= ?', query.until);
  where(isBackward ? 'id < ?' : 'id > ?', query.after);
  if (query.kinds) {
    conditions.push(`kind IN (${query.kinds.map(() => '?').join(', ')})`);
    values.push(...query.kinds);
  }
  const condition = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const sql = `${SELECT_COLUMNS}${condition} ORDER BY id ${isBackward ? 'DESC' : 'ASC'} LIMIT ?`;
  return { sql, values: [...values, query.limit] };
}

/** The same data with long texts and lists cut. */
function bounded(value: unknown): unknown {
  if (typeof value === 'string') return cut(value);
  if (Array.isArray(value)) return value.slice(0, MOST_ELEMENTS).map(bounded);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).slice(0, MOST_ELEMENTS);
  return Object.fromEntries(entries.map(([name, one]: [string, unknown]) => [name, bounded(one)]));
}

const cut = (text: string): string => {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ');
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS - 1)}…`;
};
