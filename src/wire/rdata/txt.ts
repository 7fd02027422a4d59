import { defineType } from './define-type.ts';
import { characterString, repeated } from './fields.ts';

/** Text strings (RFC 1035 section 3.3.14). */
export const TXT = defineType({
  code: 16,
  fields: [repeated(characterString('text string'), 1)],
});
