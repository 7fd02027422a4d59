import { defineType } from './define-type.ts';
import { ipv4 } from './fields.ts';

/** Host address (RFC 1035 section 3.4.1). */
export const A = defineType({
  code: 1,
  fields: [ipv4],
});
