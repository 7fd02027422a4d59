import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import {
  SUPPORTED_OPTIONS,
  SUPPORTED_TOP,
  SUPPORTED_VIEW,
  SUPPORTED_ZONE,
  SUPPORTED_ZONE_DEFAULTS,
} from '../../src/conf/check/supported.ts';

/** Names of clauses in one section of docs/named-conf.md; what stands in brackets explains. */
function sections(): Map<string, Set<string>> {
  const page = fs.readFileSync(new URL('../../docs/named-conf.md', import.meta.url), 'utf8');
  const parts = page.split(/^## /m).slice(1);
  return new Map(
    parts.map((part) => {
      const [title, ...lines] = part.split('\n');
      return [
        title,
        new Set(
          lines
            .join(' ')
            .replaceAll(/\([^)]*\)/g, ' ')
            .match(/[a-z][a-z0-9-]*/g) ?? [],
        ),
      ];
    }),
  );
}

/** The names of `table` that are not in `outer`. */
const own = (table: object, ...outer: object[]): string[] =>
  Object.keys(table).filter((name) => !outer.some((one) => Object.hasOwn(one, name)));

test('the page on named.conf names every clause that is acted on', () => {
  const page = sections();
  const common = own(SUPPORTED_VIEW, SUPPORTED_ZONE_DEFAULTS).filter((name) => Object.hasOwn(SUPPORTED_OPTIONS, name));
  const expected: readonly [section: string, names: string[]][] = [
    ['Statements', Object.keys(SUPPORTED_TOP)],
    ['options, view and zone', Object.keys(SUPPORTED_ZONE_DEFAULTS)],
    ['options and view', common],
    ['options', own(SUPPORTED_OPTIONS, SUPPORTED_VIEW)],
    ['view', own(SUPPORTED_VIEW, SUPPORTED_OPTIONS)],
    ['zone', own(SUPPORTED_ZONE, SUPPORTED_ZONE_DEFAULTS)],
  ];
  for (const [section, names] of expected)
    for (const name of names) assert.ok(page.get(section)?.has(name), `${section}: ${name} is missing`);
});
