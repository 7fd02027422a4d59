import { TSIG_ERRORS } from '../code-text.ts';
import { countedBase64 } from './counted-base64.ts';
import { defineType } from './define-type.ts';
import { LISTED, mnemonic, MODERN, name, time, uint16 } from './fields.ts';

/** Key agreement for TSIG (RFC 2930 section 2): only in messages. */
export const TKEY = defineType({
  code: 249,
  fields: [
    name('algorithm name', { ...MODERN, decompressed: LISTED.decompressed }),
    time('inception'),
    time('expiration'),
    uint16('mode'),
    mnemonic('error', 16, TSIG_ERRORS, true),
    countedBase64('key'),
    countedBase64('other data'),
  ],
});
