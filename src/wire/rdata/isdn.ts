import { defineType } from './define-type.ts';
import { characterString, optional } from './fields.ts';

/** ISDN address (RFC 1183 section 3.2). */
export const ISDN = defineType({
  code: 20,
  fields: [characterString('ISDN address'), optional(characterString('subaddress'))],
});
