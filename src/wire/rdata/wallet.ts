import { defineType } from './define-type.ts';
import { characterString, repeated } from './fields.ts';

/** Public wallet address, in the form of TXT. */
export const WALLET = defineType({
  code: 262,
  fields: [repeated(characterString('text string'), 1)],
});
