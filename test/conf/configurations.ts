import assert from 'node:assert/strict';
import type { Configuration, DnssecPolicy } from '../../src/conf/configuration.ts';
import { formatFault } from '../../src/conf/fault.ts';
import { readConfiguration } from '../../src/conf/read-configuration.ts';
import type { ReadResult } from '../../src/conf/read-configuration.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

type Files = Readonly<Record<string, string>>;

/** Reads named.conf from a disk with these files. */
export function read(text: string, files: Files = {}): ReadResult {
  const disk = MemoryDisk.readOnly({ 'named.conf': text, ...files });
  return readConfiguration('named.conf', disk, { hostName: 'host.example', programVersion: 'Signet 1.2.3' });
}

/** `file:line:column: message` of every fault; warnings begin with "warning: ". */
export function faultsOf(text: string, files: Files = {}): string[] {
  return read(text, files).faults.map(
    (fault) => (fault.severity === 'warning' ? 'warning: ' : '') + formatFault(fault),
  );
}

/** The configuration of a text that is good. */
export function good(text: string, files: Files = {}): Configuration {
  const { configuration, faults } = read(text, files);
  assert.ok(configuration, faults.map(formatFault).join('\n'));
  return configuration;
}

export function policyOf(body: string): DnssecPolicy {
  return good(`dnssec-policy "p" { ${body} };`).policies.get('p')!;
}
