/*
 * Where the text of a zone may be cut, so that threads can read the pieces. A cut is a line start where an entry with another owner
 * than the entry before begins. Whether the line is within brackets is not looked at: the piece before would then end with open
 * brackets, which its reader tells.
 */

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const SEMICOLON = 0x3b;

/** A cut is looked for in so many octets. */
const REACH = 1 << 20;

/** Where the first cut behind the last directive is, which a single thread has to read up to; -1 without one. */
export function firstCut(text: Uint8Array): number {
  const octets = Buffer.from(text.buffer, text.byteOffset, text.length);
  return cutBehind(text, Math.max(0, octets.lastIndexOf('\n$') + 1));
}

/** The first cut behind `at`, the text's length when it ends before, -1 when none is near. */
export function cutBehind(text: Uint8Array, at: number): number {
  const end = Math.min(text.length, at + REACH);
  const before = nextOwner(text, at, end);
  for (let line = before; line < end;) {
    line = nextOwner(text, line, end);
    if (line < end && !isSameToken(text, before, line)) return line;
  }
  return end === text.length ? end : -1;
}

/** The next start of a line that begins with an owner, at most `end`. */
function nextOwner(text: Uint8Array, at: number, end: number): number {
  for (let line = at; line < end;) {
    while (line < end && text[line] !== LF) line++;
    line++;
    if (line < end && !beginsWithout(text[line])) return line;
  }
  return end;
}

function beginsWithout(octet: number): boolean {
  return octet === SPACE || octet === TAB || octet === SEMICOLON || octet === CR || octet === LF;
}

/** True when the unquoted words at both places have the same octets. */
function isSameToken(text: Uint8Array, a: number, b: number): boolean {
  for (let i = 0; b + i < text.length; i++) {
    if (text[a + i] !== text[b + i]) return false;
    if (beginsWithout(text[b + i])) return true;
  }
  return true;
}
