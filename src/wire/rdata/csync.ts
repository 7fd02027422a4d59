import { defineType } from './define-type.ts';
import { typeBitmap, uint16, uint32 } from './fields.ts';

/** What the parent shall copy from the child (RFC 7477 section 2). */
export const CSYNC = defineType({ code: 62, fields: [uint32('serial'), uint16('flags'), typeBitmap(false)] });
