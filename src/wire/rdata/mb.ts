import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Mailbox host, experimental (RFC 1035 section 3.3.3). */
export const MB = defineType({
  code: 7,
  fields: [name('host name', CLASSIC)],
});
