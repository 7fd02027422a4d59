import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Mail destination, obsolete (RFC 1035 section 3.3.4). */
export const MD = defineType({
  code: 3,
  fields: [name('host name', CLASSIC)],
});
