import { bracketTail, defineType } from './define-type.ts';
import { hexadecimalRest, uint8 } from './fields.ts';

/** S/MIME certificate association (RFC 8162 section 2). */
export const SMIMEA = defineType({
  code: 53,
  fields: [
    uint8('certificate usage'),
    uint8('selector'),
    uint8('matching type'),
    hexadecimalRest('certificate association data'),
  ],
  layout: bracketTail(3),
});
