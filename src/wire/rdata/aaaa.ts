import { defineType } from './define-type.ts';
import { ipv6 } from './fields.ts';

/** IPv6 host address (RFC 3596 section 2.2). */
export const AAAA = defineType({
  code: 28,
  fields: [ipv6],
});
