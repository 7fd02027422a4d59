import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH, type Name } from './name.ts';

/** What can be wrong with a name in text. */
export type NameFault =
  'empty name' | 'empty label' | 'label too long' | 'name too long' | 'bad escape' | 'not absolute';

export const NAME_FAULTS: readonly NameFault[] = [
  'empty name',
  'empty label',
  'label too long',
  'name too long',
  'bad escape',
  'not absolute',
];

const BACKSLASH = 0x5c;
const DOT = 0x2e;
const isDigit = (octet: number): boolean => octet >= 0x30 && octet <= 0x39;

/**
 * Writes the wire form of the presentation form `text[start, end)` (RFC 1035 section 5.1) to `out` at `at`: escapes
 * \X and \DDD, a name without final dot goes under `origin`, "@" is the origin. Allocates nothing.
 * @returns the length written, or -1 - (index into NAME_FAULTS)
 */
export function parseName(
  text: Uint8Array,
  start: number,
  end: number,
  origin: Name | undefined,
  out: Uint8Array,
  at = 0,
): number {
  if (start === end) return -1;
  if (end - start === 1) {
    if (text[start] === DOT) {
      out[at] = 0;
      return 1;
    }
    if (text[start] === 0x40) return appendOrigin(origin, out, at, 0);
  }
  let labelAt = at;
  let here = at + 1;
  for (let i = start; i < end; i++) {
    let octet = text[i];
    if (octet === DOT) {
      const length = here - labelAt - 1;
      if (length === 0) return -2;
      out[labelAt] = length;
      labelAt = here++;
      if (here - at > MAX_NAME_LENGTH) return -4;
      continue;
    }
    if (octet === BACKSLASH) {
      if (++i >= end) return -5;
      octet = text[i];
      if (isDigit(octet)) {
        if (i + 2 >= end || !isDigit(text[i + 1]) || !isDigit(text[i + 2])) return -5;
        octet = (octet - 0x30) * 100 + (text[i + 1] - 0x30) * 10 + (text[i + 2] - 0x30);
        if (octet > 255) return -5;
        i += 2;
      }
    }
    if (here - labelAt > MAX_LABEL_LENGTH) return -3;
    out[here++] = octet;
    if (here - at >= MAX_NAME_LENGTH) return -4;
  }
  const last = here - labelAt - 1;
  if (last === 0) {
    out[labelAt] = 0; // the text ended with a dot: absolute
    return labelAt + 1 - at;
  }
  out[labelAt] = last;
  return appendOrigin(origin, out, at, here - at);
}

function appendOrigin(origin: Name | undefined, out: Uint8Array, at: number, length: number): number {
  if (origin === undefined) return -6;
  if (length + origin.length > MAX_NAME_LENGTH) return -4;
  for (let i = 0; i < origin.length; i++) out[at + length + i] = origin[i];
  return length + origin.length;
}

const SCRATCH = new Uint8Array(MAX_NAME_LENGTH + 1);

/** The name that `text` spells, or the fault. Without `origin` a missing final dot means the root: for command lines. */
export function nameFromText(text: string, origin?: Name): Name | NameFault {
  const octets = Buffer.from(text, 'latin1');
  const length = parseName(octets, 0, octets.length, origin ?? (new Uint8Array([0]) as Name), SCRATCH);
  return length < 0 ? NAME_FAULTS[-1 - length] : (SCRATCH.slice(0, length) as Name);
}

/** The name that `text` spells. @throws RangeError for a fault: for names written in the program itself and in tests. */
export function mustName(text: string, origin?: Name): Name {
  const name = nameFromText(text, origin);
  if (typeof name === 'string') throw new RangeError(`${name}: ${text}`);
  return name;
}

/** Per octet its presentation form inside a label, escaped as BIND escapes it. */
const ESCAPED: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`;
  const character = String.fromCharCode(octet);
  return '".;\\@$()'.includes(character) ? `\\${character}` : character;
});

/** Presentation form with final dot; the root is ".". */
export function nameToText(name: Name): string {
  if (name[0] === 0) return '.';
  let text = '';
  for (let at = 0; name[at] !== 0; at += name[at] + 1) {
    for (let i = 1; i <= name[at]; i++) text += ESCAPED[name[at + i]];
    text += '.';
  }
  return text;
}

/** Presentation form without the final dot (the root stays "."), as BIND's log lines have it. */
export function nameToShortText(name: Name): string {
  const text = nameToText(name);
  return text === '.' ? text : text.slice(0, -1);
}
