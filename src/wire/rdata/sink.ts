import { bracketTail, defineType } from './define-type.ts';
import { base64, optional, uint8 } from './fields.ts';

/** Kitchen sink: meaning, coding, subcoding and data of any kind. */
export const SINK = defineType({
  code: 40,
  fields: [uint8('meaning'), uint8('coding'), uint8('subcoding'), optional(base64('data'))],
  layout: bracketTail(3),
});
