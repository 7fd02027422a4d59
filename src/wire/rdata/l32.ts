import { defineType } from './define-type.ts';
import { ipv4, uint16 } from './fields.ts';

/** Locator of ILNPv4 (RFC 6742 section 2.2). */
export const L32 = defineType({
  code: 105,
  fields: [uint16('preference'), ipv4],
});
