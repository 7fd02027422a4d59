import { MalformedError } from '../reader.ts';
import { defineType } from './define-type.ts';
import { characterString, type Field, LISTED, name, uint16 } from './fields.ts';

const string = characterString('regular expression');
const BACKSLASH = 0x5c;

/**
 * Whether octets[at, end) are empty or a substitution expression (RFC 3402 section 3.2): delimiter, extended regular
 * expression, delimiter, replacement with back references \1 to \9, delimiter, flag "i" or none. Of the expression only
 * its groups are looked at, for the back references.
 */
function isSubstitution(octets: Uint8Array, at: number, end: number): boolean {
  if (at === end) return true;
  const delimiter = octets[at];
  const isForbidden = delimiter === BACKSLASH || delimiter === 0x69 || (delimiter >= 0x31 && delimiter <= 0x39);
  if (isForbidden || delimiter === 0) return false;
  let part = 0;
  let groups = 0;
  let depth = 0;
  let bracketAt = -1;
  for (let i = at + 1; i < end; i++) {
    const octet = octets[i];
    if (octet === 0) return false;
    if (octet === delimiter) {
      if (part === 0 && (depth !== 0 || bracketAt >= 0)) return false;
      part++;
    } else if (part === 2) {
      return octet === 0x69 && i === end - 1;
    } else if (octet === BACKSLASH) {
      if (++i === end) return false;
      const digit = octets[i] - 0x30;
      if (part === 1 && digit >= 0 && digit <= 9 && (digit === 0 || digit > groups)) return false;
    } else if (part === 0 && bracketAt >= 0) {
      // Inside [...] brackets are plain octets; "]" is too right behind the opening, "^" or not.
      const isFirst = i === bracketAt + 1 || (i === bracketAt + 2 && octets[i - 1] === 0x5e);
      if (octet === 0x5d && !isFirst) bracketAt = -1;
    } else if (part === 0 && octet === 0x5b) {
      bracketAt = i;
    } else if (part === 0 && octet === 0x28) {
      depth++;
      groups++;
    } else if (part === 0 && octet === 0x29 && depth > 0) {
      depth--; // one too many is a plain octet
    }
  }
  return part === 2;
}

const expression: Field = {
  ...string,
  read(reader, out) {
    const at = reader.at;
    string.read(reader, out);
    if (!isSubstitution(reader.octets, at + 1, reader.at))
      throw new MalformedError('regular expression of NAPTR is malformed', at);
  },
  fromText(tokens, out) {
    const at = out.at;
    string.fromText(tokens, out);
    if (!isSubstitution(out.octets, at + 1, out.at)) tokens.fail('regular expression like "!pattern!replacement!"');
  },
};

/** Naming authority pointer (RFC 3403 section 4.1). */
export const NAPTR = defineType({
  code: 35,
  fields: [
    uint16('order'),
    uint16('preference'),
    characterString('flags'),
    characterString('services'),
    expression,
    name('replacement', LISTED),
  ],
});
