import { defineType } from './define-type.ts';
import { characterString } from './fields.ts';

/** Host information (RFC 1035 section 3.3.2). */
export const HINFO = defineType({
  code: 13,
  fields: [characterString('CPU'), characterString('operating system')],
});
