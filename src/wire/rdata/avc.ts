import { defineType } from './define-type.ts';
import { characterString, repeated } from './fields.ts';

/** Application visibility and control, in the form of TXT. */
export const AVC = defineType({
  code: 258,
  fields: [repeated(characterString('text string'), 1)],
});
