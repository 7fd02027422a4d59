import { latin1Text } from '../base/octets.ts';
import type { TextPosition } from '../base/error.ts';
import type { Name } from '../wire/name.ts';
import type { RdataTokens } from '../wire/rdata/record-type.ts';
import { EntryFault, MasterFileFault, type MasterFileFaultCode } from './master-file-fault.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/** What ends an unquoted token (1), and the escape, which may hide such an octet (2). */
const STOP = new Uint8Array(256);
for (const octet of [TAB, LF, CR, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON]) STOP[octet] = 1;
STOP[BACKSLASH] = 2;

/** How an entry begins. */
export type EntryStart = 'end of file' | 'blank' | 'owner omitted' | 'owner';

/** What must be put back when an included file or a generated record has been read. */
export interface TokensState {
  readonly octets: Uint8Array;
  readonly file: string;
  readonly at: number;
  readonly line: number;
  readonly lineStart: number;
  readonly fixed: TextPosition | undefined;
}

/**
 * The tokens of a master file (RFC 1035 section 5.1). An entry is a line, or several when round brackets hold them
 * together. A token is octets[start, end) with its escapes still in it; moving on allocates nothing.
 */
export class MasterFileTokens implements RdataTokens {
  octets: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  quoted = false;
  origin: Name | undefined = undefined;
  file = '';
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #depth = 0;
  #tokenLine = 1;
  #tokenLineStart = 0;
  /** Position of the $GENERATE that made these octets. */
  #fixed: TextPosition | undefined = undefined;

  /** Begins to read `octets`. `fixed` is where everything wrong is said to be when they are not a file themselves. */
  open(octets: Uint8Array, file: string, fixed?: TextPosition): void {
    this.octets = octets;
    this.file = file;
    this.#at = 0;
    this.#line = 1;
    this.#lineStart = 0;
    this.#depth = 0;
    this.#fixed = fixed;
    this.start = this.end = 0;
    this.#tokenLine = 1;
    this.#tokenLineStart = 0;
  }

