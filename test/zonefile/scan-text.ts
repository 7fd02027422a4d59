import type { Disk } from '../../src/base/disk.ts';
import { DiskError } from '../../src/base/disk-error.ts';
import { uncheckedName } from '../../src/wire/name.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { recordType } from '../../src/wire/rdata/registry.ts';
import { typeText } from '../../src/wire/type-text.ts';
import { MasterFileScanner, type ScanOptions, type ScanResult } from '../../src/zonefile/scanner.ts';

export interface Scanned extends ScanResult {
  /** "owner TTL type RDATA", absolute names. */
  readonly lines: string[];
  /** Messages of the faults. */
  readonly messages: string[];
}

/** Scans a text (characters below U+0100) as zone example. with the other files beside it. */
export function scanText(
  text: string,
  options: Partial<ScanOptions> = {},
  files: Readonly<Record<string, string>> = {},
): Scanned {
  const zone = mustName('example.');
  const lines: string[] = [];
  const scanner = new MasterFileScanner(
    { file: 'zone.db', origin: zone, zone, ...options },
    {
      disk: diskOf(files),
      sink: {
        record(owner, ownerLength, type, ttl, rdata, rdataLength) {
          const name = nameToText(uncheckedName(owner.slice(0, ownerLength)));
          lines.push(`${name} ${ttl} ${typeText(type)} ${recordType(type).toText(rdata.slice(0, rdataLength))}`);
        },
      },
    },
  );
  const result = scanner.scan(Buffer.from(text, 'latin1'));
  return { ...result, lines, messages: result.faults.map((fault) => fault.message) };
}

/** A disk that holds these files and cannot do more than read; a file with content "!" cannot be read either. */
function diskOf(files: Readonly<Record<string, string>>): Disk {
  const read = (path: string): Uint8Array<ArrayBuffer> | undefined => {
    const content = files[path];
    if (content === '!') throw new DiskError('read', path, Object.assign(new Error('denied'), { code: 'EACCES' }));
    return content === undefined ? undefined : Uint8Array.from(Buffer.from(content, 'latin1'));
  };
  return { read } as unknown as Disk;
}
