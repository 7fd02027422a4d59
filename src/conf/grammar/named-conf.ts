import { matchList } from '../syntax/address-specs.ts';
import { integer, nothing, quotedText, text } from '../syntax/scalar-specs.ts';
import { many, one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';
import { block, field, list, tuple } from '../syntax/structure-specs.ts';
import { controlsClauses, statisticsClauses } from './controls.ts';
import { dnssecPolicyStatement } from './dnssec-policy.ts';
import { loggingClauses } from './logging.ts';
import { ancientOptionsClauses, optionsClauses } from './options-only.ts';
import { tlsClauses } from './tls.ts';
import { namedRemoteServers } from './value-kinds.ts';
import { topOrViewClauses, viewStatement } from './view.ts';
import { ancientViewClauses, viewDefaultClauses } from './view-defaults.ts';
import { ancientZoneDefaultClauses, zoneDefaultClauses } from './zone-defaults.ts';

/** Clauses of `options`, with the defaults that views and zones take from there. */
const allOptionsClauses: ClauseTable = {
  ...optionsClauses,
  ...viewDefaultClauses,
  ...zoneDefaultClauses,
  ...ancientOptionsClauses,
  ...ancientViewClauses,
  ...ancientZoneDefaultClauses,
};

const httpClauses: ClauseTable = {
  endpoints: one(list(quotedText)),
  'listener-clients': one(integer),
  'streams-per-connection': one(integer),
};

const keyStoreClauses: ClauseTable = { directory: one(quotedText), 'pkcs11-uri': one(quotedText) };

/** All statements of named.conf, as named.conf(5) of BIND 9.18 has them; `key-store` is of 9.20. */
export const namedConfClauses: ClauseTable = {
  acl: many(tuple([field('name', text), field('list', matchList)])),
  controls: many(block(controlsClauses)),
  'dnssec-policy': many(dnssecPolicyStatement),
  http: many(tuple([field('name', text), field('body', block(httpClauses))])),
  'key-store': many(tuple([field('name', text), field('body', block(keyStoreClauses))])),
  logging: one(block(loggingClauses)),
  lwres: many(nothing, 'ancient'),
  masters: many(namedRemoteServers),
  options: one(block(allOptionsClauses)),
  'parental-agents': many(namedRemoteServers),
  primaries: many(namedRemoteServers),
  'statistics-channels': many(block(statisticsClauses)),
  tls: many(tuple([field('name', text), field('body', block(tlsClauses))])),
  view: many(viewStatement),
  ...topOrViewClauses,
};
