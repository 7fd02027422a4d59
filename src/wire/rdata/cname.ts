import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Canonical name of an alias (RFC 1035 section 3.3.1). */
export const CNAME = defineType({
  code: 5,
  fields: [name('canonical name', CLASSIC)],
});
