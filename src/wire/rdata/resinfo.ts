import { defineType } from './define-type.ts';
import { characterString, repeated } from './fields.ts';

/** Resolver information, in the form of TXT (RFC 9606 section 5). */
export const RESINFO = defineType({
  code: 261,
  fields: [repeated(characterString('text string'), 1)],
});
