import { bracketAll, defineType } from './define-type.ts';
import { hexadecimalRest } from './fields.ts';

/** Endpoint identifier of Nimrod. */
export const EID = defineType({
  code: 31,
  fields: [hexadecimalRest('endpoint identifier')],
  layout: bracketAll,
});
