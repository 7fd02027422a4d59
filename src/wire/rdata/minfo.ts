import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Mailbox information, experimental (RFC 1035 section 3.3.7). */
export const MINFO = defineType({
  code: 14,
  fields: [name('responsible mailbox', CLASSIC), name('error mailbox', CLASSIC)],
});
