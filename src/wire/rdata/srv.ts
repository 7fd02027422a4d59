import { defineType } from './define-type.ts';
import { LISTED, name, uint16 } from './fields.ts';

/** Service location (RFC 2782). */
export const SRV = defineType({
  code: 33,
  fields: [uint16('priority'), uint16('weight'), uint16('port'), name('target', LISTED)],
});
