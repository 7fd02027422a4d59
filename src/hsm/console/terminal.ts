import { SignetError } from '../../base/error.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { LineEditor, type Completion, type Typed } from './line-editor.ts';

/** What a terminal needs of its connection. */
export interface TerminalLine {
  /** Takes a copy of the octets. */
  send(octets: Uint8Array): void;
  /** Ends the connection after what was sent. */
  close(): void;
}

/**
 * A person's terminal in raw mode at the other end of a connection: prompts, lines, questions, files. One question at a time; what is typed
 * ahead waits for the next one. Every method that waits rejects with ConsoleGone when the connection ends, and with ConsoleIdle when
 * nobody has typed for so long.
 */
export class Terminal {
  readonly #line: TerminalLine;
  readonly #clock: Clock;
  readonly #editor: LineEditor;
  /** Milliseconds without an octet; 0: for ever. */
  #patience: number;
  #input: Buffer[] = [];
  #waiting = 0;
  #wake: (() => void) | undefined;
  #gone = false;
  #idle: Timer | undefined;
  #isIdle = false;
  /** The question that waits for an answer that is shown. */
  #asked: string | undefined;
  #skipped = { octet: 0, left: 0 };
  /** Files that are coming: then more octets may wait than a person types. */
  #raw = 0;
  #complete: (line: string) => Completion = () => ({ line: undefined, choices: [] });

  constructor(line: TerminalLine, { clock, patience }: { clock: Clock; patience: number }) {
    this.#line = line;
    this.#clock = clock;
    this.#patience = patience;
    this.#editor = new LineEditor({ show: (text) => this.write(text), complete: (typed) => this.#complete(typed) });
    this.#restartIdle();
  }

