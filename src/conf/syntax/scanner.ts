import type { TextPosition } from '../../base/error.ts';
import { SyntaxFault } from '../fault.ts';

/**
 * What named.conf is made of. `word` is text outside quotes; `special` one of { } ; / ! ; `end` the end of the outermost
 * file. Text is Latin-1, one character an octet, so that columns count octets and every file can be read.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'special' | 'end';
  readonly text: string;
  readonly position: TextPosition;
}

/** U+FEFF in UTF-8, read as Latin-1. */
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';
const SPECIALS = '{};/!';
const DOUBLE_QUOTE = 34;
const BACKSLASH = 92;

/** Splits one file into tokens. Comments are as in C, C++ and shell, and begin only where a token could. */
export class Scanner {
  readonly file: string;
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
  }

  next(): Token {
    this.#skipBlanks();
    const position = this.#position();
    if (this.#at === 0 && this.#text.startsWith(BYTE_ORDER_MARK))
      throw new SyntaxFault(position, 'the file begins with a byte order mark: save it as UTF-8 without one');
    if (this.#at >= this.#text.length) return { kind: 'end', text: '', position };
    const first = this.#text[this.#at];
    if (first === '"') return { kind: 'quoted', text: this.#quoted(position), position };
    if (SPECIALS.includes(first)) {
      this.#at++;
      return { kind: 'special', text: first, position };
    }
    return { kind: 'word', text: this.#word(), position };
  }

  #position(): TextPosition {
    return { file: this.file, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #newLine(): void {
    this.#line++;
    this.#lineStart = this.#at + 1;
  }

  #skipBlanks(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 10) this.#newLine();
      else if (isBlank(code)) continue;
      else if (!this.#skipComment()) return;
    }
  }

  /** Leaves the position on the last octet of the comment, or where it was. */
  #skipComment(): boolean {
    if (this.#text[this.#at] === '#' || this.#text.startsWith('//', this.#at)) {
      const end = this.#text.indexOf('\n', this.#at);
      this.#at = (end < 0 ? this.#text.length : end) - 1;
      return true;
    }
    if (!this.#text.startsWith('/*', this.#at)) return false;
    const end = this.#text.indexOf('*/', this.#at + 2);
    const last = end < 0 ? this.#text.length - 1 : end + 1;
    for (; this.#at < last; this.#at++) if (this.#text.charCodeAt(this.#at) === 10) this.#newLine();
    if (end >= 0) return true;
    if (this.#text.endsWith('\n')) this.#newLine();
    this.#at = this.#text.length;
    throw new SyntaxFault(this.#position(), "unexpected end of input: a comment opened with '/*' is not closed");
  }

  /** A backslash takes the special meaning from a quote and stays in the text in every other place. */
  #quoted(start: TextPosition): string {
    let text = '';
    let from = ++this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 10) this.#newLine();
      else if (code === DOUBLE_QUOTE) {
        text += this.#text.slice(from, this.#at++);
        return text;
      } else if (code === BACKSLASH && this.#at + 1 < this.#text.length) {
        const escaped = this.#text.charCodeAt(this.#at + 1);
        if (escaped === DOUBLE_QUOTE) {
          text += this.#text.slice(from, this.#at);
          from = this.#at + 1;
        } else if (escaped === 10) {
          this.#at++;
          this.#newLine();
          continue;
        }
        this.#at++;
      }
    }
    throw new SyntaxFault(
      this.#position(),
      `unexpected end of input: the string opened in line ${start.line} is not closed`,
    );
  }

  #word(): string {
    const from = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 10 || code === DOUBLE_QUOTE || isBlank(code) || SPECIALS.includes(this.#text[this.#at])) break;
    }
    return this.#text.slice(from, this.#at);
  }
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 13;
}
