import { copyOctets } from '../base/octets.ts';

const BASE64 = Uint8Array.from(
  Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', 'latin1'),
);
const BASE32HEX = Uint8Array.from(Buffer.from('0123456789ABCDEFGHIJKLMNOPQRSTUV', 'latin1'));
const HEX = Uint8Array.from(Buffer.from('0123456789ABCDEF', 'latin1'));
const DIGIT_0 = 0x30;
const DOT = 0x2e;

/** How an octet stands in a label: 0 as it is, 1 behind a backslash, 3 as \DDD. */
const ESCAPE = new Uint8Array(256);
for (let octet = 0; octet < 256; octet++) {
  if (octet <= 0x20 || octet >= 0x7f) ESCAPE[octet] = 3;
  else if ('".;\\@$()'.includes(String.fromCharCode(octet))) ESCAPE[octet] = 1;
}

const CHUNK = 1 << 20;

/** More than one record in text can take: names have at most 255 octets, RDATA 65535, each four characters in text. */
const RESERVE = 1 << 19;

/** Text under construction as octets, handed on in large pieces. Growing a string a record costs several times as much. */
export class OctetBuilder {
  octets = new Uint8Array(CHUNK);
  at = 0;
  readonly #write: (piece: Uint8Array) => void;

  /** @param write takes each piece and may keep it */
  constructor(write: (piece: Uint8Array) => void) {
    this.#write = write;
  }

  /** To be called before each record: makes sure that it fits. */
  reserve(): void {
    if (this.at > CHUNK - RESERVE) this.flush();
  }

  flush(): void {
    if (this.at > 0) this.#write(this.octets.slice(0, this.at));
    this.at = 0;
  }

  octet(octet: number): void {
    this.octets[this.at++] = octet;
  }

  bytes(octets: Uint8Array, start = 0, end = octets.length): void {
    this.at = copyOctets(octets, start, end, this.octets, this.at);
  }

  /** Characters below U+0100. */
  text(text: string): void {
    const { octets } = this;
    let at = this.at;
    for (let i = 0; i < text.length; i++) octets[at++] = text.charCodeAt(i);
    this.at = at;
  }

  decimal(value: number): void {
    let divisor = 1;
    while (value / divisor >= 10) divisor *= 10;
    for (let rest = value; divisor >= 1; divisor /= 10) {
      const digit = Math.floor(rest / divisor);
      this.octets[this.at++] = DIGIT_0 + digit;
      rest -= digit * divisor;
    }
  }

  /** A whole uncompressed name, absolute, as nameToText writes it. @returns where the name ends in `from` */
  name(from: Uint8Array, start: number): number {
    if (from[start] === 0) {
      this.octet(DOT);
      return start + 1;
    }
    return this.labels(from, start, -1) + 1;
  }

  /** The labels of a name with a dot behind each, up to `stop` (exclusive) or the root; returns where it stopped. */
  labels(from: Uint8Array, start: number, stop: number): number {
    const { octets } = this;
    let at = this.at;
    let here = start;
    while (here !== stop && from[here] !== 0) {
      const end = here + 1 + from[here];
      for (here++; here < end; here++) {
        const octet = from[here];
        const escape = ESCAPE[octet];
        if (escape !== 0) octets[at++] = 0x5c;
        if (escape === 3) {
          octets[at++] = DIGIT_0 + Math.floor(octet / 100);
          octets[at++] = DIGIT_0 + (Math.floor(octet / 10) % 10);
          octets[at++] = DIGIT_0 + (octet % 10);
        } else octets[at++] = octet;
      }
      octets[at++] = DOT;
    }
    this.at = at;
    return here;
  }

  /** Base 64 with `separator` after every `chunk` characters (a multiple of 4) that are not the last. */
  base64(from: Uint8Array, start: number, end: number, chunk: number, separator: Uint8Array): void {
    const { octets } = this;
    let at = this.at;
    let column = 0;
    for (let i = start; i < end; i += 3) {
      if (column === chunk) {
        at = copyOctets(separator, 0, separator.length, octets, at);
        column = 0;
      }
      const left = end - i;
      const group = (from[i] << 16) | (left > 1 ? from[i + 1] << 8 : 0) | (left > 2 ? from[i + 2] : 0);
      octets[at++] = BASE64[group >> 18];
      octets[at++] = BASE64[(group >> 12) & 63];
      octets[at++] = left > 1 ? BASE64[(group >> 6) & 63] : 0x3d;
      octets[at++] = left > 2 ? BASE64[group & 63] : 0x3d;
      column += 4;
    }
    this.at = at;
  }

  /** Capital hexadecimal digits with `separator` after every `chunk` characters (even; 0: never) that are not the last. */
  hex(from: Uint8Array, start: number, end: number, chunk: number, separator: Uint8Array): void {
    const { octets } = this;
    let at = this.at;
    let column = 0;
    for (let i = start; i < end; i++) {
      if (chunk > 0 && column === chunk) {
        at = copyOctets(separator, 0, separator.length, octets, at);
        column = 0;
      }
      octets[at++] = HEX[from[i] >> 4];
      octets[at++] = HEX[from[i] & 15];
      column += 2;
    }
    this.at = at;
  }

  /** Unpadded capital base 32 with extended hex alphabet. */
  base32Hex(from: Uint8Array, start: number, end: number): void {
    let bits = 0;
    let held = 0;
    for (let i = start; i < end; i++) {
      bits = (bits << 8) | from[i];
      held += 8;
      while (held >= 5) {
        held -= 5;
        this.octets[this.at++] = BASE32HEX[(bits >> held) & 31];
      }
      bits &= (1 << held) - 1;
    }
    if (held > 0) this.octets[this.at++] = BASE32HEX[(bits << (5 - held)) & 31];
  }
}