  /** Octets from the other end, of which it takes a copy. What nobody has waited for is bounded: the rest is lost, as at a terminal. */
  take(octets: Uint8Array): void {
    this.#restartIdle();
    if (this.#waiting + octets.length > TYPED_AHEAD && this.#raw === 0) return;
    this.#input.push(Buffer.from(octets));
    this.#waiting += octets.length;
    this.#wake?.();
  }

  /** The connection has ended. */
  end(): void {
    this.#gone = true;
    this.#idle?.cancel();
    this.dropTypedAhead();
    this.#editor.begin(false);
    this.#wake?.();
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** @returns what it was */
  setPatience(milliseconds: number): number {
    const before = this.#patience;
    this.#patience = milliseconds;
    this.#restartIdle();
    return before;
  }

  /** Shows a text as it is; a line feed becomes CR LF. Octets that would begin a file transfer, or end a text, are never in it. */
  write(text: string): void {
    if (this.#gone || text === '') return;
    // eslint-disable-next-line no-control-regex
    const octets = Buffer.from(text.replaceAll(/[\0\x11]/g, '').replaceAll(/\r?\n/g, '\r\n'));
    this.#line.send(octets);
    // The echo of a master key, or one that was made: the pool of Buffer.from is not to keep it.
    octets.fill(0);
  }

  /** A message: on a line of its own. */
  say(text: string): void {
    this.write(`\n${text}`);
  }

  /** Waits for the first octet: a client that says nothing is told nothing. The CR that clients begin with is taken. */
  async greet(): Promise<void> {
    const first = await this.#octet();
    if (first !== 0x0d) this.#unread(first);
  }

  /** @returns the line; undefined when it was given up */
  async readLine(prompt: string, complete?: (line: string) => Completion): Promise<string | undefined> {
    this.#complete = complete ?? (() => ({ line: undefined, choices: [] }));
    this.#asked = prompt;
    this.write(prompt);
    try {
      const typed = await this.#read(false);
      return typed.kind === 'line' ? typed.text : undefined;
    } finally {
      this.#asked = undefined;
    }
  }

  /** News that cannot wait: between what is being typed, which is shown again after it. */
  interrupt(text: string): void {
    this.say(text);
    if (this.#asked !== undefined) this.write(this.#asked + this.#editor.shown);
  }

  /** A line that is not shown; the caller overwrites it. undefined: given up. */
  async readSecret(prompt: string): Promise<Uint8Array | undefined> {
    this.write(prompt);
    const typed = await this.#read(true);
    return typed.kind === 'secret' ? typed.octets : undefined;
  }

  /** Asks until it is answered; to give up is to say no. */
  async confirm(question: string): Promise<boolean> {
    for (let tries = 0; tries < 10; tries++) {
      const answer = (await this.readLine(`\n${question} (y/n) `))?.trim().toLowerCase();
      if (answer === undefined || answer === 'n' || answer === 'no') return false;
      if (answer === 'y' || answer === 'yes') return true;
      this.say('Invalid response: please answer y or n.');
    }
    return false;
  }

  remember(line: string): void {
    this.#editor.remember(line);
  }

  /** What was typed ahead is not meant for a question that nobody could foresee. */
  dropTypedAhead(): void {
    for (const chunk of this.#input) chunk.fill(0);
    this.#input = [];
    this.#waiting = 0;
  }

  close(): void {
    this.#idle?.cancel();
    this.#line.close();
  }

  // Raw octets, for file transfers.

  sendRaw(octets: Uint8Array): void {
    if (!this.#gone) this.#line.send(octets);
  }

  /** Up to and without the octet `end`. @throws SignetError TRANSFER_LINE when it is longer than `most` octets */
  async readRawLine(end: number, most: number): Promise<string> {
    let text = '';
    for (;;) {
      const octet = await this.#octet();
      if (octet === end) return text;
      if (text.length >= most)
        throw new SignetError('TRANSFER_LINE', `the client's answer has more than ${most} octets`);
      text += String.fromCharCode(octet);
    }
  }

  /** Octets of this value at the beginning of what comes next are dropped, at most so many. */
  skip(octet: number, most: number): void {
    this.#skipped = { octet, left: most };
  }

  /** Exactly so many octets. */
  async readRaw(octets: number): Promise<Buffer> {
    const file = Buffer.allocUnsafe(octets);
    let length = 0;
    this.#raw++;
    try {
      while (length < octets) {
        const chunk = await this.#chunk();
        const part = chunk.subarray(0, octets - length);
        length += part.copy(file, length);
        if (part.length < chunk.length) this.#unreadChunk(chunk.subarray(part.length));
      }
      return file;
    } finally {
      this.#raw--;
    }
  }

  async #read(isHidden: boolean): Promise<Typed> {
    this.#editor.begin(isHidden);
    for (;;) {
      const chunk = await this.#chunk();
      for (let i = 0; i < chunk.length; i++) {
        const typed = this.#editor.take(chunk[i]);
        if (typed === undefined) continue;
        if (i + 1 < chunk.length) this.#unreadChunk(chunk.subarray(i + 1));
        chunk.fill(0, 0, i + 1);
        return typed;
      }
      chunk.fill(0);
    }
  }

  async #octet(): Promise<number> {
    const chunk = await this.#chunk();
    const [octet] = chunk;
    if (chunk.length > 1) this.#unreadChunk(chunk.subarray(1));
    return octet;
  }

  async #chunk(): Promise<Buffer> {
    for (;;) {
      if (this.#gone) throw new ConsoleGone();
      if (this.#isIdle) {
        this.#restartIdle();
        throw new ConsoleIdle();
      }
      const chunk = this.#input.shift();
      if (chunk !== undefined) {
        this.#waiting -= chunk.length;
        const rest = this.#afterSkipped(chunk);
        if (rest.length > 0) return rest;
        continue;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  #afterSkipped(chunk: Buffer): Buffer {
    let from = 0;
    while (this.#skipped.left > 0 && from < chunk.length) {
      if (chunk[from] !== this.#skipped.octet) this.#skipped.left = 0;
      else {
        this.#skipped.left--;
        from++;
      }
    }
    return chunk.subarray(from);
  }

  #unread(octet: number): void {
    this.#unreadChunk(Buffer.of(octet));
  }

  #unreadChunk(chunk: Buffer): void {
    this.#input.unshift(chunk);
    this.#waiting += chunk.length;
  }

  #restartIdle(): void {
    this.#idle?.cancel();
    this.#isIdle = false;
    if (this.#gone || this.#patience === 0) return;
    this.#idle = this.#clock.after(this.#patience, () => {
      this.#isIdle = true;
      this.#wake?.();
    });
  }
}

/** The other end has closed. */
export class ConsoleGone extends SignetError {
  constructor() {
    super('CONSOLE_GONE', 'the console was closed');
  }
}

/** Nobody has typed for as long as CONSOLE_IDLE_TIMEOUT says. */
export class ConsoleIdle extends SignetError {
  constructor() {
    super('CONSOLE_IDLE', 'nobody has typed for as long as CONSOLE_IDLE_TIMEOUT says');
  }
}

/** Octets kept while nobody waits for them: a script that is pasted. */
const TYPED_AHEAD = 65_536;
