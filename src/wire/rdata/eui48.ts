import { defineType } from './define-type.ts';
import { eui } from './eui.ts';

/** 48-bit extended unique identifier (RFC 7043 section 3). */
export const EUI48 = defineType({ code: 108, fields: [eui(6)] });
