import { defineType } from './define-type.ts';
import { LISTED, name, uint16 } from './fields.ts';

/** AFS database server (RFC 1183 section 1). */
export const AFSDB = defineType({
  code: 18,
  fields: [uint16('subtype'), name('host name', LISTED)],
});
