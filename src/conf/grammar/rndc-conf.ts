import { address } from '../syntax/address-specs.ts';
import { port, text } from '../syntax/scalar-specs.ts';
import { many, one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';
import { block, field, list, optional, tuple } from '../syntax/structure-specs.ts';
import { keyStatement } from './key.ts';

const optionsClauses: ClauseTable = {
  'default-key': one(text),
  'default-port': one(port),
  'default-server': one(text),
  'default-source-address': one(address([4], true)),
  'default-source-address-v6': one(address([6], true)),
};

const serverClauses: ClauseTable = {
  addresses: one(list(tuple([field('server', text), optional('port', port)]))),
  key: one(text),
  port: one(port),
  'source-address': one(address([4], true)),
  'source-address-v6': one(address([6], true)),
};

/** Statements of rndc.conf(5). */
export const rndcConfClauses: ClauseTable = {
  key: many(keyStatement),
  server: many(tuple([field('name', text), field('body', block(serverClauses))])),
  options: one(block(optionsClauses)),
};

/** rndc.key holds one key. */
export const rndcKeyClauses: ClauseTable = { key: one(keyStatement) };
