import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Mail rename, experimental (RFC 1035 section 3.3.8). */
export const MR = defineType({
  code: 9,
  fields: [name('mailbox name', CLASSIC)],
});
