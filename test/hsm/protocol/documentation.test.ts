import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import type { Fields } from '../../../src/hsm/protocol/fields.ts';
import { FUNCTION_NAMES, FUNCTIONS, isOwn } from '../../../src/hsm/protocol/functions.ts';

const FILE = path.resolve(import.meta.dirname, '../../../docs/hsm-protocol.md');

/** A row for each function, made from the table that the server decodes by. `SIGNET_WRITE_DOCS=1` puts them into the page. */
function rows(isOurs: boolean): string {
  const lines = FUNCTION_NAMES.filter((name) => isOwn(FUNCTIONS[name].code) === isOurs).map((name) => {
    const { code, arguments: given, results, needs, does } = FUNCTIONS[name];
    const number = isOurs ? `0x${code.toString(16)}` : `${code}`;
    return `| ${number} | ${name} | ${fieldsText(given)} | ${fieldsText(results)} | ${needs} | ${does} |`;
  });
  return ['| Code | Name | Arguments | Results | Needs | What it does |', '|---|---|---|---|---|---|', ...lines].join(
    '\n',
  );
}

function fieldsText(fields: Fields): string {
  const texts = Object.entries(fields).map(([name, { form }]) => `${name}: ${form}`);
  return texts.length === 0 ? '-' : texts.join('; ');
}

function statusRows(): string {
  return Object.entries(HalStatus)
    .map(([name, value]) => `${value} ${name}`)
    .join(', ');
}

function between(page: string, mark: string, content: string): string {
  const [begin, end] = [`<!-- ${mark} -->\n`, `\n<!-- end of ${mark} -->`];
  const [at, until] = [page.indexOf(begin), page.indexOf(end)];
  assert.ok(at >= 0 && until > at, `docs/hsm-protocol.md has no place for ${mark}`);
  return page.slice(0, at + begin.length) + content + page.slice(until);
}

suite('docs/hsm-protocol.md', () => {
  test('has every function, argument, result and status as the server has them', () => {
    const page = fs.readFileSync(FILE, 'utf8');
    let expected = between(page, "libhal's functions", rows(false));
    expected = between(expected, 'our functions', rows(true));
    expected = between(expected, 'status codes', statusRows());
    if (process.env['SIGNET_WRITE_DOCS'] !== undefined) fs.writeFileSync(FILE, expected);
    assert.equal(
      fs.readFileSync(FILE, 'utf8'),
      expected,
      'SIGNET_WRITE_DOCS=1 sh scripts/node.sh --test test/hsm/protocol/documentation.test.ts writes it',
    );
  });
});
