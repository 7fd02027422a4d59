import { defineType } from './define-type.ts';
import { uint16 } from './fields.ts';
import { locator64 } from './locator64.ts';

/** Node identifier of ILNP (RFC 6742 section 2.1). */
export const NID = defineType({ code: 104, fields: [uint16('preference'), locator64('node identifier')] });
