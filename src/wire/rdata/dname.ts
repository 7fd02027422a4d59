import { defineType } from './define-type.ts';
import { LOWERED, name } from './fields.ts';

/** Redirection of a subtree (RFC 6672 section 2.1); its target is never compressed (section 2.5). */
export const DNAME = defineType({
  code: 39,
  fields: [name('target', LOWERED)],
});
