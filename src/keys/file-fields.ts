import { keyFileError } from './key-file-error.ts';

/** One "Name: value" line of a .private or .state file. */
export interface FileField {
  readonly line: number;
  readonly name: string;
  readonly value: string;
}

/** Longer files are no key files: an RSA key of 4096 bits takes 3.4 kB. */
export const MAX_KEY_FILE_LENGTH = 65536;

/**
 * The fields in order; comments (from ";") and empty lines are left out.
 * @throws SignetError KEY_FILE_SYNTAX; the message never quotes a value, which may be secret
 */
export function readFields(file: string, text: string): FileField[] {
  if (text.length > MAX_KEY_FILE_LENGTH)
    throw keyFileError('KEY_FILE_SYNTAX', file, `${text.length} octets are too many for a key file; restore it`);
  const fields: FileField[] = [];
  const seen = new Set<string>();
  text.split('\n').forEach((raw, index) => {
    const content = raw.replace(/;.*/, '').trim();
    if (content === '') return;
    const match = /^([A-Za-z][A-Za-z0-9_-]*):[ \t]*(.*)$/.exec(content);
    const line = index + 1;
    if (!match)
      throw keyFileError('KEY_FILE_SYNTAX', file, `line ${line} is not "Name: value"; restore it from a backup`);
    if (seen.has(match[1]))
      throw keyFileError('KEY_FILE_SYNTAX', file, `line ${line}: ${match[1]} is there twice; delete one of the lines`);
    seen.add(match[1]);
    fields.push({ line, name: match[1], value: match[2] });
  });
  return fields;
}
