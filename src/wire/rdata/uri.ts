import { defineType } from './define-type.ts';
import { quotedRest, uint16 } from './fields.ts';

/** Uniform resource identifier (RFC 7553 section 4). */
export const URI = defineType({
  code: 256,
  fields: [uint16('priority'), uint16('weight'), quotedRest('target')],
});
