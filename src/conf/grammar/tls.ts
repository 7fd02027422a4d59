import { boolean, quotedText, text } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import { textList } from './value-kinds.ts';
import type { ClauseTable } from '../syntax/spec.ts';

/* Encrypted transports. */

/** Clauses of `tls`. */
export const tlsClauses: ClauseTable = {
  'ca-file': one(quotedText),
  'cert-file': one(quotedText),
  ciphers: one(text),
  'dhparam-file': one(quotedText),
  'key-file': one(quotedText),
  'prefer-server-ciphers': one(boolean),
  protocols: one(textList),
  'remote-hostname': one(quotedText),
  'session-tickets': one(boolean),
};
