import { defineType } from './define-type.ts';
import { MODERN, name, uint16 } from './fields.ts';

/** Locator pointer of ILNP (RFC 6742 section 2.4). */
export const LP = defineType({
  code: 107,
  fields: [uint16('preference'), name('locator name', MODERN)],
});
