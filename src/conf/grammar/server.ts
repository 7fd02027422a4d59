import { querySource, sourceAddress } from '../syntax/address-specs.ts';
import { boolean, integer, text, word } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';

/* The statement `server`: what is known about a remote server. */

/** Clauses of `server`. */
export const serverClauses: ClauseTable = {
  bogus: one(boolean),
  edns: one(boolean),
  'edns-udp-size': one(integer),
  'edns-version': one(integer),
  keys: one(text),
  'max-udp-size': one(integer),
  'notify-source': one(sourceAddress(4)),
  'notify-source-v6': one(sourceAddress(6)),
  padding: one(integer),
  'provide-ixfr': one(boolean),
  'query-source': one(querySource(4)),
  'query-source-v6': one(querySource(6)),
  'request-expire': one(boolean),
  'request-ixfr': one(boolean),
  'request-nsid': one(boolean),
  'send-cookie': one(boolean),
  'tcp-keepalive': one(boolean),
  'tcp-only': one(boolean),
  'transfer-format': one(word('many-answers', 'one-answer')),
  'transfer-source': one(sourceAddress(4)),
  'transfer-source-v6': one(sourceAddress(6)),
  transfers: one(integer),
};
