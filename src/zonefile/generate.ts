/**
 * $GENERATE, BIND's way to write many similar records: `$GENERATE start-stop[/step] owner [ttl] [class] type rdata`.
 * In owner and rdata an iteration's number replaces "$" and `${offset[,width[,base]]}`; "$$" and "\$" are a dollar sign.
 */

const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const BRACE = 0x7b;
const LARGEST = 0x7fffffff;

/** `start`, `start + step` ... up to and with `stop`. */
export interface GenerateRange {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** A piece of a template: octets as they are, or the number plus `offset`, printed to `base` and at least `width` wide. */
type Piece =
  | { readonly kind: 'octets'; readonly octets: Uint8Array }
  | { readonly kind: 'number'; readonly offset: number; readonly width: number; readonly base: NumberBase };
type NumberBase = 'd' | 'o' | 'x' | 'X' | 'n' | 'N';

/** Wider fields cannot fit into a name, and no TXT string is longer. */
const LARGEST_WIDTH = 255;

/** The range that `text` says, or undefined when it is none. */
export function parseGenerateRange(text: string): GenerateRange | undefined {
  const match = /^\+?(\d{1,10})-(\d{1,10})(?:\/\+?(\d{1,10}))?$/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const stop = Number(match[2]);
  const step = match[3] === undefined ? 1 : Number(match[3]);
  if (start > stop || stop > LARGEST || step === 0 || step > LARGEST) return undefined;
  return { start, stop, step };
}

/** What owner and rdata of a $GENERATE are made from. */
export class GenerateTemplate {
  readonly #pieces: readonly Piece[];

  private constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Reads `text[start, end)`, escapes still in it. Undefined when a `${...}` is malformed. */
  static parse(text: Uint8Array, start: number, end: number): GenerateTemplate | undefined {
    const pieces: Piece[] = [];
    let literal: number[] = [];
    for (let i = start; i < end;) {
      const octet = text[i];
      if (octet === BACKSLASH) {
        literal.push(octet);
        if (i + 1 < end) literal.push(text[i + 1]);
        i += 2;
      } else if (octet !== DOLLAR) {
        literal.push(octet);
        i++;
      } else if (text[i + 1] === DOLLAR && i + 1 < end) {
        literal.push(DOLLAR);
        i += 2;
      } else {
        const field = parseField(text, i + 1, end);
        if (field === undefined) return undefined;
        if (literal.length > 0) pieces.push({ kind: 'octets', octets: Uint8Array.from(literal) });
        literal = [];
        pieces.push(field.piece);
        i = field.end;
      }
    }
    if (literal.length > 0) pieces.push({ kind: 'octets', octets: Uint8Array.from(literal) });
    return new GenerateTemplate(pieces);
  }

  /** Writes what the iteration `number` makes to `out` at `at`; returns the new `at`, or -1 when a number leaves 32 bits. */
  expand(number: number, out: number[]): boolean {
    for (const piece of this.#pieces) {
      if (piece.kind === 'octets') {
        for (const octet of piece.octets) out.push(octet);
        continue;
      }
      const value = number + piece.offset;
      if (value > LARGEST || value < -LARGEST - 1) return false;
      const text = formatNumber(value, piece.width, piece.base);
      for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i));
    }
    return true;
  }
}

/** The field after a dollar sign; `at` is behind the sign. */
function parseField(text: Uint8Array, at: number, end: number): { piece: Piece; end: number } | undefined {
  if (at >= end || text[at] !== BRACE) return { piece: { kind: 'number', offset: 0, width: 0, base: 'd' }, end: at };
  const close = text.indexOf(0x7d, at);
  if (close < 0 || close >= end || close - at > 40) return undefined;
  const inner = String.fromCharCode(...text.subarray(at + 1, close));
  const match = /^([+-]?\d{1,10})(?:,(\d{1,10})(?:,([doxXnN]))?)?$/.exec(inner);
  if (match === null) return undefined;
  const width = Number(match[2] ?? 0);
  if (width > LARGEST_WIDTH) return undefined;
  return {
    piece: { kind: 'number', offset: Number(match[1]), width, base: (match[3] ?? 'd') as NumberBase },
    end: close + 1,
  };
}

function formatNumber(value: number, width: number, base: NumberBase): string {
  switch (base) {
    case 'd':
      return value < 0 ? `-${String(-value).padStart(width - 1, '0')}` : String(value).padStart(width, '0');
    case 'o':
      return (value >>> 0).toString(8).padStart(width, '0');
    case 'x':
      return (value >>> 0).toString(16).padStart(width, '0');
    case 'X':
      return (value >>> 0).toString(16).toUpperCase().padStart(width, '0');
    case 'n':
      return formatNibbles(value >>> 0, width);
    case 'N':
      return formatNibbles(value >>> 0, width).toUpperCase();
  }
}

/** Hexadecimal digits from the last to the first with dots between, as ip6.arpa has them; `width` counts the dots too. */
function formatNibbles(value: number, width: number): string {
  let text = '';
  for (;;) {
    text += (value & 15).toString(16);
    value >>>= 4;
    if (value === 0 && text.length >= width) return text;
    text += '.';
    if (value === 0 && text.length >= width) return text;
  }
}
