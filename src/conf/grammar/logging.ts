import { boolean, integer, nothing, text, word, wordOrBoolean } from '../syntax/scalar-specs.ts';
import { many, one } from '../syntax/spec.ts';
import type { ClauseTable, Spec } from '../syntax/spec.ts';
import type { TupleValue, Value } from '../syntax/tree.ts';
import { block, field, trailing, tuple } from '../syntax/structure-specs.ts';
import { logFile, nameWithList } from './value-kinds.ts';

const level = word('critical', 'error', 'warning', 'notice', 'info', 'dynamic');
const debugLevel = tuple([field('severity', word('debug')), trailing('level', integer)]);

/** `debug 3`, level 1 when there is none; the other severities stand alone. */
const severity: Spec = {
  read(reader) {
    if (reader.peek().text.toLowerCase() !== 'debug') return level.read(reader);
    const value = debugLevel.read(reader) as TupleValue;
    const first: Value = { kind: 'number', value: 1, position: value.position };
    return { ...value, fields: new Map<string, Value>([['level', first], ...value.fields]) };
  },
  print: (value, printer) => (value.kind === 'tuple' ? debugLevel : level).print(value, printer),
};

/** Clauses of `channel`. */
const channelClauses: ClauseTable = {
  file: one(logFile),
  syslog: one(tuple([trailing('facility', text)])),
  null: one(nothing),
  stderr: one(nothing),
  severity: one(severity),
  'print-time': one(wordOrBoolean('iso8601', 'iso8601-utc', 'local')),
  'print-severity': one(boolean),
  'print-category': one(boolean),
  buffered: one(boolean),
};

/** Clauses of `logging`. */
export const loggingClauses: ClauseTable = {
  channel: many(tuple([field('name', text), field('body', block(channelClauses))])),
  category: many(nameWithList),
};
