import { defineType, type Layout } from './define-type.ts';
import { base64 } from './fields.ts';

/** BIND 9.18 puts the blank on the outer side of the bracket here. */
export const outerBlank: Layout = (texts) => ` (${texts[0]} )`;

/** Hierarchical host identity tag (RFC 9886 section 5.1). */
export const HHIT = defineType({ code: 67, fields: [base64('HHIT data')], layout: outerBlank });
