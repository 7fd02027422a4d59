import { secretCopy } from '../../base/secret-octets.ts';
import { PIN_MAX_OCTETS } from '../hal-constants.ts';

/**
 * Line editing for a terminal in raw mode at the other end: octets come in as typed, in chunks of any size; octets to show go out.
 * Pure: it knows no socket. A line ends with CR wherever it stands (a pasted text is several lines); an LF right after it belongs to it.
 *
 *     CR            ends the line            ESC [ A, B   earlier, later line of the history
 *     DEL, BS       takes a character back   ESC [ C, D   cursor right, left      Ctrl-A, Ctrl-E   begin, end
 *     TAB           completes                Ctrl-U       empties the line        Ctrl-C           gives the line up
 *
 * Everything else below 0x20 is dropped: Ctrl-Q (0x11) too, which begins a file transfer in the other direction.
 */
export class LineEditor {
  readonly #show: (text: string) => void;
  readonly #complete: (line: string) => Completion;
  readonly #history: string[] = [];
  /** Characters, not UTF-16 units: a name may hold any. */
  #line: string[] = [];
  #cursor = 0;
  /** Octets of a hidden line: never a string, which nothing could overwrite. */
  readonly #secret = Buffer.alloc(LONGEST_SECRET);
  #secretLength = 0;
  #isHidden = false;
  /** Index into the history while it is walked; its length: the new line. */
  #walked = 0;
  #kept: string[] = [];
  #escape = '';
  #wasReturn = false;
  #partial: number[] = [];

  constructor({ show, complete }: { show: (text: string) => void; complete: (line: string) => Completion }) {
    this.#show = show;
    this.#complete = complete;
  }

  /** A new line begins; when hidden, nothing of it is shown or completed. */
  begin(isHidden: boolean): void {
    this.#isHidden = isHidden;
    this.#clear();
  }

