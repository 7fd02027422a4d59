import { defineType } from './define-type.ts';
import { LOWERED, name, uint16 } from './fields.ts';

/** Key exchanger (RFC 2230 section 3.1). */
export const KX = defineType({
  code: 36,
  fields: [uint16('preference'), name('key exchanger', LOWERED)],
});
