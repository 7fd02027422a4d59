import { defineType } from './define-type.ts';
import { LISTED, name, uint16 } from './fields.ts';

/** Route through (RFC 1183 section 3.3). */
export const RT = defineType({
  code: 21,
  fields: [uint16('preference'), name('intermediate host', LISTED)],
});