  /** To be called between entries only. */
  save(): TokensState {
    const { octets, file } = this;
    return { octets, file, at: this.#at, line: this.#line, lineStart: this.#lineStart, fixed: this.#fixed };
  }

  restore(state: TokensState): void {
    this.open(state.octets, state.file, state.fixed);
    this.#at = state.at;
    this.#line = state.line;
    this.#lineStart = state.lineStart;
  }

  /** Looks at the beginning of the next entry; for 'owner' the first token is current. Blank lines are passed. */
  startEntry(): EntryStart {
    this.#depth = 0;
    if (this.#at >= this.octets.length) return 'end of file';
    const first = this.octets[this.#at];
    const omitted = first === SPACE || first === TAB;
    if (!this.#skip()) {
      this.#passNewline();
      return 'blank';
    }
    if (omitted) return 'owner omitted';
    this.#take();
    return 'owner';
  }

  /** Moves to the next token of the entry; false at the entry's end. */
  advance(): boolean {
    if (!this.#skip()) return false;
    this.#take();
    return true;
  }

  next(expected: string): void {
    if (this.#skip()) this.#take();
    else this.refuse('MASTER_FILE_END', `unexpected end of line, expected ${expected}`, 'unexpected end of input');
  }

  more(): boolean {
    return this.#skip();
  }

  /**
   * Makes the next token current and answers true when it is the unquoted "\\#" that begins RDATA of generic form (RFC 3597
   * section 5). Without a number behind it, it is text, as BIND takes it.
   */
  takeGenericMark(): boolean {
    if (!this.#skip()) return false;
    const octets = this.octets;
    let at = this.#at;
    if (octets[at] !== BACKSLASH || octets[at + 1] !== 0x23) return false;
    at += 2;
    if (at < octets.length && STOP[octets[at]] !== 1) return false;
    while (octets[at] === SPACE || octets[at] === TAB || octets[at] === OPEN) at++;
    if (!(octets[at] >= 0x30 && octets[at] <= 0x39)) return false;
    this.#take();
    return true;
  }

  /** Ends the entry: nothing but a comment may follow. */
  endEntry(): void {
    if (this.#skip()) {
      this.#take();
      this.refuse('MASTER_FILE_RDATA', `near '${this.tokenText()}': extra input text`, 'extra input text', true);
    }
    this.#passNewline();
  }

  /** After a fault: passes the rest of the entry, whatever it is. @returns false when its brackets are still open */
  abandonEntry(): boolean {
    const octets = this.octets;
    let at = this.#at;
    for (; at < octets.length; at++) {
      const octet = octets[at];
      if (octet === BACKSLASH) {
        if (at + 1 < octets.length && octets[at + 1] !== LF) at++;
      } else if (octet === OPEN) this.#depth++;
      else if (octet === CLOSE) this.#depth = Math.max(0, this.#depth - 1);
      else if (octet === QUOTE) {
        const end = endOfQuoted(octets, at + 1);
        at = octets[end] === QUOTE ? end : end - 1; // the newline that breaks a string ends the line too
      } else if (octet === SEMICOLON) at = endOfLine(octets, at) - 1;
      else if (octet === LF || octet === CR) {
        this.#at = at;
        this.#passNewline();
        at = this.#at - 1;
        if (this.#depth === 0) return true;
      }
    }
    this.#at = octets.length;
    const balanced = this.#depth === 0;
    this.#depth = 0;
    return balanced;
  }

  /** True when what was read last ends without a newline. */
  endsWithoutNewline(): boolean {
    const last = this.octets.at(-1);
    return last !== undefined && last !== LF && last !== CR;
  }

  fail(expected: string): never {
    this.refuse('MASTER_FILE_RDATA', `near '${this.tokenText()}': expected ${expected}`, `expected ${expected}`, true);
  }

  /** Ends the entry with an error: at the current token when `atToken`, otherwise where reading stands. */
  refuse(code: MasterFileFaultCode, what: string, result: string, atToken = false): never {
    const position = atToken ? this.tokenPosition() : this.position();
    throw new EntryFault(new MasterFileFault('error', code, position, what, result));
  }

  /** Where reading stands. */
  position(): TextPosition {
    if (this.#fixed !== undefined) return this.#fixed;
    return { file: this.file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  /** Where the current token begins. */
  tokenPosition(): TextPosition {
    if (this.#fixed !== undefined) return this.#fixed;
    return {
      file: this.file,
      line: this.#tokenLine,
      column: this.start - this.#tokenLineStart + (this.quoted ? 0 : 1),
    };
  }

  /** The current token for a message: at most 64 octets of it. */
  tokenText(): string {
    const text = latin1Text(this.octets, this.start, Math.min(this.end, this.start + 64));
    return this.end - this.start > 64 ? `${text}...` : text;
  }

  /** Passes white space, comments and brackets. True when a token begins at #at, false at the entry's end. */
  #skip(): boolean {
    const octets = this.octets;
    const limit = octets.length;
    let at = this.#at;
    for (;;) {
      if (at >= limit) {
        this.#at = limit;
        if (this.#depth === 0) return false;
        this.#depth = 0;
        this.refuse('MASTER_FILE_BALANCE', 'unbalanced parentheses: ")" is missing', 'unbalanced parentheses');
      }
      const octet = octets[at];
      if (octet === SPACE || octet === TAB) at++;
      else if (STOP[octet] !== 1 || octet === QUOTE) {
        this.#at = at;
        return true;
      } else if (octet === LF || octet === CR) {
        this.#at = at;
        if (this.#depth === 0) return false;
        this.#passNewline();
        at = this.#at;
      } else if (octet === SEMICOLON) at = endOfLine(octets, at);
      else if (octet === OPEN) {
        this.#depth++;
        at++;
      } else {
        this.#at = at;
        if (this.#depth === 0)
          this.refuse('MASTER_FILE_BALANCE', 'unbalanced parentheses: ")" without "("', 'unbalanced parentheses');
        this.#depth--;
        at++;
      }
    }
  }

  /** Makes the token at #at the current one. */
  #take(): void {
    const octets = this.octets;
    const limit = octets.length;
    let at = this.#at;
    this.#tokenLine = this.#line;
    this.#tokenLineStart = this.#lineStart;
    this.quoted = octets[at] === QUOTE;
    if (this.quoted) {
      this.start = ++at;
      at = endOfQuoted(octets, at);
      this.end = at;
      if (at >= limit || octets[at] !== QUOTE) {
        this.#at = at;
        this.#depth = 0; // what follows the broken string is read as entries of their own, as BIND does
        this.refuse(
          'MASTER_FILE_BALANCE',
          'unbalanced quotes: the string does not end on this line',
          'unbalanced quotes',
          true,
        );
      }
      this.#at = at + 1;
      return;
    }
    this.start = at;
    for (;;) {
      while (at < limit && STOP[octets[at]] === 0) at++;
      if (at >= limit || STOP[octets[at]] === 1) break;
      at++; // the backslash
      if (at < limit && octets[at] !== LF) at++;
    }
    this.end = at;
    this.#at = at;
  }

  /** CR, LF and CR LF each end a line. */
  #passNewline(): void {
    const octets = this.octets;
    let at = this.#at;
    if (at >= octets.length) return;
    if (octets[at] === CR && octets[at + 1] === LF) at++;
    this.#at = at + 1;
    this.#lineStart = at + 1;
    this.#line++;
  }
}

/** Index of the closing quote, of the newline that breaks the string, or the length. */
function endOfQuoted(octets: Uint8Array, at: number): number {
  for (; at < octets.length; at++) {
    const octet = octets[at];
    if (octet === QUOTE || octet === LF) return at;
    if (octet === BACKSLASH && at + 1 < octets.length && octets[at + 1] !== LF) at++;
  }
  return at;
}

function endOfLine(octets: Uint8Array, at: number): number {
  while (at < octets.length && octets[at] !== LF && octets[at] !== CR) at++;
  return at;
}
