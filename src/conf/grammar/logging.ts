import { boolean, integer, nothing, text, word, wordOrBoolean } from '../syntax/scalar-specs.ts';
import { many, one } from '../syntax/spec.ts';
import type { ClauseTable, Spec } from '../syntax/spec.ts';
import { block, field, trailing, tuple } from '../syntax/structure-specs.ts';
import { logFile, nameWithList } from './value-kinds.ts';

const level = word('critical', 'error', 'warning', 'notice', 'info', 'dynamic', 'debug');
const debugLevel = tuple([field('severity', level), trailing('level', integer)]);

/** `debug 3`; the other severities stand alone. */
const severity: Spec = {
  read: (reader) => (reader.peek().text.toLowerCase() === 'debug' ? debugLevel : level).read(reader),
  print: (value, printer) => (value.kind === 'tuple' ? debugLevel : level).print(value, printer),
};

/** Clauses of `channel`. */
export const channelClauses: ClauseTable = {
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
