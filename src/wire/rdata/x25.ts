import { MalformedError } from '../reader.ts';
import { defineType } from './define-type.ts';
import { characterString, type Field } from './fields.ts';

const string = characterString('PSDN address');

/** At least four digits (RFC 1183 section 3.1). */
function isAddress(octets: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (octets[i] < 0x30 || octets[i] > 0x39) return false;
  return end - at >= 4;
}

const address: Field = {
  ...string,
  read(reader, out) {
    const at = reader.at;
    string.read(reader, out);
    if (!isAddress(reader.octets, at + 1, reader.at)) throw new MalformedError('PSDN address is not all digits', at);
  },
  fromText(tokens, out) {
    const at = out.at;
    string.fromText(tokens, out);
    if (!isAddress(out.octets, at + 1, out.at)) tokens.fail('PSDN address of at least four digits');
  },
};

/** X.25 address (RFC 1183 section 3.1). */
export const X25 = defineType({ code: 19, fields: [address] });
