import { defineType } from './define-type.ts';
import { LISTED, name } from './fields.ts';

/** Responsible person (RFC 1183 section 2.2). */
export const RP = defineType({
  code: 17,
  fields: [name('mailbox', LISTED), name('name of text', LISTED)],
});
