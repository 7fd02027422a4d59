import { defineType } from './define-type.ts';
import { MODERN, name } from './fields.ts';

/** Trust anchor link. */
export const TALINK = defineType({
  code: 58,
  fields: [name('previous', MODERN), name('next', MODERN)],
});
