import { defineType } from './define-type.ts';
import { characterString, repeated } from './fields.ts';

/** Sender policy, obsolete form of TXT (RFC 7208 section 3.1). */
export const SPF = defineType({
  code: 99,
  fields: [repeated(characterString('text string'), 1)],
});
