import { defineType } from './define-type.ts';
import { uint16 } from './fields.ts';
import { locator64 } from './locator64.ts';

/** Locator of ILNPv6 (RFC 6742 section 2.3). */
export const L64 = defineType({ code: 106, fields: [uint16('preference'), locator64('locator')] });
