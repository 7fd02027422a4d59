import type { Disk } from '../../base/disk.ts';
import type { TextPosition } from '../../base/error.ts';
import { latin1Text } from '../../base/octets.ts';
import path from 'node:path';
import { DiskError } from '../../base/disk-error.ts';
import { directoryFault } from '../directory.ts';
import { SyntaxFault } from '../fault.ts';
import type { FaultList } from '../fault.ts';
import { expandIncludePattern } from './include-files.ts';
import { Scanner } from './scanner.ts';
import type { Token } from './scanner.ts';

/** Files may include files this deep: far beyond use, and a file that includes itself ends here. */
const DEEPEST_INCLUDE = 64;

/** Lists and blocks may nest this deep; deeper ones could only exhaust the stack. */
const DEEPEST_NESTING = 256;

/** All files together: a file that includes another twice at each of many levels ends here. */
const MOST_OCTETS = 256 * 1024 * 1024;

export interface TreeReaderOptions {
  /** Paths of includes are under it until a `directory` statement changes it. Default: as the process has it. */
  readonly workingDirectory?: string;
}

/** Tokens of a file and of those that it includes, with one token of look-ahead, and the place for faults. */
export class TreeReader {
  readonly faults: FaultList;
  readonly #disk: Disk;
  #directory: string;
  #scanners: Scanner[] = [];
  #ahead: Token | undefined;
  #nesting = 0;
  #octets = 0;

  constructor(options: TreeReaderOptions, dependencies: { disk: Disk; faults: FaultList }) {
    this.#directory = options.workingDirectory ?? '';
    this.#disk = dependencies.disk;
    this.faults = dependencies.faults;
  }

  /** Reads tokens from `file` next. False when there is no such file. */
  open(file: string): boolean {
    const octets = this.#disk.read(this.#resolve(file));
    if (octets === undefined) return false;
    this.openText(file, latin1Text(octets));
    return true;
  }

  openText(file: string, text: string): void {
    this.#octets += text.length;
    this.#scanners.push(new Scanner(file, text));
  }

  peek(): Token {
    this.#ahead ??= this.#scan();
    return this.#ahead;
  }

  next(): Token {
    const token = this.peek();
    this.#ahead = undefined;
    return token;
  }

  /** True, and the token is taken, when the next one is this special character. */
  take(special: string): boolean {
    const token = this.peek();
    const found = token.kind === 'special' && token.text === special;
    if (found) this.next();
    return found;
  }

  /** True, and the token is taken, when the next one is this keyword in any case. */
  takeWord(word: string): boolean {
    const token = this.peek();
    const found = token.kind === 'word' && token.text.toLowerCase() === word;
    if (found) this.next();
    return found;
  }

  expect(special: string): void {
    if (!this.take(special)) throw this.fault(`'${special}' expected`);
  }

  /** The end of a clause. A missing semicolon is a fault that reading goes on after. */
  expectSemicolon(): void {
    if (this.take(';')) return;
    const token = this.peek();
    this.faults.error('CONF_SYNTAX', token.position, `missing ';' before ${describe(token)}`);
  }

  /** What is thrown when the next token cannot stand here. */
  fault(message: string, token = this.peek()): SyntaxFault {
    return new SyntaxFault(token.position, `${message} near ${describe(token)}`);
  }

  /** What is thrown for a clause that is there already and may be there once. */
  redefined(name: string, position: TextPosition): SyntaxFault {
    return new SyntaxFault(position, `'${name}' redefined near '${name}'`);
  }

  /** What is thrown when the next token is not among the words that may stand here. */
  unexpected(): SyntaxFault {
    const token = this.peek();
    return new SyntaxFault(token.position, `${describe(token)} unexpected`);
  }

  /** Runs `body` one level deeper. */
  nested<T>(body: () => T): T {
    if (this.#nesting >= DEEPEST_NESTING) throw this.fault(`more than ${DEEPEST_NESTING} blocks inside each other`);
    this.#nesting++;
    const result = body();
    this.#nesting--;
    return result;
  }

  /** A `directory` statement: later relative paths are under it, as after a chdir. */
  changeDirectory(directory: string, position: TextPosition): void {
    const fault = directoryFault(this.#disk, this.#resolve(directory));
    if (fault) throw new SyntaxFault(position, `change directory to '${directory}' failed: ${fault.text}`);
    this.#directory = path.isAbsolute(directory) ? directory : path.join(this.#directory, directory);
  }

  /** Goes on with the files that match, in order, and then with what follows the include. */
  include(pattern: string, position: TextPosition): void {
    if (pattern === '') throw new SyntaxFault(position, `'include' needs the name of a file`);
    if (this.#scanners.length >= DEEPEST_INCLUDE)
      throw new SyntaxFault(
        position,
        `more than ${DEEPEST_INCLUDE} files include each other; does '${pattern}' include itself?`,
      );
    try {
      this.#openAll(pattern, position);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      throw new SyntaxFault(position, `include '${pattern}': ${cause.message}`);
    }
  }

  #openAll(pattern: string, position: TextPosition): void {
    const files = expandIncludePattern(pattern, (directory) => this.#disk.list(this.#resolve(directory || '.')));
    if (files.length === 0) throw new SyntaxFault(position, `include '${pattern}': file not found`);
    // The stack is read from its top, so the last file goes in first.
    for (const file of files.toReversed())
      if (!this.open(file)) throw new SyntaxFault(position, `include '${file}': file not found`);
    if (this.#octets > MOST_OCTETS)
      throw new SyntaxFault(position, `the included files hold more than ${MOST_OCTETS} octets`);
  }

  #scan(): Token {
    for (;;) {
      const token = this.#scanners.at(-1)!.next();
      if (token.kind !== 'end' || this.#scanners.length === 1) return token;
      this.#scanners.pop();
    }
  }

  #resolve(file: string): string {
    return path.isAbsolute(file) ? file : path.join(this.#directory, file);
  }
}

function describe(token: Token): string {
  if (token.kind === 'end') return 'end of file';
  // BIND shows only the opening quote where a quoted string is out of place.
  return token.kind === 'quoted' ? `'"${shorten(token.text)}"'` : `'${shorten(token.text)}'`;
}

function shorten(text: string): string {
  return text.length > 64 ? `${text.slice(0, 61)}...` : text;
}
