import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Pointer to another name (RFC 1035 section 3.3.12). */
export const PTR = defineType({
  code: 12,
  fields: [name('name', CLASSIC)],
});
