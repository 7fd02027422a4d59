import { hostname } from 'node:os';
import type { Disk } from '../base/disk.ts';
import { checkConfiguration } from './check/check.ts';
import type { Configuration } from './configuration.ts';
import { FaultList } from './fault.ts';
import type { Fault } from './fault.ts';
import { namedConfClauses } from './grammar/named-conf.ts';
import { readTree } from './syntax/read-tree.ts';
import type { TreeReaderOptions } from './syntax/tree-reader.ts';
import type { MapValue } from './syntax/tree.ts';

export interface ReadOptions extends TreeReaderOptions {
  /** For `server-id hostname`; default: the name of this host. */
  readonly hostName?: string;
  /** Text of version.bind where the configuration has none. */
  readonly programVersion?: string;
}

export interface ReadResult {
  /** Undefined when `faults` has an error. */
  readonly configuration: Configuration | undefined;
  /** What was read, when reading reached the end: for printing. */
  readonly tree: MapValue | undefined;
  /** In the order they were found: those of reading, then those of checking. */
  readonly faults: readonly Fault[];
}

/**
 * Reads and checks a named.conf with the files it includes. All faults are listed; formatFault makes
 * `file:line:column: message` of one. A file that cannot be read is a fault too.
 */
export function readConfiguration(file: string, disk: Disk, options: ReadOptions = {}): ReadResult {
  const faults = new FaultList();
  const tree = readTree(file, namedConfClauses, options, { disk, faults });
  // A tree that was not read as written is not checked: what is missing in it would be reported as wrong.
  if (!tree || faults.hasErrors) return { configuration: undefined, tree, faults: faults.all };
  const hostName = options.hostName ?? hostname();
  const programVersion = options.programVersion ?? 'Signet';
  const configuration = checkConfiguration(tree, { disk, faults, hostName, programVersion });
  return { configuration: faults.hasErrors ? undefined : configuration, tree, faults: faults.all };
}
