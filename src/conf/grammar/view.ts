import { matchList, prefix } from '../syntax/address-specs.ts';
import { boolean, text } from '../syntax/scalar-specs.ts';
import { many, one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';
import { block, field, tuple } from '../syntax/structure-specs.ts';
import { keyStatement } from './key.ts';
import { serverClauses } from './server.ts';
import { className, dyndb, plugin, trustAnchors, trustedKeys } from './value-kinds.ts';
import { ancientViewClauses, viewDefaultClauses } from './view-defaults.ts';
import { zoneStatement } from './zone.ts';
import { ancientZoneDefaultClauses, zoneDefaultClauses } from './zone-defaults.ts';

const dlzClauses: ClauseTable = { database: one(text), search: one(boolean) };

/** Statements of the top level that a view may have for itself. */
export const topOrViewClauses: ClauseTable = {
  dlz: many(tuple([field('name', text), field('body', block(dlzClauses))])),
  dyndb: many(dyndb),
  key: many(keyStatement),
  'managed-keys': many(trustAnchors, 'deprecated'),
  plugin: many(plugin),
  server: many(tuple([field('prefix', prefix), field('body', block(serverClauses))])),
  'trust-anchors': many(trustAnchors),
  'trusted-keys': many(trustedKeys, 'deprecated'),
  zone: many(zoneStatement),
};

/** Clauses of `view`. */
const viewClauses: ClauseTable = {
  'match-clients': one(matchList),
  'match-destinations': one(matchList),
  'match-recursive-only': one(boolean),
  ...topOrViewClauses,
  ...viewDefaultClauses,
  ...zoneDefaultClauses,
  ...ancientViewClauses,
  ...ancientZoneDefaultClauses,
};

/** `view "name" [class] { ... }` */
export const viewStatement = tuple([field('name', text), className, field('body', block(viewClauses))]);
