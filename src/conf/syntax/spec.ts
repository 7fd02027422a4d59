import type { Printer } from './printer.ts';
import type { TreeReader } from './tree-reader.ts';
import type { Value } from './tree.ts';

/**
 * The syntax of one kind of value: how it is read and how it is printed. Printing what was read and reading that again
 * gives an equal tree. `read` throws SyntaxFault where it cannot go on.
 */
export interface Spec {
  read(reader: TreeReader): Value;
  print(value: Value, printer: Printer): void;
}

/** What is said about a clause besides its syntax. */
export interface ClauseSpec {
  readonly spec: Spec;
  /** May stand more than once in one map. */
  readonly many?: true;
  /**
   * deprecated: works, with a warning. obsolete: read and ignored, with a warning. ancient: no longer there, an error.
   * unbuilt: Debian's BIND reads it and then says that it was built without.
   */
  readonly status?: 'deprecated' | 'obsolete' | 'ancient' | 'unbuilt' | 'test';
}

/** Clause name to its syntax, in the order of canonical printing. */
export type ClauseTable = Readonly<Record<string, ClauseSpec>>;

export function one(spec: Spec, status?: ClauseSpec['status']): ClauseSpec {
  return status ? { spec, status } : { spec };
}

export function many(spec: Spec, status?: ClauseSpec['status']): ClauseSpec {
  return status ? { spec, status, many: true } : { spec, many: true };
}
