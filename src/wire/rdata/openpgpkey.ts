import { bracketAll, defineType } from './define-type.ts';
import { base64 } from './fields.ts';

/** OpenPGP public key (RFC 7929 section 2). */
export const OPENPGPKEY = defineType({
  code: 61,
  fields: [base64('OpenPGP key')],
  layout: bracketAll,
});
