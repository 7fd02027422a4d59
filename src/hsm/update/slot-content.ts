import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { TarFile } from './tar.ts';

/** In a slot, beside its files: what they must be. The slot's pointer has the digest of it. */
export const CONTENT_FILE = 'content.json';

/** What a slot holds. */
export interface SlotContent {
  readonly version: string;
  /** The file that is started or loaded; undefined: none by itself. */
  readonly entry: string | undefined;
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
}

/** The octets of content.json, and their SHA-256 in hexadecimal. The same files make the same digest, in whatever order. */
export function contentOf(
  version: string,
  files: readonly TarFile[],
  entry: string | undefined,
): { readonly octets: Uint8Array; readonly digest: string } {
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const content: SlotContent = {
    version,
    entry,
    files: Object.fromEntries(
      sorted.map(({ name, octets }) => [name, { size: octets.length, sha256: sha256(octets) }]),
    ),
  };
  const octets = Buffer.from(`${JSON.stringify(content)}\n`);
  return { octets, digest: sha256(octets) };
}

/**
 * Proves that a slot holds what was written into it, all of it and nothing else: an import could find what was put beside.
 * @throws SignetError UPDATE_CONTENT that names the file; DiskError
 */
export function checkContent(directory: string, digest: string, disk: Disk): SlotContent {
  const file = path.join(directory, CONTENT_FILE);
  const octets = disk.read(file);
  if (octets === undefined) throw damaged(file, 'it is missing');
  if (sha256(octets) !== digest) throw damaged(file, 'it is not what was installed');
  const content = JSON.parse(Buffer.from(octets).toString('utf8')) as SlotContent;
  const found = new Set(filesUnder(directory, '', disk));
  found.delete(CONTENT_FILE);
  for (const [name, { size, sha256: expected }] of Object.entries(content.files)) {
    const one = path.join(directory, name);
    if (!found.delete(name)) throw damaged(one, 'it is missing');
    const held = disk.read(one);
    if (held?.length !== size || sha256(held) !== expected) throw damaged(one, 'it is not what was installed');
  }
  for (const name of found) throw damaged(path.join(directory, name), 'it was put there by somebody else');
  return content;
}

function filesUnder(root: string, directory: string, disk: Disk): string[] {
  return (disk.list(path.join(root, directory)) ?? []).flatMap((one) => {
    const name = directory === '' ? one : `${directory}/${one}`;
    return disk.facts(path.join(root, name))?.isDirectory === true ? filesUnder(root, name, disk) : [name];
  });
}

function sha256(octets: Uint8Array): string {
  return createHash('sha256').update(octets).digest('hex');
}

function damaged(file: string, what: string): SignetError {
  return new SignetError('UPDATE_CONTENT', `${file}: ${what}`, { file });
}
