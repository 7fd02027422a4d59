import type { Random } from '../base/random.ts';

/** Octets of a UUID on the wire. */
export const UUID_OCTETS = 16;

const HYPHEN = 0x2d;
/** Where the two digits of each octet begin in the text. */
const PLACES = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);
const TEXT_LENGTH = 36;
const DIGITS = Buffer.from('0123456789abcdef', 'latin1');
/** By character: the digit's value; 16 for what is none. */
const VALUES = new Uint8Array(128).fill(16);
DIGITS.forEach((character, value) => (VALUES[character] = value));
/** A text that is being made. */
const made = Buffer.alloc(TEXT_LENGTH, HYPHEN);

/** Lower-case text of 16 octets. Texts order as the octets do. */
export function uuidText(octets: Uint8Array): string {
  for (let i = 0; i < UUID_OCTETS; i++) {
    const octet = octets[i];
    made[PLACES[i]] = DIGITS[octet >>> 4];
    made[PLACES[i] + 1] = DIGITS[octet & 15];
  }
  return made.toString('latin1');
}

/** @throws RangeError for what is no lower-case text of a UUID: a fault of the caller */
export function uuidOctets(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(UUID_OCTETS);
  let isWrong = text.length !== TEXT_LENGTH || !isHyphenated(text);
  for (let i = 0; i < UUID_OCTETS && !isWrong; i++) {
    const high = valueAt(text, PLACES[i]);
    const low = valueAt(text, PLACES[i] + 1);
    isWrong = (high | low) > 15;
    octets[i] = (high << 4) | low;
  }
  if (isWrong) throw new RangeError(`${JSON.stringify(text)} is no UUID in lower case.`);
  return octets;
}

function isHyphenated(text: string): boolean {
  return (
    text.charCodeAt(8) === HYPHEN &&
    text.charCodeAt(13) === HYPHEN &&
    text.charCodeAt(18) === HYPHEN &&
    text.charCodeAt(23) === HYPHEN
  );
}

function valueAt(text: string, at: number): number {
  const character = text.charCodeAt(at);
  return character < VALUES.length ? VALUES[character] : 16;
}

/** A random UUID (RFC 9562 section 5.4). */
export function makeUuid(random: Random): string {
  const octets = random.fill(new Uint8Array(UUID_OCTETS));
  octets[6] = (octets[6] & 0x0f) | 0x40;
  octets[8] = (octets[8] & 0x3f) | 0x80;
  return uuidText(octets);
}

/** The UUID just before one: a list after it begins with that one. undefined: there is none before. */
export function predecessorOf(text: string): string | undefined {
  const octets = uuidOctets(text);
  for (let i = octets.length - 1; i >= 0; i--) {
    if (octets[i]-- !== 0) return uuidText(octets);
  }
  return undefined;
}
