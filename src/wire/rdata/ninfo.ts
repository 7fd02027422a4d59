import { defineType } from './define-type.ts';
import { characterString, repeated } from './fields.ts';

/** Zone status information, in the form of TXT. */
export const NINFO = defineType({
  code: 56,
  fields: [repeated(characterString('text string'), 1)],
});
