import { address, matchList } from '../syntax/address-specs.ts';
import { boolean, integer, quotedText } from '../syntax/scalar-specs.ts';
import { many } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';
import { field, optional, required, tuple } from '../syntax/structure-specs.ts';
import { controlPort, textList } from './value-kinds.ts';

/** Clauses of `controls`: where commands of rndc are taken. */
export const controlsClauses: ClauseTable = {
  inet: many(
    tuple([
      field('address', address([4, 6], true)),
      optional('port', controlPort),
      required('allow', matchList),
      optional('keys', textList),
      optional('read-only', boolean),
    ]),
  ),
  unix: many(
    tuple([
      field('path', quotedText),
      required('perm', integer),
      required('owner', integer),
      required('group', integer),
      optional('keys', textList),
      optional('read-only', boolean),
    ]),
  ),
};

/** Clauses of `statistics-channels`. */
export const statisticsClauses: ClauseTable = {
  inet: many(
    tuple([field('address', address([4, 6], true)), optional('port', controlPort), optional('allow', matchList)]),
  ),
};
