import type { Random } from '../base/random.ts';

/** Octets of a UUID on the wire. */
export const UUID_OCTETS = 16;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));
const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Lower-case text of 16 octets. Texts order as the octets do. */
export function uuidText(octets: Uint8Array): string {
  let text = '';
  for (let i = 0; i < UUID_OCTETS; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-';
    text += HEX[octets[i]];
  }
  return text;
}

/** @throws RangeError for what is no lower-case text of a UUID: a fault of the caller */
export function uuidOctets(text: string): Uint8Array<ArrayBuffer> {
  if (!FORM.test(text)) throw new RangeError(`${JSON.stringify(text)} is no UUID in lower case.`);
  return Uint8Array.fromHex(text.replaceAll('-', ''));
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
