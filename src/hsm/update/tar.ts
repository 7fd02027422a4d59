import { SignetError } from '../../base/error.ts';

/*
 * Archives of updates, in the ustar form (POSIX.1-2001 pax, "ustar Interchange Format"), 512 octets a block:
 *
 *   name 100 | mode 8 | uid 8 | gid 8 | size 12 | mtime 12 | checksum 8 | type 1 | linkname 100 | "ustar\0" 6 | "00" 2 |
 *   uname 32 | gname 32 | devmajor 8 | devminor 8 | prefix 155 | 12
 *
 * Numbers are octal texts. Read strictly: files and directories only, no links, no devices, no pax headers, no name twice.
 */

const BLOCK = 512;
const MOST_ENTRIES = 10_000;
const LONGEST_NAME = 100;

export interface TarFile {
  /** Relative, "/" between its parts. */
  readonly name: string;
  readonly octets: Uint8Array;
}

/** The regular files, in the archive's order. @throws SignetError UPDATE_ARCHIVE that names the entry */
export function readTar(archive: Uint8Array): TarFile[] {
  const files: TarFile[] = [];
  const names = new Set<string>();
  let at = 0;
  for (;;) {
    if (at + BLOCK > archive.length) throw refuse('it ends without its end mark');
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((octet) => octet === 0)) break;
    const { name, size, type } = readHeader(header);
    at += BLOCK;
    if (names.has(name)) throw refuse(`'${name}' is in it twice`);
    names.add(name);
    if (names.size > MOST_ENTRIES) throw refuse(`it has more than ${MOST_ENTRIES} entries`);
    if (type === 'file') {
      if (at + size > archive.length) throw refuse(`'${name}' is cut off`);
      files.push({ name, octets: archive.subarray(at, at + size) });
      at += Math.ceil(size / BLOCK) * BLOCK;
    } else if (size !== 0) throw refuse(`the directory '${name}' has a content`);
  }
  if (archive.subarray(at).some((octet) => octet !== 0)) throw refuse('something follows its end mark');
  return files;
}

/** @param at Unix time of all entries */
export function writeTar(files: readonly TarFile[], at: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { name, octets } of files) {
    checkName(name);
    blocks.push(writeHeader(name, octets.length, at), octets, new Uint8Array(-octets.length & (BLOCK - 1)));
  }
  blocks.push(new Uint8Array(2 * BLOCK));
  return Buffer.concat(blocks);
}

function readHeader(header: Uint8Array): {
  readonly name: string;
  readonly size: number;
  readonly type: 'file' | 'directory';
} {
  if (octal(header, 148, 8) !== checksum(header)) throw refuse('a header has a wrong checksum');
  const prefix = text(header, 345, 155);
  const given = text(header, 0, 100);
  const whole = prefix === '' ? given : `${prefix}/${given}`;
  const type = typeOf(header[156], whole);
  const name = type === 'directory' ? whole.replace(/\/$/, '') : whole;
  checkName(name);
  return { name, size: octal(header, 124, 12) ?? Number.POSITIVE_INFINITY, type };
}

function typeOf(flag: number, name: string): 'file' | 'directory' {
  if (flag === 0x30 || flag === 0) return 'file';
  if (flag === 0x35) return 'directory';
  throw refuse(
    `'${name}' is no file and no directory (type '${String.fromCharCode(flag)}'): links and extensions are not taken`,
  );
}

/** Where it is unpacked, nothing may lie outside, and nothing may look like something else. */
function checkName(name: string): void {
  const parts = name.split('/');
  const isGood = parts.every((part) => /^[A-Za-z0-9_@+][A-Za-z0-9._@+-]*$/.test(part));
  if (!isGood || name.length > LONGEST_NAME)
    throw refuse(`${JSON.stringify(name.slice(0, 120))} is no name for a file in it`);
}

function writeHeader(name: string, size: number, at: number): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  const number = (value: number, offset: number, length: number): void =>
    void header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  header.write(name, 0, 'latin1');
  number(0o644, 100, 8);
  number(0, 108, 8);
  number(0, 116, 8);
  number(size, 124, 12);
  number(at, 136, 12);
  header[156] = 0x30;
  header.write('ustar\x0000', 257, 'latin1');
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** Sum of all octets, those of the checksum itself counted as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i];
  return sum;
}

function octal(header: Uint8Array, at: number, length: number): number | undefined {
  const digits = /^ *([0-7]{1,11})[ \0]*$/.exec(Buffer.from(header.subarray(at, at + length)).toString('latin1'))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

function text(header: Uint8Array, at: number, length: number): string {
  const octets = Buffer.from(header.subarray(at, at + length));
  const end = octets.indexOf(0);
  return octets.subarray(0, end < 0 ? length : end).toString('latin1');
}

function refuse(what: string): SignetError {
  return new SignetError('UPDATE_ARCHIVE', `the update's archive cannot be used: ${what}; nothing was changed`);
}
