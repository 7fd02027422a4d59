import { secret, text } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';
import { block, field, tuple } from '../syntax/structure-specs.ts';

/** Clauses of `key`: a shared secret for TSIG (RFC 8945) and the control channel. */
const keyClauses: ClauseTable = { algorithm: one(text), secret: one(secret) };

/** `key "name" { ... }` */
export const keyStatement = tuple([field('name', text), field('body', block(keyClauses))]);
