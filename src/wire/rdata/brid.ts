import { defineType } from './define-type.ts';
import { base64 } from './fields.ts';
import { outerBlank } from './hhit.ts';

/** Broadcast remote identification (RFC 9886 section 5.2). */
export const BRID = defineType({ code: 68, fields: [base64('BRID data')], layout: outerBlank });
