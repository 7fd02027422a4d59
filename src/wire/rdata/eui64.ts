import { defineType } from './define-type.ts';
import { eui } from './eui.ts';

/** 64-bit extended unique identifier (RFC 7043 section 4). */
export const EUI64 = defineType({ code: 109, fields: [eui(8)] });
