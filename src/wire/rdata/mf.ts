import { defineType } from './define-type.ts';
import { CLASSIC, name } from './fields.ts';

/** Mail forwarder, obsolete (RFC 1035 section 3.3.5). */
export const MF = defineType({
  code: 4,
  fields: [name('host name', CLASSIC)],
});
