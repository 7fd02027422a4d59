import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Authoritative name server (RFC 1035 section 3.3.11). */
export const NS = defineType({
  code: 2,
  fields: [name('name server', CLASSIC)],
});
