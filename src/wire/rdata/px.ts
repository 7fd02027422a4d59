import { defineType } from './define-type.ts';
import { LISTED, name, uint16 } from './fields.ts';

/** Mapping between X.400 and RFC 822 addresses (RFC 2163 section 4). */
export const PX = defineType({
  code: 26,
  fields: [uint16('preference'), name('RFC 822 domain', LISTED), name('X.400 domain', LISTED)],
});
