import { bracketTail, defineType } from './define-type.ts';
import { hexadecimalRest, uint8 } from './fields.ts';

/** TLS certificate association (RFC 6698 section 2). */
export const TLSA = defineType({
  code: 52,
  fields: [
    uint8('certificate usage'),
    uint8('selector'),
    uint8('matching type'),
    hexadecimalRest('certificate association data'),
  ],
  layout: bracketTail(3),
});
