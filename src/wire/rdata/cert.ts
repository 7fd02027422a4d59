import { Mnemonics } from '../mnemonics.ts';
import { CERT_TYPES } from '../tables/cert-types.ts';
import { bracketTail, defineType } from './define-type.ts';
import { base64, mnemonic, uint16 } from './fields.ts';
import { ALGORITHMS } from './key-fields.ts';

/** Certificate (RFC 4398 section 2). */
export const CERT = defineType({
  code: 37,
  fields: [
    mnemonic('certificate type', 16, new Mnemonics(CERT_TYPES), true),
    uint16('key tag'),
    mnemonic('algorithm', 8, ALGORITHMS, true),
    base64('certificate'),
  ],
  layout: bracketTail(3),
});
