import type { Disk } from '../../base/disk.ts';
import { DiskError } from '../../base/disk-error.ts';
import { FaultList, SyntaxFault } from '../fault.ts';
import { Printer } from './printer.ts';
import type { ClauseTable } from './spec.ts';
import { printClauses, readClauses } from './structure-specs.ts';
import { TreeReader } from './tree-reader.ts';
import type { TreeReaderOptions } from './tree-reader.ts';
import type { MapValue } from './tree.ts';

/**
 * Reads a whole file by a grammar, with the files it includes. What is wrong goes to `faults`; undefined when reading
 * could not reach the end.
 */
export function readTree(
  file: string,
  grammar: ClauseTable,
  options: TreeReaderOptions,
  dependencies: { disk: Disk; faults: FaultList },
): MapValue | undefined {
  const reader = new TreeReader(options, dependencies);
  const failure = open(reader, file);
  if (failure === undefined) return readAll(reader, grammar);
  dependencies.faults.error('CONF_NO_FILE', { file, line: 1, column: 1 }, `cannot open '${file}': ${failure}`);
  return undefined;
}

/** Why the file cannot be read, or undefined. */
function open(reader: TreeReader, file: string): string | undefined {
  try {
    return reader.open(file) ? undefined : 'file not found';
  } catch (cause) {
    if (cause instanceof DiskError) return cause.message;
    throw cause;
  }
}

/** The same for a text in memory; `file` names it in faults. */
export function readTreeText(
  file: string,
  text: string,
  grammar: ClauseTable,
  dependencies: { disk: Disk; faults: FaultList },
): MapValue | undefined {
  const reader = new TreeReader({}, dependencies);
  reader.openText(file, text);
  return readAll(reader, grammar);
}

function readAll(reader: TreeReader, grammar: ClauseTable): MapValue | undefined {
  try {
    const tree = readClauses(reader, grammar);
    if (reader.peek().kind !== 'end') throw reader.fault('syntax error');
    return tree;
  } catch (cause) {
    if (!(cause instanceof SyntaxFault)) throw cause;
    reader.faults.add(cause.toFault());
    return undefined;
  }
}

/** The canonical text of a tree, as `named-checkconf -p` prints it. */
export function printTree(tree: MapValue, grammar: ClauseTable, options: { hideSecrets?: boolean } = {}): string {
  const printer = new Printer(options);
  printClauses(tree, grammar, printer);
  return printer.text;
}
