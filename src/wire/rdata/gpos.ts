import { defineType } from './define-type.ts';
import { characterString } from './fields.ts';

/** Geographical position, obsolete (RFC 1712 section 3). */
export const GPOS = defineType({
  code: 27,
  fields: [characterString('longitude'), characterString('latitude'), characterString('altitude')],
});
