import { boolean, nothing, quotedText, text, word, wordOrBoolean } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';
import { block, field, tuple } from '../syntax/structure-specs.ts';
import { addressesOnly, className, failWarnIgnore, remoteServers, textList, updatePolicy } from './value-kinds.ts';
import { ancientZoneDefaultClauses, zoneDefaultClauses } from './zone-defaults.ts';

/** What may stand after `type`. */
const zoneType = word(
  'primary',
  'master',
  'secondary',
  'slave',
  'mirror',
  'delegation-only',
  'forward',
  'hint',
  'redirect',
  'static-stub',
  'stub',
);

/** Clauses that stand in `zone` and nowhere else, whatever its type. */
const zoneOnlyClauses: ClauseTable = {
  type: one(zoneType),
  'check-names': one(failWarnIgnore),
  // Of 9.20.
  checkds: one(wordOrBoolean('explicit')),
  database: one(text),
  'delegation-only': one(boolean, 'deprecated'),
  dlz: one(text),
  file: one(quotedText),
  'in-view': one(text),
  'inline-signing': one(boolean),
  'ixfr-base': one(nothing, 'ancient'),
  'ixfr-from-differences': one(boolean),
  'ixfr-tmp-file': one(nothing, 'ancient'),
  journal: one(quotedText),
  masters: one(remoteServers),
  'parental-agents': one(remoteServers),
  primaries: one(remoteServers),
  pubkey: one(nothing, 'ancient'),
  'server-addresses': one(addressesOnly),
  'server-names': one(textList),
  'update-policy': one(updatePolicy),
};

/** Clauses of `zone`. */
const zoneClauses: ClauseTable = {
  ...zoneOnlyClauses,
  ...zoneDefaultClauses,
  ...ancientZoneDefaultClauses,
};

/** `zone "name" [class] { ... }` */
export const zoneStatement = tuple([field('name', text), className, field('body', block(zoneClauses))]);
