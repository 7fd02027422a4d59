import { defineType } from './define-type.ts';
import { MODERN, name } from './fields.ts';

/** Pointer from an NSAP address, obsolete (RFC 1348). */
export const NSAP_PTR = defineType({
  code: 23,
  fields: [name('name', MODERN)],
});