  /** Puts an accepted line into the history, the same one twice in a row only once. */
  remember(line: string): void {
    if (line === '' || this.#history.at(-1) === line) return;
    this.#history.push(line);
    if (this.#history.length > HISTORY) this.#history.shift();
    this.#walked = this.#history.length;
  }

  /** What is typed so far, to be shown again after a message broke into it. */
  get shown(): string {
    return this.#line.join('');
  }

  /** @returns what the octet came to: nothing yet, a whole line, or a line that was given up */
  take(octet: number): Typed | undefined {
    const wasReturn = this.#wasReturn;
    this.#wasReturn = octet === CR;
    if (octet === LF && wasReturn) return undefined;
    if (this.#isHidden && this.#escape === '') return this.#takeHidden(octet);
    switch (octet) {
      case CR:
      case LF: {
        const text = this.#line.join('');
        this.#show('\n');
        this.#clear();
        return { kind: 'line', text };
      }
      case CTRL_C: // the vendor's client ends itself before it gets here
        return this.#giveUp();
    }
    if (this.#escape !== '') this.#takeEscape(octet);
    else if (octet >= 0x80 || this.#partial.length > 0) this.#takeUtf8(octet);
    else if (octet >= 0x20 && octet !== 0x7f) this.#insert(String.fromCharCode(octet));
    else this.#takeControl(octet);
    return undefined;
  }

  #takeControl(octet: number): void {
    switch (octet) {
      case 0x1b:
        this.#escape = '\x1b';
        break;
      case 0x08:
      case 0x7f:
        return this.#erase();
      case 0x09:
        return this.#completeLine();
      case 0x01:
        return this.#moveTo(0);
      case 0x05:
        return this.#moveTo(this.#line.length);
      case 0x15:
        return this.#replace([]);
    }
  }

  #takeHidden(octet: number): Typed | undefined {
    switch (octet) {
      case CR:
      case LF: {
        const octets = secretCopy(this.#secret.subarray(0, this.#secretLength));
        this.#show('\n');
        this.#clear();
        return { kind: 'secret', octets };
      }
      case CTRL_C:
        return this.#giveUp();
      case 0x1b:
        this.#escape = '\x1b';
        return undefined;
      case 0x08:
      case 0x7f:
        // A character of UTF-8 goes as a whole.
        while (this.#secretLength > 0 && (this.#secret[--this.#secretLength] & 0xc0) === 0x80);
        return undefined;
      case 0x15:
        this.#secretLength = 0;
        return undefined;
    }
    if (octet < 0x20) return undefined;
    // One more than a PIN may have is kept, so that a longer one is refused and not cut.
    if (this.#secretLength < LONGEST_SECRET) this.#secret[this.#secretLength++] = octet;
    return undefined;
  }

  #giveUp(): Typed {
    this.#show('\n');
    this.#clear();
    return { kind: 'given up' };
  }

  #clear(): void {
    this.#line = [];
    this.#cursor = 0;
    this.#walked = this.#history.length;
    this.#kept = [];
    this.#escape = '';
    this.#partial = [];
    this.#secret.fill(0);
    this.#secretLength = 0;
  }

  #takeEscape(octet: number): void {
    const sequence = this.#escape + String.fromCharCode(octet);
    // ESC [ parameters final (ECMA-48 section 5.4), and ESC O final of keypads.
    const isWhole = sequence.length > 2 && octet >= 0x40 && octet <= 0x7e;
    const isBroken = sequence.length === 2 && octet !== 0x5b && octet !== 0x4f;
    this.#escape = isWhole || isBroken || sequence.length > LONGEST_ESCAPE ? '' : sequence;
    if (!isWhole || this.#isHidden) return;
    switch (sequence.slice(1)) {
      case '[A':
      case 'OA':
        return this.#walk(-1);
      case '[B':
      case 'OB':
        return this.#walk(1);
      case '[C':
      case 'OC':
        return this.#moveTo(Math.min(this.#cursor + 1, this.#line.length));
      case '[D':
      case 'OD':
        return this.#moveTo(Math.max(this.#cursor - 1, 0));
      case '[H':
      case '[1~':
        return this.#moveTo(0);
      case '[F':
      case '[4~':
        return this.#moveTo(this.#line.length);
      case '[3~':
        if (this.#cursor === this.#line.length) return;
        this.#moveTo(this.#cursor + 1);
        return this.#erase();
    }
  }

  /** Octets of one character may come apart; what is not UTF-8 is dropped. */
  #takeUtf8(octet: number): void {
    const isFirst = this.#partial.length === 0;
    if (isFirst ? octet < 0xc2 || octet > 0xf4 : (octet & 0xc0) !== 0x80) {
      this.#partial = [];
      return;
    }
    this.#partial.push(octet);
    const [first] = this.#partial;
    if (this.#partial.length < (first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2)) return;
    const text = Buffer.from(this.#partial).toString('utf8');
    this.#partial = [];
    // Not the replacement character, and no control character of the second set (ECMA-48: they begin sequences, too).
    if (!text.includes('\ufffd') && !/\p{Cc}/u.test(text)) this.#insert(text);
  }

  #insert(character: string): void {
    if (this.#line.length >= LONGEST_LINE) return this.#show(BELL);
    this.#line.splice(this.#cursor, 0, character);
    this.#cursor++;
    this.#show(character + this.#tail(''));
  }

  #erase(): void {
    if (this.#cursor === 0) return;
    this.#line.splice(--this.#cursor, 1);
    this.#show(`\b${this.#tail(' ')}`);
  }

  /** What stands behind the cursor, `more` to cover what stood there, and back. With nothing behind: "", or " \b". */
  #tail(more: string): string {
    const rest = this.#line.slice(this.#cursor).join('') + more;
    return rest + '\b'.repeat(this.#line.length - this.#cursor + more.length);
  }

  #moveTo(cursor: number): void {
    const back = this.#cursor - cursor;
    this.#show(back > 0 ? '\b'.repeat(back) : this.#line.slice(this.#cursor, cursor).join(''));
    this.#cursor = cursor;
  }

  #replace(line: string[]): void {
    this.#moveTo(this.#line.length);
    this.#show('\b \b'.repeat(this.#line.length) + line.join(''));
    this.#line = line;
    this.#cursor = line.length;
  }

  #walk(step: number): void {
    const to = this.#walked + step;
    if (to < 0 || to > this.#history.length) return;
    if (this.#walked === this.#history.length) this.#kept = this.#line;
    this.#walked = to;
    this.#replace(to === this.#history.length ? this.#kept : Array.from(this.#history[to]));
  }

  #completeLine(): void {
    const { line, choices } = this.#complete(this.#line.join(''));
    if (line !== undefined) return this.#replace(Array.from(line));
    if (choices.length === 0) return this.#show(BELL);
    this.#show(`\r\n${choices.join('  ')}\r\n`);
    this.#show(this.#line.join(''));
    this.#cursor = this.#line.length;
  }
}

export type Typed =
  | { readonly kind: 'line'; readonly text: string }
  /** A hidden line: whoever takes it overwrites it after use. */
  | { readonly kind: 'secret'; readonly octets: Uint8Array }
  | { readonly kind: 'given up' };

export interface Completion {
  /** The line as far as it is without doubt; undefined: it is that far already. */
  readonly line: string | undefined;
  /** What may follow, when there is more than one. */
  readonly choices: readonly string[];
}

const CR = 0x0d;
const LF = 0x0a;
const CTRL_C = 0x03;
const BELL = '\x07';
const HISTORY = 100;
/** Characters: `set pin user <pin>` with a PIN of 4096 octets. */
const LONGEST_LINE = 4200;
const LONGEST_SECRET = PIN_MAX_OCTETS + 1;
const LONGEST_ESCAPE = 16;
