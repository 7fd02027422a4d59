import { bracketAll, defineType } from './define-type.ts';
import { hexadecimalRest } from './fields.ts';

/** Nimrod locator. */
export const NIMLOC = defineType({
  code: 32,
  fields: [hexadecimalRest('locator')],
  layout: bracketAll,
});
