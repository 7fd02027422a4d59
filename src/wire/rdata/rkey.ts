import { MalformedError } from '../reader.ts';
import { defineType } from './define-type.ts';
import { base64, type Field } from './fields.ts';
import { algorithm, flags, keyFault, protocol } from './key-fields.ts';
import { keyLayout } from './key.ts';

const noFlags: Field = {
  ...flags,
  read(reader, out) {
    const at = reader.at;
    const value = reader.uint16();
    if (value !== 0) throw new MalformedError('flags of RKEY are not zero', at);
    out.uint16(value);
  },
  fromText(tokens, out) {
    flags.fromText(tokens, out);
    if (out.octets[out.at - 1] !== 0 || out.octets[out.at - 2] !== 0) tokens.fail('flags 0, which RKEY requires');
  },
};

/** Key to encrypt NAPTR records with (draft-reid-dnsext-rkey). */
export const RKEY = defineType({
  code: 57,
  fields: [noFlags, protocol, algorithm, base64('public key')],
  layout: keyLayout,
  fault: keyFault,
});
