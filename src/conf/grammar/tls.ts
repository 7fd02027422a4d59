import { boolean, quotedText, text } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import { textList } from './value-kinds.ts';
import type { ClauseTable } from '../syntax/spec.ts';

/* Encrypted transports. */

/** Clauses of `tls`. */
export const tlsClauses: ClauseTable = {
  'key-file': one(quotedText),
  'cert-file': one(quotedText),
  'ca-file': one(quotedText),
  'remote-hostname': one(quotedText),
  'dhparam-file': one(quotedText),
  protocols: one(textList),
  ciphers: one(text),
  'prefer-server-ciphers': one(boolean),
  'session-tickets': one(boolean),
};
