import { defineType } from './define-type.ts';
import { CLASSIC, name, uint16 } from './fields.ts';

/** Mail exchange (RFC 1035 section 3.3.9). */
export const MX = defineType({
  code: 15,
  fields: [uint16('preference'), name('mail exchange', CLASSIC)],
});
