import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Mail group member, experimental (RFC 1035 section 3.3.6). */
export const MG = defineType({
  code: 8,
  fields: [name('mailbox name', CLASSIC)],
});
